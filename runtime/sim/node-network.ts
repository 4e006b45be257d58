// A network for nodes whose clock is virtual: listeners, dials and streams with latency, bounded buffers, half close and reset, all
// seeded. The same seed and the same calls give the same run. Time moves only inside `play` and `until`.

import { peerError } from '../core/errors.ts'
import { instant } from '../core/machine.ts'
import type { Woken } from '../drivers/loop.ts'
import type { DialOptions, ListenEvents, ListenOptions, Network } from '../drivers/network.ts'
import type { PortEvents, StreamPort } from '../drivers/stream-link.ts'
import {
  addressOf,
  type Connected,
  cannotListen,
  connectedBy,
  type Endpoint,
  type Listener,
} from '../drivers/transport.ts'
import { DeadlineHeap } from '../reliability/heap.ts'
import { copyOf } from '../wire/copy.ts'
import { SimRandom } from './random.ts'

export interface NodeNetworkOptions {
  readonly seed: number
  /** Milliseconds from one end to the other, and how much longer it may take. Defaults 1 and 0. */
  readonly latency?: number
  readonly jitter?: number
  /** Bytes on the way and unread, each way, before a sender is stopped. Default 64 KiB. */
  readonly buffer?: number
  /** Largest portion that is read at once; portions are cut at random between 1 and this. Default: whatever is there. */
  readonly portion?: number
}

interface Accepting {
  readonly host: string
  readonly events: ListenEvents
}

export class NodeNetwork {
  readonly random: SimRandom
  readonly options: Required<NodeNetworkOptions>
  readonly #heap = new DeadlineHeap<Woken>()
  readonly #calls = new DeadlineHeap<Call>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  /** By port. */
  readonly #listeners = new Map<number, Accepting>()
  #now = 0
  #order = 0
  #nextPort = 10_000

  constructor(options: NodeNetworkOptions) {
    this.options = { latency: 1, jitter: 0, buffer: 64 * 1024, portion: Infinity, ...options }
    this.random = new SimRandom(options.seed)
  }

  /** The virtual clock, milliseconds. */
  get now(): number {
    return this.#now
  }

  /** The network as a node at `host` sees it. */
  at(host = '127.0.0.1'): Network {
    return {
      now: () => instant(this.#now),
      arm: (woken, at) => {
        if (at !== Infinity && !(woken.place >= 0 && woken.at <= at)) this.#heap.move(woken, at)
      },
      disarm: woken => this.#heap.remove(woken),
      soon: call => queueMicrotask(call),
      resolve: async name => name,
      listen: (at, options, events) => this.#listen(at, options, events),
      dial: (to, options) => this.#dial(host, to, options),
    }
  }

  /** Lets `ms` pass, and everything happen that happens then. */
  async play(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.until(() => false, end - this.#now)
    this.#now = end
  }

  /** Lets time pass until `done()` holds. False when it does not within `ms`. */
  async until(done: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms
    for (;;) {
      await turns()
      if (done()) return true
      const at = Math.min(this.#heap.deadline(), this.#calls.deadline())
      if (at > end) {
        this.#now = end
        return false
      }
      this.#now = Math.max(this.#now, at)
      const call = this.#calls.peek()
      if (call !== undefined && call.at <= this.#now) {
        this.#calls.pop()
        call.run()
      } else this.#heap.pop()?.wake()
    }
  }

  /** What `promise` comes to, letting time pass meanwhile. */
  async settled<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let isSettled = false
    const note = (): void => {
      isSettled = true
    }
    promise.then(note, note)
    if (!(await this.until(() => isSettled, ms)))
      throw new Error(`nothing came of it within ${ms} ms (seed ${this.options.seed})`)
    return promise
  }

  /** Settles after a time of the virtual clock; rejects when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true })
      this.after(ms, resolve)
    })
  }

  /** Calls back after a time of the virtual clock. */
  after(ms: number, run: () => void): void {
    this.#calls.push({ at: this.#now + ms, place: -1, order: this.#order++, run })
  }

  get delay(): number {
    const { latency, jitter } = this.options
    return latency + this.random.next() * jitter
  }

  /** A raw client, for those who are no node. */
  async raw(to: string, from = '127.0.0.1'): Promise<RawPeer> {
    const colon = to.lastIndexOf(':')
    const dialled = this.#dial(from, { host: to.slice(0, colon), port: Number(to.slice(colon + 1)) }, RAW)
    return new RawPeer(await this.settled(dialled))
  }

  async #listen({ host, port }: Endpoint, _options: ListenOptions, events: ListenEvents): Promise<Listener> {
    const bound = port === 0 ? this.#port() : port
    if (this.#listeners.has(bound)) throw cannotListen({ code: 'EADDRINUSE' }, addressOf(host, bound))
    this.#listeners.set(bound, { host, events })
    return {
      host,
      port: bound,
      close: async () => void this.#listeners.delete(bound),
    }
  }

  #dial(host: string, to: Endpoint, { source, timeout, signal }: DialOptions): Promise<Connected> {
    return new Promise((resolve, reject) => {
      const name = addressOf(to.host, to.port)
      let isOver = false
      const give = (settle: () => void): void => {
        if (isOver) return
        isOver = true
        settle()
      }
      signal?.addEventListener('abort', () => give(() => reject(signal.reason)), { once: true })
      if (signal?.aborted) return give(() => reject(signal.reason))
      this.after(timeout, () => give(() => reject(peerError('Timeout', `${name} did not answer within ${timeout} ms`))))
      this.after(2 * this.delay, () =>
        give(() => {
          const accepting = this.#listeners.get(to.port)
          if (accepting === undefined) return reject(peerError('Unreachable', `${name}: connection refused`))
          const own = addressOf(source?.host ?? host, source?.port ?? this.#port())
          const [near, far] = [new SimPort(this), new SimPort(this)]
          near.other = far
          far.other = near
          accepting.events.accept(connectedBy(far, own))
          resolve(connectedBy(near, name))
        }),
      )
    })
  }

  #port(): number {
    return this.#nextPort++
  }
}

/** Somebody who speaks bytes, and does what he likes. */
export class RawPeer implements PortEvents {
  readonly port: StreamPort
  readonly #received: Uint8Array[] = []
  hasEnded = false
  closedBy: string | undefined

  constructor(connected: Connected) {
    this.port = connected.port(this)
    connected.start()
  }

  get received(): Uint8Array {
    return Uint8Array.from(this.#received.flatMap(chunk => [...chunk]))
  }

  /** The peer sends no more, one way or the other. */
  get isOver(): boolean {
    return this.hasEnded || this.closedBy !== undefined
  }

  write(...bytes: number[]): void {
    this.port.write(Uint8Array.from(bytes))
  }

  data(chunk: Uint8Array): boolean {
    this.#received.push(copyOf(chunk))
    return false
  }

  written(): void {}

  ended(): void {
    this.hasEnded = true
  }

  closed(reason: string): void {
    this.closedBy = reason
  }
}

/** One end of a stream. */
class SimPort implements StreamPort {
  other!: SimPort
  events: PortEvents | undefined
  /** Bytes that were written and that the network has not taken. */
  pending = 0
  /** Arrived and unread; with what is on its way it is bounded. */
  readonly #inbox: Uint8Array[] = []
  #held = 0
  readonly #outbox: Uint8Array[] = []
  readonly #network: NodeNetwork
  #isPaused = true
  #isEnding = false
  #finArrived = false
  #sawEnd = false
  #isDestroyed = false
  #lastArrival = 0

  constructor(network: NodeNetwork) {
    this.#network = network
  }

  write(chunk: Uint8Array): void {
    if (this.other.#isDestroyed) {
      // The other end answers with a reset.
      this.#network.after(this.#network.delay, () => this.lose('ECONNRESET'))
      queueMicrotask(() => this.events?.written())
      return
    }
    this.#outbox.push(copyOf(chunk))
    this.pending += chunk.length
    this.#push()
  }

  end(): void {
    this.#isEnding = true
    this.#push()
  }

  destroy(): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    const hadUnread = this.#inbox.length > 0
    this.#inbox.length = 0
    queueMicrotask(() => this.#closed('closed'))
    // Unread bytes turn the close into a reset (RFC 1122, 4.2.2.13).
    this.#arrive(() => (hadUnread ? this.other.lose('ECONNRESET') : this.other.#fin()))
  }

  lose(reason: string): void {
    if (this.#isDestroyed) return
    this.#isDestroyed = true
    this.#inbox.length = 0
    this.#closed(reason)
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#network.after(0, () => this.#read())
  }

  /** Moves what fits into the network. */
  #push(): void {
    for (;;) {
      const chunk = this.#outbox[0]
      if (chunk === undefined || this.#isDestroyed) break
      const room = this.#network.options.buffer - this.other.#held
      if (room <= 0) return
      const part = chunk.subarray(0, room)
      this.other.#held += part.length
      this.pending -= part.length
      if (part.length === chunk.length) {
        this.#outbox.shift()
        queueMicrotask(() => this.events?.written())
      } else this.#outbox[0] = chunk.subarray(part.length)
      this.#arrive(() => {
        if (this.other.#isDestroyed) return
        this.other.#inbox.push(part)
        this.other.#read()
      })
    }
    if (!this.#isEnding || this.#isDestroyed) return
    this.#isEnding = false
    this.#arrive(() => this.other.#fin())
  }

  #fin(): void {
    this.#finArrived = true
    this.#read()
  }

  #read(): void {
    while (!this.#isPaused && !this.#isDestroyed) {
      const chunk = this.#inbox[0]
      if (chunk === undefined) break
      const { portion } = this.#network.options
      const size =
        portion >= chunk.length ? chunk.length : Math.min(chunk.length, 1 + this.#network.random.below(portion))
      if (size === chunk.length) this.#inbox.shift()
      else this.#inbox[0] = chunk.subarray(size)
      this.#held -= size
      const own = copyOf(chunk, 0, size)
      // Borrowed bytes are overwritten, so that somebody who keeps them without saying so is found out.
      if (!(this.events?.data(own) ?? false)) own.fill(POISON)
      this.other.#push()
    }
    if (this.#isPaused || this.#isDestroyed || !this.#finArrived || this.#sawEnd || this.#inbox.length > 0) return
    this.#sawEnd = true
    this.events?.ended()
  }

  /** Calls when what was sent now arrives at the other end, in order. */
  #arrive(call: () => void): void {
    this.#lastArrival = Math.max(this.#lastArrival, this.#network.now + this.#network.delay)
    this.#network.after(this.#lastArrival - this.#network.now, call)
  }

  #closed(reason: string): void {
    this.events?.closed(reason)
  }
}

interface Call {
  at: number
  place: number
  readonly order: number
  readonly run: () => void
}

/** Turns of the microtask queue: as deep as chains of promises may be. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await undefined
}

const TURNS = 48
const POISON = 0xdd
const RAW: DialOptions = { timeout: 1000, nodelay: true, buffer: 65_536 }

// A whole network in one loop: a virtual clock, seeded links, any number of machines. The same seed gives the same run,
// to the byte; `transcript` is a hash of it. Print `seed` when a test fails.
//
// Time moves only inside `run`. Commands given to a machine from outside are noticed when `run` begins, after a call
// scheduled with `at`, or at once by `touch`.

import { type Address, type Batch, type DatagramMachine, instant, type StreamMachine } from '../core/machine.ts'
import { DeadlineHeap, type Timed } from '../reliability/heap.ts'
import type { LinkCounters, LinkOptions } from './link.ts'
import { Links } from './links.ts'
import { Partitions } from './partition.ts'
import { SimRandom } from './random.ts'
import { PERFECT_STREAM, SimConnection, type StreamHost, type StreamOptions } from './stream.ts'
import { Transcript } from './transcript.ts'

export interface SimOptions {
  readonly seed: number
  /** For every link that has none of its own. Default: perfect. */
  readonly link?: Partial<LinkOptions> | undefined
  readonly stream?: Partial<StreamOptions> | undefined
  /** Where the clock begins, milliseconds. Default 0. */
  readonly start?: number | undefined
  /** Largest number of datagrams that arrive together in one batch. Default 64. */
  readonly batch?: number | undefined
  /** Tell senders when nobody has the address they send to, as ICMP would. Default true. */
  readonly unreachable?: boolean | undefined
}

/** A datagram machine in the network. */
export interface SimSocket {
  readonly address: Address
  /** Takes another address; what is sent to the old one reaches nobody. */
  move(address: Address): void
  /** Takes the output of the machine after a command from outside. */
  touch(): void
  /** Takes the machine out, as a crash would. */
  remove(): void
}

/** Something in the future of the network. Equal times happen in the order in which they were planned. */
type Happening = Packet | Call | Node | Stream

interface Packet extends Timed {
  readonly kind: 'packet'
  readonly order: number
  readonly from: Address
  readonly to: Address
  readonly bytes: Uint8Array
}

interface Call extends Timed {
  readonly kind: 'call'
  readonly order: number
  readonly run: () => void
}

/** A datagram machine; in the future: its deadline. */
interface Node extends Timed {
  readonly kind: 'node'
  readonly order: number
  readonly machine: DatagramMachine
  address: Address
  present: boolean
}

/** A connection; in the future: the earlier deadline of its two machines. */
interface Stream extends Timed {
  readonly kind: 'stream'
  readonly order: number
  readonly connection: SimConnection
}

export class SimNetwork {
  readonly seed: number
  /** Draws for whoever builds the simulation: keys, ids, sizes. */
  readonly random: SimRandom
  readonly counters: LinkCounters & { unreachable: number } = { ...NOTHING }
  readonly #options: SimOptions
  readonly #nodes = new Map<Address, Node>()
  readonly #streams = new Set<Stream>()
  readonly #links: Links
  readonly #partitions = new Partitions()
  readonly #transcript = new Transcript()
  readonly #happenings = new DeadlineHeap<Happening>((a, b) => a.at < b.at || (a.at === b.at && a.order < b.order))
  readonly #offsets: Float64Array
  readonly #lengths: Float64Array
  readonly #peers: Address[]
  #slab: Uint8Array = new Uint8Array(64 * 1024)
  #now: number
  #order = 0
  #idleTurns = 0

  constructor(options: SimOptions) {
    this.#options = options
    this.random = new SimRandom(options.seed)
    this.seed = this.random.seed
    this.#links = new Links(options.link ?? {}, this.random, this.counters)
    this.#now = options.start ?? 0
    const batch = options.batch ?? 64
    this.#offsets = new Float64Array(batch)
    this.#lengths = new Float64Array(batch)
    this.#peers = new Array<Address>(batch).fill('')
  }

  /** The virtual clock, milliseconds. */
  get now(): number {
    return this.#now
  }

  /** Hash over every datagram, chunk, close and wake-up so far, with its time. */
  get transcript(): string {
    return this.#transcript.hash
  }

  /** Adds a datagram machine at an address, `host:port`. */
  datagram(address: Address, machine: DatagramMachine): SimSocket {
    if (this.#nodes.has(address)) throw new RangeError(`${address} is taken in this network`)
    const node: Node = {
      kind: 'node',
      at: Infinity,
      place: -1,
      order: this.#order++,
      machine,
      address,
      present: true,
    }
    this.#nodes.set(address, node)
    this.#settle(node)
    return {
      get address() {
        return node.address
      },
      move: to => this.#move(node, to),
      touch: () => this.#settle(node),
      remove: () => this.#remove(node),
    }
  }

  /** Opens a stream connection between two machines; both get `start` after one latency. */
  connect(
    dialer: readonly [Address, StreamMachine],
    acceptor: readonly [Address, StreamMachine],
    options: Partial<StreamOptions> = {},
  ): SimConnection {
    const all = { ...PERFECT_STREAM, ...this.#options.stream, ...options }
    const settle = () => this.#settleStream(stream)
    const connection = new SimConnection(this.#streamHost(settle), all, dialer, acceptor)
    const stream: Stream = { kind: 'stream', at: Infinity, place: -1, order: this.#order++, connection }
    this.#streams.add(stream)
    return connection
  }

  /** Changes what happens to datagrams from one address or host to another, from now on. */
  link(from: string, to: string, options: Partial<LinkOptions>): void {
    this.#links.set(from, to, options)
  }

  /** The same in both directions. */
  linkBoth(a: string, b: string, options: Partial<LinkOptions>): void {
    this.link(a, b, options)
    this.link(b, a, options)
  }

  /** Nothing passes between `a` and `b` (addresses or hosts; absent = everybody) until the returned function is called. */
  partition(a?: readonly string[], b?: readonly string[]): () => void {
    return this.#partitions.cut(a, b)
  }

  /** Calls `run` at a time of the virtual clock. */
  at(time: number, run: () => void): void {
    this.#schedule(time, () => {
      run()
      this.touch()
    })
  }

  /** Takes the output of all machines. */
  touch(): void {
    for (const node of this.#nodes.values()) this.#settle(node)
    for (const stream of this.#streams) this.#settleStream(stream)
  }

  /** Lets everything happen up to and including the time `until`, where the clock then stands. */
  run(until: number): void {
    this.#run(until, () => false)
    if (until !== Infinity) this.#now = Math.max(this.#now, until)
  }

  /** Lets things happen until `done()` holds, looked at after each. False when it does not by `limit`. */
  runUntil(done: () => boolean, limit: number): boolean {
    return this.#run(limit, done)
  }

  /**
   * As `runUntil`, for applications that wait with promises: after each happening they get some turns, and what they
   * then command is taken. Still deterministic, as long as they wait for nothing but the simulation.
   */
  async play(done: () => boolean, limit: number): Promise<boolean> {
    for (;;) {
      for (let turn = 0; turn < TURNS; turn++) await undefined
      this.touch()
      if (done()) return true
      if (!this.#step(limit)) return false
    }
  }

  #run(until: number, done: () => boolean): boolean {
    this.touch()
    while (!done()) if (!this.#step(until)) return false
    return true
  }

  /** Lets the next thing happen. False when there is none by `until`. */
  #step(until: number): boolean {
    const next = this.#happenings.peek()
    if (next === undefined || next.at > until) return false
    this.#happenings.pop()
    this.#advance(next.at)
    if (next.kind === 'packet') this.#deliver(next)
    else if (next.kind === 'call') next.run()
    else if (next.kind === 'node') this.#wake(next)
    else this.#wakeStream(next)
    return true
  }

  #advance(to: number): void {
    if (to > this.#now) {
      this.#now = to
      this.#idleTurns = 0
    } else if (++this.#idleTurns > STUCK) {
      throw new Error(
        `the simulation does not get past ${this.#now} ms (seed ${this.seed}): a deadline stays in the past`,
      )
    }
  }

  #schedule(at: number, run: () => void): void {
    this.#happenings.push({ kind: 'call', at: Math.max(at, this.#now), place: -1, order: this.#order++, run })
  }

  /** Delivers a datagram, together with those for the same machine that arrive at the same moment. */
  #deliver(first: Packet): void {
    const node = this.#nodes.get(first.to)
    if (node === undefined) {
      this.#refuse(first)
      return
    }
    let count = 0
    let at = 0
    for (let packet = first; ; ) {
      if (at + packet.bytes.length > this.#slab.length) this.#slab = grown(this.#slab, at + packet.bytes.length)
      this.#slab.set(packet.bytes, at)
      this.#offsets[count] = at
      this.#lengths[count] = packet.bytes.length
      this.#peers[count] = packet.from
      at += packet.bytes.length
      count++
      this.counters.delivered++
      this.#transcript.add(this.#now, KIND.datagram, packet.from, packet.to, packet.bytes)
      const next = this.#happenings.peek()
      if (count === this.#peers.length || next === undefined || next.kind !== 'packet') break
      if (next.at > this.#now || next.to !== first.to) break
      this.#happenings.pop()
      packet = next
    }
    const batch: Batch = { slab: this.#slab, count, offsets: this.#offsets, lengths: this.#lengths, peers: this.#peers }
    if (node.machine.receive(instant(this.#now), batch)) this.#slab = new Uint8Array(64 * 1024)
    // Borrowed bytes are overwritten, so that a machine that keeps them without saying so is found out.
    else this.#slab.fill(POISON, 0, at)
    this.#settle(node)
  }

  #refuse(packet: Packet): void {
    this.counters.unreachable++
    const sender = this.#nodes.get(packet.from)
    if (sender === undefined || this.#options.unreachable === false) return
    this.#schedule(this.#now + this.#links.get(packet.from, packet.to).options.latency, () => {
      if (!sender.present) return
      sender.machine.unreachable(instant(this.#now), packet.to, 'nobody listens there')
      this.#settle(sender)
    })
  }

  #wake(node: Node): void {
    this.#transcript.add(this.#now, KIND.wake, node.address, '', EMPTY)
    node.machine.wake(instant(this.#now))
    this.#settle(node)
  }

  #wakeStream(stream: Stream): void {
    stream.connection.wake()
    this.#settleStream(stream)
  }

  /** Drains a machine onto its links and sets its alarm. */
  #settle(node: Node): void {
    if (!node.present) return
    const { machine } = node
    for (let batch = machine.transmit(); batch !== undefined; batch = machine.transmit()) {
      for (let i = 0; i < batch.count; i++) {
        const start = batch.offsets[i] as number
        this.#send(node, batch.peers[i] as Address, batch.slab.subarray(start, start + (batch.lengths[i] as number)))
      }
      machine.release(batch)
    }
    if (machine.closed) this.#remove(node)
    else this.#arm(node, machine.deadline)
  }

  #settleStream(stream: Stream): void {
    const { connection } = stream
    connection.pump()
    this.#arm(stream, connection.deadline)
    if (connection.closed) this.#streams.delete(stream)
  }

  #arm(alarm: Node | Stream, deadline: number): void {
    if (deadline === Infinity) this.#happenings.remove(alarm)
    else this.#happenings.move(alarm, Math.max(deadline, this.#now))
  }

  #send(node: Node, to: Address, bytes: Uint8Array): void {
    const from = node.address
    if (this.#partitions.any && this.#partitions.separates(from, to)) {
      this.counters.sent++
      this.counters.lost++
      return
    }
    this.#links.get(from, to).send(this.#now, bytes, (at, copy) => {
      this.#happenings.push({ kind: 'packet', at, place: -1, order: this.#order++, from, to, bytes: copy })
    })
  }

  #move(node: Node, to: Address): void {
    if (this.#nodes.has(to)) throw new RangeError(`${to} is taken in this network`)
    this.#nodes.delete(node.address)
    this.#nodes.set(to, node)
    node.address = to
  }

  #remove(node: Node): void {
    if (!node.present) return
    node.present = false
    this.#nodes.delete(node.address)
    this.#happenings.remove(node)
  }

  /** What a connection sees of the network; `settle` follows everything that happens to it. */
  #streamHost(settle: () => void): StreamHost {
    const network = this
    return {
      get now() {
        return network.#now
      },
      random: this.random.fork(`stream ${this.#order}`),
      at: (time, call) =>
        this.#schedule(time, () => {
          call()
          settle()
        }),
      separated: (from, to) => this.#partitions.any && this.#partitions.separates(from, to),
      note: (kind, from, to, bytes) => this.#transcript.add(this.#now, KIND[kind], from, to, bytes),
    }
  }
}

function grown(slab: Uint8Array, size: number): Uint8Array {
  const larger = new Uint8Array(2 ** Math.ceil(Math.log2(size)))
  larger.set(slab)
  return larger
}

const NOTHING = {
  sent: 0,
  bytes: 0,
  delivered: 0,
  lost: 0,
  tooLarge: 0,
  overflowed: 0,
  duplicated: 0,
  reordered: 0,
  corrupted: 0,
  unreachable: 0,
}
const KIND = { datagram: 1, wake: 2, chunk: 3, end: 4, lost: 5 } as const
/** So many happenings without progress of the clock are a machine that asks to be woken at once, for ever. */
const STUCK = 1_000_000
/** Turns of the microtask queue for applications: as deep as chains of promises may be. */
const TURNS = 32
const POISON = 0xdd
const EMPTY = new Uint8Array(0)

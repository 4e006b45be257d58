// A simulated stream connection between two stream machines: ordered bytes that arrive in arbitrary portions, a bounded
// buffer that pushes back, half close and reset. Partitions hold bytes up instead of losing them, as TCP would.

import { instant, type StreamMachine } from '../core/machine.ts'
import { copyOf } from '../wire/copy.ts'
import type { SimRandom } from './random.ts'

/** All times in milliseconds. */
export interface StreamOptions {
  readonly latency: number
  readonly jitter: number
  /** Bytes per second, each way. */
  readonly bandwidth: number
  /** Bytes on the way and unread, each way, before the sender is stopped. */
  readonly buffer: number
  /** Largest portion given to `receive`; portions are cut at random between 1 and this. */
  readonly portion: number
}

/** What a connection needs of its network. */
export interface StreamHost {
  readonly now: number
  readonly random: SimRandom
  /** Calls back at a time; the order of equal times is the order of calls. */
  at(time: number, call: () => void): void
  separated(from: string, to: string): boolean
  note(kind: 'chunk' | 'end' | 'lost', from: string, to: string, bytes: Uint8Array): void
}

/** One end: a machine, and the pipe towards it. */
class End {
  readonly name: string
  readonly machine: StreamMachine
  /** Arrived, not read. */
  readonly inbox: Uint8Array[] = []
  /** Held up by a partition. */
  readonly arriving: (() => void)[] = []
  /** Bytes on the way to this end or in its inbox. */
  buffered = 0
  started = false
  finSent = false
  finArrived = false
  finRead = false
  lost = false
  busyUntil = 0
  lastArrival = 0

  constructor(name: string, machine: StreamMachine) {
    this.name = name
    this.machine = machine
  }
}

export class SimConnection {
  readonly #host: StreamHost
  readonly #options: StreamOptions
  readonly #ends: readonly [End, End]
  #pumping = false

  constructor(
    host: StreamHost,
    options: StreamOptions,
    dialer: readonly [string, StreamMachine],
    acceptor: readonly [string, StreamMachine],
  ) {
    this.#host = host
    this.#options = options
    this.#ends = [new End(...dialer), new End(...acceptor)]
    for (const end of this.#ends) host.at(host.now + options.latency, () => this.#start(end))
  }

  /** True when both ends know that it is over. */
  get closed(): boolean {
    return this.#ends[0].lost && this.#ends[1].lost
  }

  /** When the earlier of the two machines wants to be woken. */
  get deadline(): number {
    let deadline = Infinity
    for (const end of this.#ends) if (end.started && !end.lost) deadline = Math.min(deadline, end.machine.deadline)
    return deadline
  }

  wake(): void {
    const { now } = this.#host
    for (const end of this.#ends)
      if (end.started && !end.lost && end.machine.deadline <= now) end.machine.wake(instant(now))
    this.pump()
  }

  /** Breaks the connection for both at once, as a crash or a firewall would. */
  reset(reason = 'reset'): void {
    for (const end of this.#ends) this.#lose(end, reason)
  }

  /** Takes what the machines give and hands over what has arrived. To be called after a command from outside. */
  pump(): void {
    if (this.#pumping) return
    this.#pumping = true
    try {
      for (let moved = true; moved; ) {
        moved = false
        for (const end of this.#ends) moved = this.#write(end) || this.#read(end) || moved
      }
    } finally {
      this.#pumping = false
    }
  }

  #start(end: End): void {
    if (end.lost) return
    end.started = true
    end.machine.start(instant(this.#host.now))
    this.pump()
  }

  #other(end: End): End {
    return end === this.#ends[0] ? this.#ends[1] : this.#ends[0]
  }

  /** Moves output of `end` into the pipe. True when something happened. */
  #write(end: End): boolean {
    if (!end.started || end.lost || end.finSent) return false
    const other = this.#other(end)
    const { machine } = end
    if (machine.closing === 'now') {
      this.#lose(end, 'closed')
      this.#later(end, other, 0, () => this.#lose(other, 'reset by peer'))
      return true
    }
    let moved = false
    while (other.buffered < this.#options.buffer) {
      const chunk = machine.transmit()
      if (chunk === undefined) {
        if (machine.closing === 'after-flush') {
          end.finSent = true
          moved = true
          this.#later(end, other, 0, () => {
            other.finArrived = true
            this.pump()
          })
        }
        break
      }
      moved = true
      const own = copyOf(chunk)
      machine.release(chunk)
      if (own.length === 0) continue
      other.buffered += own.length
      this.#later(end, other, own.length, () => {
        other.inbox.push(own)
        this.pump()
      })
    }
    return moved
  }

  /** Hands arrived bytes to `end`, in portions. True when something happened. */
  #read(end: End): boolean {
    if (!end.started || end.lost) return false
    const { machine } = end
    const { now } = this.#host
    let moved = false
    while (machine.reading && end.inbox.length > 0 && !end.lost) {
      const chunk = end.inbox[0] as Uint8Array
      const size = Math.min(chunk.length, 1 + this.#host.random.below(this.#options.portion))
      if (size === chunk.length) end.inbox.shift()
      else end.inbox[0] = chunk.subarray(size)
      const portion = copyOf(chunk, 0, size)
      end.buffered -= size
      this.#host.note('chunk', this.#other(end).name, end.name, portion)
      // Borrowed bytes are overwritten, so that a machine that keeps them without saying so is found out.
      if (!machine.receive(instant(now), portion)) portion.fill(POISON)
      moved = true
      // A machine may want to send before it reads on.
      this.#write(end)
    }
    if (end.finArrived && !end.finRead && end.inbox.length === 0 && !end.lost) {
      end.finRead = true
      this.#host.note('end', this.#other(end).name, end.name, EMPTY)
      machine.end(instant(now))
      moved = true
    }
    if (end.finSent && end.finRead && !end.lost) {
      this.#lose(end, 'closed')
      moved = true
    }
    return moved
  }

  #lose(end: End, reason: string): void {
    if (end.lost) return
    end.lost = true
    end.inbox.length = 0
    this.#host.note('lost', this.#other(end).name, end.name, EMPTY)
    end.machine.lost(instant(this.#host.now), reason)
    if (end.started)
      for (let chunk = end.machine.transmit(); chunk !== undefined; chunk = end.machine.transmit())
        end.machine.release(chunk)
  }

  /** Calls back when `size` bytes from `from` arrive at `to`; a partition holds them up. */
  #later(from: End, to: End, size: number, call: () => void): void {
    const { latency, jitter, bandwidth } = this.#options
    const host = this.#host
    to.busyUntil = Math.max(host.now, to.busyUntil) + (bandwidth === Infinity ? 0 : (size * 1000) / bandwidth)
    to.lastArrival = Math.max(to.lastArrival, to.busyUntil + latency + host.random.next() * jitter)
    host.at(to.lastArrival, () => {
      to.arriving.push(call)
      if (to.arriving.length === 1) this.#arrive(from, to)
    })
  }

  /** Delivers in order what has arrived, or tries again later while the two are separated. */
  #arrive(from: End, to: End): void {
    const host = this.#host
    if (host.separated(from.name, to.name)) {
      host.at(host.now + RETRANSMIT, () => this.#arrive(from, to))
      return
    }
    for (const call of to.arriving.splice(0)) if (!to.lost) call()
  }
}

export const PERFECT_STREAM: StreamOptions = {
  latency: 0,
  jitter: 0,
  bandwidth: Infinity,
  buffer: 256 * 1024,
  portion: 64 * 1024,
}

/** A held-up segment is tried again after this, milliseconds. */
const RETRANSMIT = 200
const POISON = 0xdd
const EMPTY = new Uint8Array(0)

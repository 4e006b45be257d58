// A link that several flows share, with a queue that drops what does not fit, and a TCP-like flow to compete with: CUBIC
// as RFC 9438 has it, window in segments, sent by the clock of acknowledgements, selective acknowledgements, NewReno
// style recovery, written without anything of runtime/reliability.

import {
  type Address,
  type Batch,
  type DatagramMachine,
  type Instant,
  instant,
  NEVER,
} from '../../runtime/core/machine.ts'

/** Forwards datagrams at a rate, by sender. */
export class Bottleneck implements DatagramMachine {
  readonly closed = false
  deadline: Instant = NEVER
  dropped = 0
  /** Milliseconds that datagrams waited, in order of arrival. */
  readonly waits: number[] = []
  readonly #rate: number
  readonly #room: number
  readonly #routes: ReadonlyMap<Address, Address>
  readonly #queue: { bytes: Uint8Array; to: Address; at: number }[] = []
  readonly #out: { bytes: Uint8Array; to: Address }[] = []
  #queued = 0
  #busyUntil = 0

  /** Bits per second, bytes of queue. */
  constructor(bitsPerSecond: number, room: number, routes: ReadonlyMap<Address, Address>) {
    this.#rate = bitsPerSecond / 8000
    this.#room = room
    this.#routes = routes
  }

  receive(now: Instant, batch: Batch): boolean {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i] as number
      const bytes = batch.slab.slice(start, start + (batch.lengths[i] as number))
      const to = this.#routes.get(batch.peers[i] as Address)
      if (to === undefined) continue
      if (this.#queued + bytes.length > this.#room) {
        this.dropped++
        continue
      }
      const begin = Math.max(now, this.#busyUntil)
      this.waits.push(begin - now)
      this.#busyUntil = begin + bytes.length / this.#rate
      this.#queue.push({ bytes, to, at: this.#busyUntil })
      this.#queued += bytes.length
    }
    this.#arm()
    return false
  }

  wake(now: Instant): void {
    while ((this.#queue[0]?.at ?? Infinity) <= now) {
      const { bytes, to } = this.#queue.shift()!
      this.#queued -= bytes.length
      this.#out.push({ bytes, to })
    }
    this.#arm()
  }

  unreachable(): void {}

  transmit(): Batch | undefined {
    const next = this.#out.shift()
    if (next === undefined) return undefined
    return { slab: next.bytes, count: 1, offsets: [0], lengths: [next.bytes.length], peers: [next.to] }
  }

  release(): void {}

  #arm(): void {
    this.deadline = instant(this.#queue[0]?.at ?? Infinity)
  }
}

/** Sends for ever. */
export class TcpLike implements DatagramMachine {
  readonly closed = false
  deadline: Instant = NEVER
  readonly #to: Address
  readonly #out: Uint8Array[] = []
  /** Segment -> when it was sent; lost ones are to be sent again. */
  readonly #flying = new Map<number, { at: number; again: boolean }>()
  readonly #lost = new Set<number>()
  #next = 0
  #acked = -1
  #window = 10
  #threshold = Infinity
  #most = 0
  #k = 0
  #epoch: number | undefined
  #estimate = 0
  #recover = -1
  #smoothed = 0
  #variation = 0

  constructor(to: Address) {
    this.#to = to
  }

  begin(now: number): void {
    this.#fill(now)
  }

  receive(now: Instant, batch: Batch): boolean {
    for (let i = 0; i < batch.count; i++) {
      const view = new DataView(batch.slab.buffer, batch.slab.byteOffset + (batch.offsets[i] as number))
      this.#ack(now, view.getUint32(0))
    }
    this.#fill(now)
    return false
  }

  wake(now: Instant): void {
    // Everything in flight is lost.
    for (const segment of this.#flying.keys()) this.#lost.add(segment)
    this.#flying.clear()
    this.#reduce()
    this.#window = 1
    this.#recover = this.#next
    this.#fill(now)
  }

  unreachable(): void {}

  transmit(): Batch | undefined {
    const bytes = this.#out.shift()
    if (bytes === undefined) return undefined
    return { slab: bytes, count: 1, offsets: [0], lengths: [bytes.length], peers: [this.#to] }
  }

  release(): void {}

  #ack(now: number, segment: number): void {
    const sent = this.#flying.get(segment)
    this.#flying.delete(segment)
    this.#lost.delete(segment)
    if (sent === undefined) return
    if (!sent.again) this.#sample(now - sent.at)
    this.#acked = Math.max(this.#acked, segment)
    for (const [other, { again, at }] of this.#flying) {
      if (other > this.#acked - 3) break
      if (again && now - at < this.#smoothed + 4 * this.#variation) continue
      this.#flying.delete(other)
      this.#lost.add(other)
      if (other > this.#recover) {
        this.#recover = this.#next
        this.#reduce()
      }
    }
    if (segment > this.#recover || this.#window < this.#threshold) this.#grow(now)
  }

  #grow(now: number): void {
    if (this.#window < this.#threshold) {
      this.#window++
      return
    }
    if (this.#epoch === undefined) {
      this.#epoch = now
      this.#estimate = this.#window
      this.#most = Math.max(this.#most, this.#window)
      this.#k = Math.cbrt((this.#most - this.#window) / 0.4)
    }
    const t = (now - this.#epoch) / 1000 + this.#smoothed / 1000
    this.#estimate += (this.#estimate < this.#most ? 0.53 : 1) / this.#window
    const target = Math.min(0.4 * (t - this.#k) ** 3 + this.#most, 1.5 * this.#window)
    if (target > this.#window) this.#window += (target - this.#window) / this.#window
    this.#window = Math.max(this.#window, this.#estimate)
  }

  #reduce(): void {
    this.#epoch = undefined
    this.#most = this.#window < this.#most ? this.#window * 0.85 : this.#window
    this.#window = Math.max(2, this.#window * 0.7)
    this.#threshold = this.#window
  }

  #sample(ms: number): void {
    if (this.#smoothed === 0) {
      this.#smoothed = ms
      this.#variation = ms / 2
    }
    this.#variation += (Math.abs(this.#smoothed - ms) - this.#variation) / 4
    this.#smoothed += (ms - this.#smoothed) / 8
  }

  #fill(now: number): void {
    while (this.#flying.size < Math.floor(this.#window)) {
      let segment = this.#next
      let again = false
      for (const lost of this.#lost) {
        segment = lost
        again = true
        break
      }
      if (again) this.#lost.delete(segment)
      else this.#next++
      this.#flying.set(segment, { at: now, again })
      const bytes = new Uint8Array(1200)
      new DataView(bytes.buffer).setUint32(0, segment)
      this.#out.push(bytes)
    }
    this.deadline = instant(now + Math.max(200, this.#smoothed + 4 * this.#variation || 1000))
  }
}

/** Acknowledges every segment of a TcpLike. */
export class TcpSink implements DatagramMachine {
  readonly closed = false
  readonly deadline: Instant = NEVER
  readonly #to: Address
  readonly #out: Uint8Array[] = []
  readonly #seen = new Set<number>()
  /** Called with the bytes of each new segment. */
  onBytes: (now: number, bytes: number) => void = () => {}

  constructor(to: Address) {
    this.#to = to
  }

  receive(now: Instant, batch: Batch): boolean {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i] as number
      const segment = new DataView(batch.slab.buffer, batch.slab.byteOffset + start).getUint32(0)
      if (!this.#seen.has(segment)) this.onBytes(now, batch.lengths[i] as number)
      this.#seen.add(segment)
      this.#out.push(batch.slab.slice(start, start + 4))
    }
    return false
  }

  wake(): void {}

  unreachable(): void {}

  transmit(): Batch | undefined {
    const bytes = this.#out.shift()
    if (bytes === undefined) return undefined
    return { slab: bytes, count: 1, offsets: [0], lengths: [bytes.length], peers: [this.#to] }
  }

  release(): void {}
}

/** Jain's index: 1 when all have the same. */
export function fairness(shares: readonly number[]): number {
  const sum = shares.reduce((a, b) => a + b, 0)
  return sum ** 2 / (shares.length * shares.reduce((a, b) => a + b * b, 0))
}

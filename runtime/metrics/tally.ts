// The counters behind a meter. Everything is bounded: frames by the codec, events by the runtime, labels by a cap, and
// round-trip times by what fits between two scrapes.

import type { Meter, MeterEvent, MeterGauge } from '../core/meter.ts'

export interface Count {
  times: number
  size: number
}

export class Tally implements Meter {
  readonly receivedFrames: Float64Array
  readonly receivedBytes: Float64Array
  readonly sentFrames: Float64Array
  readonly sentBytes: Float64Array
  /** Event -> label -> count. */
  readonly events: Map<string, Map<string, Count>> = new Map()
  bytesRead = 0
  bytesWritten = 0
  packetsRead = 0
  packetsWritten = 0
  readonly #roundTrips = new Samples()
  readonly #handshakes = new Samples()
  readonly #gauges = new Map<MeterGauge, Set<() => number>>()

  constructor(frames: number) {
    this.receivedFrames = new Float64Array(frames)
    this.receivedBytes = new Float64Array(frames)
    this.sentFrames = new Float64Array(frames)
    this.sentBytes = new Float64Array(frames)
  }

  received(frame: number, size: number, times = 1): void {
    this.receivedFrames[frame]! += times
    this.receivedBytes[frame]! += size
  }

  sent(frame: number, size: number, times = 1): void {
    this.sentFrames[frame]! += times
    this.sentBytes[frame]! += size
  }

  bytesIn(size: number, packets = 1): void {
    this.bytesRead += size
    this.packetsRead += packets
  }

  bytesOut(size: number, packets = 1): void {
    this.bytesWritten += size
    this.packetsWritten += packets
  }

  count(event: MeterEvent, label = '', size = 0): void {
    let labels = this.events.get(event)
    if (labels === undefined) {
      labels = new Map()
      this.events.set(event, labels)
    }
    let count = labels.get(label)
    if (count === undefined) {
      const name = labels.size < LABELS ? label : OTHER
      count = labels.get(name) ?? { times: 0, size: 0 }
      labels.set(name, count)
    }
    count.times++
    count.size += size
  }

  roundTrip(ms: number): void {
    this.#roundTrips.add(ms)
  }

  handshake(ms: number): void {
    this.#handshakes.add(ms)
  }

  gauge(of: MeterGauge, read: () => number): () => void {
    const reads = this.#gauges.get(of) ?? new Set()
    this.#gauges.set(of, reads)
    reads.add(read)
    return () => void reads.delete(read)
  }

  /** The sum of a gauge now. */
  read(of: string): number {
    let sum = 0
    for (const read of this.#gauges.get(of as MeterGauge) ?? []) sum += read()
    return sum
  }

  /** Round-trip times since the last call, milliseconds, at most 4096 of them. */
  takeRoundTrips(): Float64Array {
    return this.#roundTrips.take()
  }

  /** The same for handshakes. */
  takeHandshakes(): Float64Array {
    return this.#handshakes.take()
  }
}

/** Times between two scrapes; of too many the newest are kept. */
class Samples {
  readonly #values = new Float64Array(SAMPLES)
  #count = 0

  add(value: number): void {
    this.#values[this.#count % SAMPLES] = value
    this.#count++
  }

  take(): Float64Array {
    const taken = this.#values.slice(0, Math.min(SAMPLES, this.#count))
    this.#count = 0
    return taken
  }
}

const SAMPLES = 4096
/** Different labels of one event; more are counted as `other`. */
const LABELS = 64
const OTHER = 'other'

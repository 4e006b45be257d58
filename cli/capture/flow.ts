// Puts the TCP segments of a capture back into byte streams, one a direction (RFC 9293): in order, without what was sent
// twice. A gap that is never filled ends the usable part; what follows it is counted, not guessed.

import type { Segment } from './packet.ts'

/** One direction of one connection. */
export interface Flow {
  readonly from: string
  readonly to: string
  readonly fromPort: number
  readonly toPort: number
  readonly bytes: Uint8Array
  /** Unix milliseconds of the packet that brought the byte at `offset`. */
  readonly timeAt: (offset: number) => number | undefined
  /** Bytes behind a gap. */
  readonly lost: number
}

/** Flows in the order of their first segment. A reused pair of ports (a new SYN) starts a new flow. */
export function readFlows(segments: readonly Segment[]): Flow[] {
  const current = new Map<string, Assembly>()
  const all: Assembly[] = []
  for (const segment of segments) {
    if (segment.transport !== 'tcp') continue
    const key = `${segment.from} ${segment.to}`
    let assembly = current.get(key)
    if (!assembly || (segment.syn && assembly.started)) {
      assembly = new Assembly(segment)
      current.set(key, assembly)
      all.push(assembly)
    }
    assembly.add(segment)
  }
  return all.filter(assembly => assembly.started).map(assembly => assembly.flow())
}

interface Piece {
  /** From the first byte of the stream. */
  readonly offset: number
  readonly bytes: Uint8Array
  readonly time: number | undefined
}

class Assembly {
  readonly #first: Segment
  readonly #pieces: Piece[] = []
  /** Where the last segment stood: sequence numbers have 32 bits and wrap, offsets do not. */
  #sequence: number
  #offset = 0

  constructor(first: Segment) {
    this.#first = first
    this.#sequence = dataSequence(first)
  }

  get started(): boolean {
    return this.#pieces.length > 0
  }

  add(segment: Segment): void {
    if (segment.payload.length === 0) return
    const sequence = dataSequence(segment)
    this.#offset += (sequence - this.#sequence) | 0
    this.#sequence = sequence
    this.#pieces.push({ offset: this.#offset, bytes: segment.payload, time: segment.time })
  }

  flow(): Flow {
    const { from, to, fromPort, toPort } = this.#first
    const pieces = this.#pieces.sort((a, b) => a.offset - b.offset)
    const taken: Piece[] = []
    let next = Math.min(0, pieces[0]!.offset)
    const start = next
    let lost = 0
    for (const { offset, bytes, time } of pieces) {
      if (offset > next) {
        lost += bytes.length
        continue
      }
      const fresh = bytes.subarray(Math.min(bytes.length, next - offset))
      if (fresh.length === 0) continue
      taken.push({ offset: next - start, bytes: fresh, time })
      next += fresh.length
    }
    return {
      from,
      to,
      fromPort,
      toPort,
      bytes: Buffer.concat(taken.map(piece => piece.bytes)),
      timeAt: timeOf(taken),
      lost,
    }
  }
}

/** The sequence number of the segment's first byte of data: a SYN counts as one byte. */
function dataSequence({ syn, sequence }: Segment): number {
  return syn ? (sequence + 1) >>> 0 : sequence
}

function timeOf(pieces: readonly Piece[]): (offset: number) => number | undefined {
  return offset => {
    let low = 0
    let high = pieces.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (pieces[middle]!.offset <= offset) low = middle
      else high = middle - 1
    }
    return pieces[low]?.time
  }
}

// A tiny datagram protocol for tests of the network and of reliability: type, id (u32), sum over both and the body.
// Requests are answered by id, sent again, and handled once: outstanding requests on one side, duplicates on the other.

import { type Batch, type DatagramMachine, type Instant, instant } from '../../runtime/core/machine.ts'
import { Duplicates } from '../../runtime/reliability/duplicates.ts'
import { RequestIds } from '../../runtime/reliability/ids.ts'
import { Outstanding } from '../../runtime/reliability/outstanding.ts'

const REQUEST = 1
const ANSWER = 2

export class Toy implements DatagramMachine {
  readonly handled: string[] = []
  readonly answered: string[] = []
  readonly expired: string[] = []
  readonly refused: string[] = []
  readonly deadTo: string[] = []
  bad = 0
  attempts = 0
  closed = false
  largestBatch = 0
  readonly #out: { to: string; bytes: Uint8Array }[] = []
  readonly #waiting: { to: string; text: string }[] = []
  readonly #ids = new RequestIds({ ids: 'counter', bits: 32 })
  readonly #open: Outstanding<{ to: string; text: string; bytes: Uint8Array }>
  readonly #seen = new Duplicates<Uint8Array>({ window: 64, sources: 8, bytes: 1 << 16 })

  constructor(inFlight = 16, times = 40) {
    this.#open = new Outstanding({ timeout: 100, retry: { times, from: 20, to: 500 }, inFlight })
  }

  request(now: number, to: string, text: string): void {
    this.#waiting.push({ to, text })
    this.#fill(now)
  }

  receive(now: Instant, batch: Batch): boolean {
    this.largestBatch = Math.max(this.largestBatch, batch.count)
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i]!
      this.#one(batch.peers[i]!, batch.slab.subarray(start, start + batch.lengths[i]!))
    }
    this.#fill(now)
    return false
  }

  unreachable(_now: Instant, peer: string): void {
    this.deadTo.push(peer)
  }

  wake(now: Instant): void {
    for (let r = this.#open.due(now); r !== undefined; r = this.#open.due(now)) {
      if (r.expired) this.expired.push(r.token.text)
      else this.#send(r.token.to, r.token.bytes)
    }
    this.#fill(now)
  }

  transmit(): Batch | undefined {
    const next = this.#out.shift()
    if (next === undefined) return undefined
    return { slab: next.bytes, count: 1, offsets: [0], lengths: [next.bytes.length], peers: [next.to] }
  }

  release(): void {}

  get deadline(): Instant {
    return instant(this.#open.deadline())
  }

  #fill(now: number): void {
    while (!this.#open.full && this.#waiting.length > 0) {
      const { to, text } = this.#waiting.shift()!
      const id = this.#ids.next(each => this.#open.has(each)) as number
      const bytes = encode(REQUEST, id, text)
      this.#open.open(now, id, { to, text, bytes })
      this.#send(to, bytes)
    }
  }

  #send(to: string, bytes: Uint8Array): void {
    this.attempts++
    this.#out.push({ to, bytes })
  }

  #one(from: string, bytes: Uint8Array): void {
    const message = decode(bytes)
    if (message === undefined) {
      this.bad++
      return
    }
    if (message.type === ANSWER) {
      const request = this.#open.answered(message.id)
      if (request !== undefined) this.answered.push(message.text)
      return
    }
    const seen = this.#seen.check(from, message.id)
    if (seen === undefined) {
      this.handled.push(message.text)
      const answer = encode(ANSWER, message.id, `re: ${message.text}`)
      this.#seen.answer(from, message.id, answer, answer.length)
      this.#out.push({ to: from, bytes: answer })
    } else if (seen.answer !== undefined) this.#out.push({ to: from, bytes: seen.answer })
  }
}

function encode(type: number, id: number, text: string): Uint8Array {
  const body = new TextEncoder().encode(text)
  const bytes = new Uint8Array(9 + body.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = type
  view.setUint32(1, id)
  bytes.set(body, 9)
  view.setUint32(5, sum(bytes))
  return bytes
}

function decode(bytes: Uint8Array): { type: number; id: number; text: string } | undefined {
  if (bytes.length < 9) return undefined
  const copy = bytes.slice()
  const view = new DataView(copy.buffer)
  const told = view.getUint32(5)
  view.setUint32(5, 0)
  if (sum(copy) !== told) return undefined
  return { type: copy[0]!, id: view.getUint32(1), text: new TextDecoder().decode(copy.subarray(9)) }
}

/** FNV-1a: finds every flip of up to three neighbouring bits in a few bytes. */
function sum(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}

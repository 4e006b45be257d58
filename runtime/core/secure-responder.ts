// The server's half of a Noise handshake over datagrams, behind the cookie: one half-open entry. It answers the same
// first message with the same bytes, and is open only when the first sealed packet of the client opened.

import { keyLength } from '../crypto/noise/pattern.ts'
import type { Reader } from '../wire/codec.ts'
import { peerError } from './errors.ts'
import type { NoiseDescriptor } from './handshake-descriptor.ts'
import { type Instant, instant } from './machine.ts'
import type { NoiseExchange } from './noise-exchange.ts'
import type { Plain } from './recast.ts'
import { type AttemptHost, payloadName, tellsId, toldId } from './secure-attempt.ts'

export class Responder {
  readonly #host: AttemptHost
  readonly #noise: NoiseDescriptor
  #exchange: NoiseExchange
  /** The client's first message and our answer to it. */
  #first: Uint8Array | undefined
  #reply: Uint8Array | undefined
  #clientId = 0
  #repliedAt: Instant
  readonly deadline: Instant

  constructor(host: AttemptHost, now: Instant, timeout: number) {
    this.#host = host
    this.#noise = host.script.noise as NoiseDescriptor
    this.#exchange = host.exchange(host.random(keyLength(host.suite)))
    this.#repliedAt = now
    this.deadline = instant(now + timeout)
  }

  /** The message that began it, to be compared with one that comes again. */
  get first(): Uint8Array | undefined {
    return this.#first
  }

  /** Milliseconds since our answer went last, for a first estimate of the round trip. */
  roundTrip(now: Instant): number {
    return now - this.#repliedAt
  }

  /** Reads the first message and answers. False: it is not from anybody who may be here; nothing was sent. */
  begin(now: Instant, frame: Reader, noise: Uint8Array, clientId: number): boolean {
    const host = this.#host
    this.#first = Uint8Array.from(noise)
    let payload = this.#exchange.read(this.#first)
    if (payload === 'refused') {
      if (!this.#fallBack(this.#first)) return false
      payload = {}
    } else if (payload === 'bad' || !this.#exchange.isAccepted || !this.#isNewer(1, payload)) return false
    const told = toldId(host.script, 'client', payloadName(this.#noise, 1), payload)
    this.#clientId = told ?? clientId
    if (host.script.ids !== undefined && !(this.#clientId > 0)) return false
    const answer: Plain = {}
    tellsId(host.script, 'server', payloadName(this.#noise, 2), answer, host.ownId)
    this.#reply = this.#exchange.write(answer)
    if (this.#reply === undefined) return false
    host.passed(now, this.#frame(0), frame)
    this.again(now)
    host.passed(now, this.#frame(1), undefined)
    if (this.#exchange.finished) host.keyed(now, this.#exchange.split(), this.#clientId)
    return true
  }

  /** The same first message came again: the same answer, without any computation. */
  again(now: Instant): void {
    this.#repliedAt = now
    const value: Plain = {}
    tellsId(this.#host.script, 'server', this.#frame(1), value, this.#host.ownId)
    this.#noise.messages[1]?.field.set(value, this.#reply)
    this.#host.send(this.#frame(1), value, this.#clientId)
  }

  /** The last message of the client. What does not open changes nothing. */
  arrived(now: Instant, frame: Reader): void {
    if (this.#exchange.finished || frame.frameName !== this.#frame(2)) return
    const message = this.#noise.messages[2]?.field.get(frame)
    if (!(message instanceof Uint8Array)) return
    const payload = this.#exchange.read(Uint8Array.from(message))
    if (payload === 'refused') return
    if (payload === 'bad' || !this.#exchange.isAccepted || !this.#isNewer(3, payload)) {
      this.#host.failed(
        now,
        peerError('HandshakeFailed', 'the client has shown a key or a payload that is not accepted', { fatal: true }),
      )
      return
    }
    this.#host.passed(now, this.#frame(2), frame)
    this.#host.keyed(now, this.#exchange.split(), this.#clientId)
  }

  destroy(): void {
    this.#exchange.destroy()
  }

  /** The first message did not open: it goes on with the key in front of it, in the suite that the schema names for that. */
  #fallBack(first: Uint8Array): boolean {
    const length = keyLength(this.#host.suite)
    if (first.length < length) return false
    const other = this.#host.fallback(this.#host.random(length), first.slice(0, length))
    if (other === undefined) return false
    this.#exchange.destroy()
    this.#exchange = other
    return true
  }

  /** Whether the field that must grow has grown, where it is in this message. */
  #isNewer(message: number, payload: Plain): boolean {
    const [struct, field = ''] = this.#noise.newer?.split('.') ?? []
    if (struct === undefined || payloadName(this.#noise, message) !== struct) return true
    const { remoteStatic } = this.#exchange
    return remoteStatic !== undefined && this.#host.isNewer(remoteStatic, payload[field])
  }

  #frame(message: number): string {
    return this.#noise.messages[message]?.frame ?? ''
  }
}

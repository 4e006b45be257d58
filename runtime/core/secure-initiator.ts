// The client's half of a Noise handshake over datagrams (docs/language, "Handshake"). It keeps its ephemeral key for the
// whole attempt, puts the newest cookie in, repeats with growing pauses, and after the last Noise message goes on saying
// that it has the keys until a sealed packet opens. Nothing that arrives in the clear can end it.

import { keyLength } from '../crypto/noise/pattern.ts'
import type { Reader } from '../wire/codec.ts'
import { LocalError, type PeerError, peerError } from './errors.ts'
import type { NoiseDescriptor } from './handshake-descriptor.ts'
import { type Instant, instant } from './machine.ts'
import type { NoiseExchange } from './noise-exchange.ts'
import type { Plain } from './recast.ts'
import { type AttemptHost, payloadName, tellsId, toldId } from './secure-attempt.ts'

export class Initiator {
  readonly #host: AttemptHost
  readonly #noise: NoiseDescriptor
  readonly #ephemeral: Uint8Array
  #sentAt: Instant
  #exchange: NoiseExchange
  /** Noise messages sent so far; the last one is what is repeated. */
  #sent: { readonly frame: string; readonly noise: Uint8Array; readonly to: number }
  #cookie: Uint8Array | undefined
  #wait: number
  #againAt: Instant
  #failAt: Instant
  #isProving = false
  /** Why it fails when nothing better comes. */
  #reason: PeerError | undefined
  /** Times of the challenges that were obeyed in the last second. */
  #obeyed: number[] = []
  /** A challenge came or something else that only the server's address can send. */
  wasHeard = false

  /** Throws LocalError where a key is missing. */
  constructor(host: AttemptHost, now: Instant, timeout: number) {
    const { script, suite } = host
    this.#host = host
    this.#noise = script.noise as NoiseDescriptor
    this.#ephemeral = host.random(keyLength(suite))
    this.#sentAt = now
    host.scope.frames[this.#frame(0)] = this.#told(this.#frame(0))
    this.#exchange = host.exchange(Uint8Array.from(this.#ephemeral))
    this.#sent = { frame: this.#frame(0), noise: this.#first(), to: host.ownId }
    this.#wait = script.retry?.from ?? DEFAULT_WAIT
    this.#againAt = instant(now + this.#wait)
    this.#failAt = instant(now + timeout)
  }

  get deadline(): Instant {
    return this.#againAt < this.#failAt ? this.#againAt : this.#failAt
  }

  /** The first packet. */
  start(now: Instant): void {
    this.#send(now)
  }

  /** Milliseconds since the packet that is answered was sent; the newest one of several equal ones. */
  roundTrip(now: Instant): number {
    return now - this.#sentAt
  }

  /** A frame of the handshake came from the server's address, under our id. */
  arrived(now: Instant, frame: Reader): void {
    const { cookie } = this.#host.script
    if (frame.frameName === cookie?.challenge.frame) this.#challenged(now, cookie.challenge.field.get(frame))
    else if (!this.#isProving && frame.frameName === this.#frame(1)) this.#answered(now, frame)
  }

  wake(now: Instant): void {
    if (now >= this.#failAt) this.#host.failed(now, this.#failure())
    else if (now >= this.#againAt) this.#repeat(now)
  }

  destroy(): void {
    this.#exchange.destroy()
    this.#ephemeral.fill(0)
  }

  #repeat(now: Instant): void {
    const { retry } = this.#host.script
    this.#wait = Math.min(this.#wait * 2, retry?.to ?? DEFAULT_WAIT)
    this.#againAt = instant(now + this.#wait)
    this.#send(now)
  }

  /** What is due at this point: the first message, or the last one and the proof. */
  #send(now: Instant): void {
    if (this.#isProving) {
      if (this.#sent.frame !== this.#frame(0)) this.#transmit(now)
      this.#host.prove(now)
    } else this.#transmit(now)
  }

  #transmit(now: Instant): void {
    const { script } = this.#host
    const { frame, noise, to } = this.#sent
    const value = this.#told(frame)
    script.noise?.messages.find(one => one.frame === frame)?.field.set(value, noise)
    if (this.#cookie !== undefined && script.cookie?.echo?.frame === frame)
      script.cookie.echo.field.set(value, this.#cookie)
    this.#sentAt = now
    this.#host.send(frame, value, to)
    this.#host.passed(now, frame, undefined)
  }

  /** A forged challenge costs one packet, and only four of them a second. */
  #challenged(now: Instant, cookie: unknown): void {
    if (this.#isProving || !(cookie instanceof Uint8Array)) return
    this.#obeyed = this.#obeyed.filter(at => now - at < 1000)
    if (this.#obeyed.length >= MOST_CHALLENGES) return
    this.#obeyed.push(now)
    this.wasHeard = true
    this.#cookie = Uint8Array.from(cookie)
    this.#host.passed(now, this.#host.script.cookie?.challenge.frame ?? '', undefined)
    this.#transmit(now)
  }

  #answered(now: Instant, frame: Reader): void {
    const host = this.#host
    const message = host.script.noise?.messages[1]?.field.get(frame)
    if (!(message instanceof Uint8Array)) return
    const payload = this.#read(Uint8Array.from(message))
    if (payload === 'refused') return
    this.wasHeard = true
    const peerId = payload === 'bad' ? undefined : this.#peerId(payload)
    if (peerId === undefined || !this.#exchange.isAccepted) {
      this.#refuse(now, peerId === undefined)
      return
    }
    const last = this.#exchange.writes ? this.#exchange.write(this.#payload(3)) : NOTHING
    if (last === undefined) {
      this.#refuse(now, false)
      return
    }
    host.passed(now, this.#frame(1), frame)
    this.#isProving = true
    if (last.length > 0) this.#sent = { frame: this.#frame(2), noise: last, to: peerId }
    host.keyed(now, this.#exchange.split(), peerId)
    this.#wait = host.script.retry?.from ?? DEFAULT_WAIT
    this.#againAt = instant(now + this.#wait)
    this.#send(now)
  }

  /** The server may have answered in the suite that it falls back to, when it could not open our first message. */
  #read(message: Uint8Array): Plain | 'refused' | 'bad' {
    const payload = this.#exchange.read(message)
    if (payload !== 'refused') return payload
    const other = this.#host.fallback(Uint8Array.from(this.#ephemeral))
    const said = other?.read(message) ?? 'refused'
    if (other === undefined || said === 'refused') {
      other?.destroy()
      return 'refused'
    }
    this.#exchange.destroy()
    this.#exchange = other
    return said
  }

  /** Somebody with another key answered. The right answer may still be on its way: the state is as before the answer. */
  #refuse(now: Instant, isBad: boolean): void {
    this.#reason = peerError(
      'HandshakeFailed',
      isBad
        ? 'the answer of the server is not what the schema says'
        : 'the server has shown a key that is not accepted',
      { fatal: true },
    )
    this.#exchange.destroy()
    this.#exchange = this.#host.exchange(Uint8Array.from(this.#ephemeral))
    this.#first()
    this.#failAt = instant(Math.min(this.#failAt, now + GRACE))
  }

  #failure(): PeerError {
    if (this.#reason !== undefined) return this.#reason
    const after = 'no answer to the handshake'
    if (this.#isProving)
      return peerError('HandshakeFailed', 'the server agreed on keys, but nothing that it sealed has arrived', {
        fatal: true,
      })
    if (this.wasHeard)
      return peerError(
        'HandshakeFailed',
        `${after}, only to its cookie: another key, protocol or version at the server?`,
        {
          fatal: true,
        },
      )
    return peerError('Timeout', after, { fatal: true })
  }

  #peerId(payload: Plain): number | undefined {
    if (this.#host.script.ids === undefined) return 0
    const id = toldId(this.#host.script, 'server', payloadName(this.#noise, 2), payload)
    return id === undefined || !(id > 0) ? undefined : id
  }

  /** The first message. Throws where the key of the server, which we were given, is not valid. */
  #first(): Uint8Array {
    const message = this.#exchange.write(this.#payload(1))
    if (message === undefined) throw new LocalError('BadOption', 'the static key of the server is not valid')
    return message
  }

  #payload(message: number): Plain {
    const payload: Plain = {}
    tellsId(this.#host.script, 'client', payloadName(this.#noise, message), payload, this.#host.ownId)
    return payload
  }

  #told(frame: string): Plain {
    const value: Plain = {}
    tellsId(this.#host.script, 'client', frame, value, this.#host.ownId)
    return value
  }

  #frame(message: number): string {
    return this.#noise.messages[message]?.frame ?? ''
  }
}

/** Never later than this after an answer with a key that is not accepted, milliseconds. */
const GRACE = 1000
const DEFAULT_WAIT = 500
const NOTHING = new Uint8Array(0)
/** Challenges obeyed in a second. */
const MOST_CHALLENGES = 4

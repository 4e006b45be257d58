// One peer of an endpoint with sealed datagrams: its handshake, then its session, its seal and its path, then the while
// in which it still answers that it is closed. It carries its session: what the session writes goes into the packets of
// the endpoint, as text, and is sealed when they leave.

import type { PacketSeal } from '../crypto/seal/packet-seal.ts'
import { addressKey } from '../guard/address.ts'
import type { Reader } from '../wire/codec.ts'
import type { Carrier } from './carrier.ts'
import { type PeerError, peerError } from './errors.ts'
import type { HandedOver } from './hand-over.ts'
import { type HandshakeScope, scopeOf } from './key-scope.ts'
import { type Address, type Instant, instant, NEVER } from './machine.ts'
import type { SessionKeys } from './noise-exchange.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'
import type { AttemptHost } from './secure-attempt.ts'
import { SecureCarrier, type SecureState, sealedSession } from './secure-carrier.ts'
import { Handed, keysOf } from './secure-handed.ts'
import type { SecureHost } from './secure-host.ts'
import { Initiator } from './secure-initiator.ts'
import { SecurePath } from './secure-path.ts'
import { Responder } from './secure-responder.ts'
import { Steps } from './secure-steps.ts'
import { Ways, type WaysHost } from './secure-ways.ts'
import type { Session } from './session.ts'

export class SecureConnection extends SecureCarrier implements AttemptHost, Carrier, WaysHost {
  /** Place in the endpoint's heap of deadlines. */
  at: number = NEVER
  place = -1
  state: SecureState = 'opening'
  /** Where packets go. */
  address: Address
  /** The id that we receive under, and the peer's. */
  readonly ownId: number
  peerId = 0
  session: Session | undefined
  seal: PacketSeal | undefined
  handshake: Initiator | Responder | Steps | Handed | undefined
  /** Where a handshake elsewhere told more than one. */
  ways: Ways | undefined
  /** How the door knows the attempt that it began with. */
  attempt: string | undefined
  /** Of its handshake; afterwards one that it shares with others where nothing of it is needed any more. */
  scope: HandshakeScope
  /** What rules for further keys may name. */
  readonly lastingScope: HandshakeScope
  /** Round trip of the handshake, milliseconds; undefined before it is known. */
  rtt: number | undefined
  readonly isDialler: boolean
  readonly startedAt: Instant
  #path: SecurePath
  /** Frames of the handshake that went by before there was a session. */
  #passed: { readonly frame: FramePlan; readonly at: Instant }[] = NONE
  /** The client may not know yet that we have the keys. */
  #isWaitedFor: boolean
  #over: (() => void) | undefined
  #reached: HandedOver['reached']
  #closeUntil: Instant = NEVER
  #saidCloseAt = -Infinity
  /** When the peer is asked again to confirm the phase of our key. */
  #probeAt: Instant = NEVER

  /** `session`: values that are known from elsewhere. */
  constructor(
    host: SecureHost,
    address: Address,
    ownId: number,
    isDialler: boolean,
    session: Readonly<Record<string, unknown>> = NOTHING,
  ) {
    super(host)
    this.address = address
    this.#path = new SecurePath(this, host)
    this.ownId = ownId
    this.startedAt = host.now
    this.isDialler = isDialler
    this.#isWaitedFor = !isDialler
    this.scope = scopeOf(host, address, session)
    const isBare = session === NOTHING && this.script.noise !== undefined
    this.lastingScope = isBare ? host.restingScope : this.scope
  }

  /** Begins, as the side that dials. Throws LocalError where a key is missing. */
  dial(now: Instant): Session {
    const session = sealedSession(this.host.shared, this, now)
    this.session = session
    if (this.script.noise !== undefined) {
      this.handshake = new Initiator(this, now, this.host.secure.timeout)
      this.handshake.start(now)
    } else if (this.#steps(now).proceed(now)) this.confirm(now)
    return session
  }

  /** Begins, as the side that was dialled, with the first message. False: it is from nobody who may be here. */
  answer(now: Instant, frame: Reader, noise: Uint8Array, clientId: number): boolean {
    this.scope.frames[frame.frameName] = frame.toObject()
    const responder = new Responder(this, now, this.host.secure.timeout)
    this.handshake = responder
    return responder.begin(now, frame, noise, clientId)
  }

  /** Begins with what was handed out elsewhere. */
  take(now: Instant, values: HandedOver): void {
    const { secure, shared } = this.host
    const { continuation, retry } = secure.script
    const { role } = shared.plan
    const isFirst = continuation?.first === undefined ? this.isDialler : role.is.includes(continuation.first)
    this.#passed = values.passed.map(frame => ({ frame, at: now }))
    this.handshake = new Handed(this, now, values, { isFirst, retry })
    this.session = sealedSession(this.host.shared, this, now)
    this.session.context.session = values.session
    this.#over = values.over
    this.#reached = values.reached
    if (values.fallback !== undefined) this.ways = new Ways(this, this.address, values.fallback.address)
    this.keyed(now, keysOf(secure.seal, shared.plan, this.scope), values.id ?? 0)
    // What the seal has copied need not lie around in the session.
    for (const { name, secret } of shared.plan.protocol.session)
      if (secret && values.session[name] instanceof Uint8Array) values.session[name].fill(0)
    this.handshake.start(now)
    // A peer that answers nothing by itself cannot confirm.
    if (isFirst && retry === undefined) this.confirm(now)
  }

  // -------------------------------------------------------------------------------------- for its handshake

  send(frame: string, value: Plain, to: number): void {
    this.host.sendClear(this.address, frame, value, to)
  }

  passed(now: Instant, name: string, reader: Reader | undefined): void {
    const frame = this.host.shared.plan.byName.get(name)
    if (frame !== undefined && this.session === undefined) this.#passed = [...this.#passed, { frame, at: now }]
    else if (frame !== undefined) this.session?.passed(now, frame, reader)
  }

  keyed(now: Instant, keys: SessionKeys, peerId: number): void {
    this.peerId = peerId
    this.state = 'unproved'
    this.seal = this.host.sealWith(this, keys, now)
    keys.send.fill(0)
    keys.receive.fill(0)
    if (this.handshake instanceof Initiator) this.rtt = this.handshake.roundTrip(now)
  }

  prove(_now: Instant): void {
    const { secure } = this.host
    // Where no handshake answers, a frame that is answered does.
    const proof = this.handshake instanceof Handed ? (secure.probe?.frame ?? secure.proof) : secure.proof
    if (proof !== undefined) this.#tell(proof, NOTHING)
  }

  failed(now: Instant, error: PeerError): void {
    this.host.shared.meter.count(error.code === 'Timeout' ? 'handshake.timeout' : 'handshake.failed', error.code)
    this.host.ended(this, now, error.code === 'Timeout' ? 'timeout' : 'handshake', error)
  }

  // ------------------------------------------------------------------------------------- for the endpoint

  /** A sealed packet of the peer opened, for the first time: both sides have the keys. */
  confirm(now: Instant): Session {
    const { handshake } = this
    if (handshake instanceof Responder || handshake instanceof Handed) this.rtt = handshake.roundTrip(now)
    handshake?.destroy()
    this.handshake = undefined
    this.scope.wipe()
    // After a handshake of Noise no rule looks at what its messages said.
    this.scope = this.lastingScope
    this.state = 'open'
    const session = this.session ?? sealedSession(this.host.shared, this, now)
    this.session = session
    for (const { frame, at } of this.#passed) session.passed(at, frame, undefined)
    this.#passed = NONE
    this.#reached?.(this.address)
    this.host.confirmed(this, now)
    session.open(now)
    return session
  }

  /** A message of a handshake of explicit steps, at the side that was dialled. */
  step(now: Instant, frame: Reader): void {
    const steps =
      this.handshake instanceof Steps ? this.handshake : this.state === 'opening' ? this.#steps(now) : undefined
    if (steps?.arrived(now, frame)) this.confirm(now)
  }

  /** A frame of the handshake came under our id. What opens it shows who sent it; a challenge must be from the server. */
  handshakeFrame(now: Instant, frame: Reader, peer: Address): void {
    const { handshake, state } = this
    if (handshake instanceof Steps) this.step(now, frame)
    else if (handshake instanceof Initiator) {
      if (peer === this.address) handshake.arrived(now, frame)
    } else if (handshake instanceof Responder) {
      if (peer === this.address) handshake.arrived(now, frame)
    } else if (state === 'open' && !this.isDialler && peer === this.address && this.#isLast(frame)) this.prove(now)
  }

  /** A sealed packet opened that came from another address, or while an address is being looked into. */
  cameFrom(now: Instant, peer: Address, size: number, isNewest: boolean): void {
    this.#path.opened(now, peer, size, isNewest)
  }

  /** The last of several packets was dealt with. */
  settled(now: Instant): void {
    if (this.state === 'open') this.session?.settled(now)
  }

  /** Packets were sealed: the key may have changed, and the peer is to say that it knows. */
  sealed(now: Instant): void {
    if (this.#probeAt !== NEVER || this.state !== 'open' || !this.seal?.wantsProbe(now)) return
    this.#probeAt = instant(now + this.patience)
    this.host.changed(this)
  }

  /** Nothing more may be sealed. */
  spent(now: Instant): void {
    const error = peerError('Timeout', 'the peer did not confirm the change of keys', { fatal: true })
    if (this.state === 'open') this.session?.fail(now, error)
  }

  /** A frame that opened and is within the rate. */
  arrived(now: Instant, session: Session, frame: Reader, size: number): void {
    const { probe } = this.host.secure
    if (this.#path.isAsking && probe?.replies.has(frame.frameIndex)) this.#path.answered(now, probe.answer.get(frame))
    if (frame.frameIndex !== this.host.secure.empty?.index) {
      this.#isWaitedFor = false
      session.arrived(now, frame, size)
      return
    }
    session.heard(now, frame, this.host.secure.empty as FramePlan, size)
    // Our answer to the proof was lost: the client says it again.
    if (this.#isWaitedFor && session.framesOut === 0) this.prove(now)
  }

  /** It was handed its keys by us and has not been heard of since: its address is not known. */
  get isExpected(): boolean {
    return this.handshake instanceof Handed && !this.isDialler
  }

  /** Its first packet came from here. The address that the keys went to has proved itself, and with it its whole host. */
  came(peer: Address): void {
    const { rebind } = this.host.secure.seal
    if (rebind !== 'never' && addressKey(peer) !== addressKey(this.address)) return
    this.goTo(peer)
  }

  /** Nothing has answered for too long. */
  fallBack(now: Instant): void {
    this.ways?.fallBack(now)
  }

  proveAgain(now: Instant): void {
    this.host.shared.meter.count('path.fallback')
    if (this.handshake instanceof Handed) this.handshake.restart(now)
    this.host.changed(this)
  }

  goTo(address: Address): void {
    this.address = address
    if (this.session !== undefined) this.session.address = address
    this.#path = new SecurePath(this, this.host)
  }

  /** Nobody has answered yet. */
  get isUnheard(): boolean {
    if (this.handshake instanceof Handed) return this.isDialler
    return this.handshake instanceof Initiator && !this.handshake.wasHeard
  }

  /** The application is done with it: for a while it answers that it is closed. */
  linger(now: Instant): void {
    this.state = 'closing'
    // Without a frame that says so, only what is on its way out needs the keys.
    this.#closeUntil = instant(now + (this.host.secure.bye === undefined ? CLOSE_PAUSE : 3 * this.patience))
    this.#saidCloseAt = now
  }

  /** A packet opened after the end: says again that it is over, at most ten times a second. */
  sayClosed(now: Instant): void {
    const { bye } = this.host.secure
    if (bye === undefined || now - this.#saidCloseAt < CLOSE_PAUSE) return
    this.#saidCloseAt = now
    this.#tell(bye.frame, bye.value)
  }

  /** Time after which the peer should have answered, milliseconds. */
  get patience(): number {
    return Math.min(LONGEST_PATIENCE, Math.max(SHORTEST_PATIENCE, 3 * (this.rtt ?? LONGEST_PATIENCE)))
  }

  /** Overwrites the keys. What was not taken by the driver is not sent any more. */
  wipe(): void {
    this.state = 'over'
    this.handshake?.destroy()
    this.handshake = undefined
    this.scope.wipe()
    this.seal?.destroy()
    this.seal = undefined
    this.#over?.()
    this.#over = undefined
  }

  get deadline(): Instant {
    let next: number = this.state === 'closing' ? this.#closeUntil : (this.handshake?.deadline ?? NEVER)
    if (this.state === 'open' && this.session !== undefined) next = Math.min(next, this.session.deadline)
    if (this.seal !== undefined) next = Math.min(next, this.seal.deadline, this.#probeAt, this.#path.deadline)
    return instant(next)
  }

  wake(now: Instant): void {
    if (this.state === 'closing') {
      if (now >= this.#closeUntil) this.host.forget(this)
      return
    }
    const { handshake } = this
    if (handshake instanceof Initiator || handshake instanceof Steps || handshake instanceof Handed) handshake.wake(now)
    else if (this.handshake !== undefined && now >= this.handshake.deadline)
      this.failed(now, peerError('Timeout', 'the client did not finish its handshake', { fatal: true }))
    if (this.state === 'open') {
      this.session?.wake(now)
      this.seal?.wake(now)
      if (now >= this.#probeAt) this.#askForPhase(now)
      this.#path.wake(now)
    }
  }

  /** An address is being looked into. */
  get isProbing(): boolean {
    return this.#path.isProbing
  }

  // -------------------------------------------------------------------------------------- for the session

  measure(now: Instant): void {
    if (this.state === 'open') this.#path.measure(now)
  }

  protected get self(): this {
    return this
  }

  /** While a key may only ask for its confirmation, messages wait. */
  get hasRoom(): boolean {
    if (!this.#path.takes(this.host.shared.plan.maxFrame)) return false
    return this.host.hasRoom && this.seal?.readiness(Math.max(this.host.now, this.session?.now ?? 0)) === 'open'
  }

  write(_session: Session, frame: FramePlan, value: object, size: number, isOwn = false): void {
    this.host.write(this, frame, value, size, isOwn)
    this.#path.sent(size)
  }

  writeAgain(_session: Session, frame: Uint8Array): void {
    this.host.writeAgain(this, frame)
    this.#path.sent(frame.length)
  }

  // ------------------------------------------------------------------------------------------------ the rest

  #steps(now: Instant): Steps {
    const { shared, secure } = this.host
    const steps = new Steps(this, now, { ...secure, plan: shared.plan })
    this.handshake = steps
    return steps
  }

  #askForPhase(now: Instant): void {
    const { probe } = this.host.secure
    this.#probeAt = NEVER
    if (probe === undefined || !this.seal?.wantsProbe(now)) return
    this.#tell(probe.frame, NOTHING)
    this.#probeAt = instant(now + this.patience)
  }

  /** The last message of the handshake, again. */
  #isLast(frame: Reader): boolean {
    return this.script.noise?.messages[2]?.frame === frame.frameName
  }

  /** A frame of the engine itself: no session has anything to do with it. */
  #tell(frame: FramePlan, value: Plain): void {
    if (this.seal === undefined) return
    const size = this.host.codecOf(this).sizeOf(frame.name, value)
    if (!this.#path.takes(size)) return
    this.host.write(this, frame, value, size)
    this.#path.sent(size)
  }
}

const NOTHING: Plain = {}
const NONE: never[] = []
/** Milliseconds. */
const CLOSE_PAUSE = 100
const SHORTEST_PATIENCE = 50
const LONGEST_PATIENCE = 1000

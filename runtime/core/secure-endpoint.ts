// The machine of one datagram socket whose frames are sealed: it tells sealed packets from handshakes by their bits,
// finds connections by the id in front, opens a whole batch in place before any of it is decoded, and seals a whole batch
// when it leaves. What does not open, and what nobody asked for, changes nothing and is not answered.

import type { CryptoProvider } from '../crypto/provider.ts'
import { PacketSeal } from '../crypto/seal/packet-seal.ts'
import { SealPlan } from '../crypto/seal/plan.ts'
import { ConnectionTable } from '../guard/connections.ts'
import { NewestOfPeers } from '../guard/newest.ts'
import type { Endpoint } from './endpoint.ts'
import { LocalError, type PeerError, peerError, refused } from './errors.ts'
import { gaugeBytes } from './gauges.ts'
import type { HandedOver } from './hand-over.ts'
import { type HandshakeScope, scopeOf } from './key-scope.ts'
import { type Address, type Batch, type Instant, instant } from './machine.ts'
import { requireKeys, type SessionKeys } from './noise-exchange.ts'
import type { FramePlan } from './plan.ts'
import { SecureConnection } from './secure-connection.ts'
import { SecureDoor } from './secure-door.ts'
import type { SecureHost } from './secure-host.ts'
import { SecureOutput } from './secure-output.ts'
import { SecurePeers } from './secure-peers.ts'
import type { SecurePlan } from './secure-plan.ts'
import { SecureReceiving } from './secure-receiving.ts'
import { SecureSending } from './secure-sending.ts'
import type { Session } from './session.ts'
import type { Shared } from './shared.ts'

export interface SecureOptions {
  readonly shared: Shared
  readonly secure: SecurePlan
  readonly crypto: CryptoProvider
  /** Whether strangers may become peers. */
  readonly accepts: boolean
}

export class SecureEndpoint extends SecureOutput implements Endpoint, SecureHost {
  readonly shared: Shared
  readonly secure: SecurePlan
  readonly crypto: CryptoProvider
  readonly newest: NewestOfPeers = new NewestOfPeers()
  now: Instant = instant(0)
  readonly restingScope: HandshakeScope
  readonly #accepts: boolean
  protected readonly sending: SecureSending
  readonly #peers: SecurePeers
  readonly #table: ConnectionTable<SecureConnection>
  readonly #door: SecureDoor | undefined
  readonly #receiving: SecureReceiving
  readonly #seal: SealPlan
  readonly #ending = new Set<SecureConnection>()
  readonly #waiting = new Set<SecureConnection>()
  /** Those that keep messages back until the turn ends. */
  readonly #gathering = new Set<SecureConnection>()
  readonly #ungauge: () => void
  #isClosing = false
  #wasUsed = false

  /** Throws LocalError where a key is missing. */
  constructor({ shared, secure, crypto, accepts }: SecureOptions) {
    super()
    const { protocol, role } = shared.plan
    this.shared = shared
    this.secure = secure
    this.crypto = crypto
    this.restingScope = scopeOf(this, '0.0.0.0:0', {})
    this.#accepts = accepts
    this.#table = new ConnectionTable(protocol.limits, { pendingGoes: true })
    this.#peers = new SecurePeers(secure.script.ids, shared.random)
    this.sending = new SecureSending(shared, secure, () => this.now)
    this.#seal = new SealPlan(secure.seal, crypto)
    this.#receiving = new SecureReceiving({
      shared,
      secure,
      peers: this.#peers,
      sending: this.sending,
      clear: (now, peer, bytes, start, end) => this.#clear(now, peer, bytes, start, end),
    })
    const { noise } = secure.script
    if (noise !== undefined && secure.suite !== undefined) {
      const probe = new SecureConnection(this, '0.0.0.0:0', 0, !accepts)
      requireKeys(noise, secure.suite, role, !accepts, probe.scope)
    }
    this.#door = accepts ? this.#makeDoor() : undefined
    const away = [
      shared.meter.gauge('handshakes', () => this.#table.handshakes),
      gaugeBytes(shared, () => this.sessions(), this.sending.packets),
    ]
    this.#ungauge = () => away.forEach(one => void one())
  }

  /** Sessions that are not over. */
  *sessions(): Generator<Session> {
    for (const { session, state } of this.#peers.values())
      if (session !== undefined && state !== 'closing') yield session
  }

  /** Connections that are open or on their way to be. */
  get size(): number {
    return this.#table.size
  }

  /** Handshakes under way. */
  get handshakes(): number {
    return this.#table.handshakes
  }

  // ------------------------------------------------------------------------------------------- for the driver

  /** Whether `expect` would take a peer from this address without sending another one away. */
  hasRoomFor(address: Address): boolean {
    return !this.#isClosing && this.#table.hasRoom(address)
  }

  /** An id for a peer that will be expected; 0, under which nobody can be, where there is none. */
  drawId(now: Instant): number {
    return this.#peers.draw(now) ?? 0
  }

  /** A peer was handed its keys and will come soon, from an address that is not known. False: there is no room for it. */
  expect(now: Instant, values: HandedOver): boolean {
    this.now = now
    const { address, id = 0, session } = values
    if (this.#isClosing || !this.#peers.mayExpect(id)) return false
    const connection = new SecureConnection(this, address, id, false, session)
    if (!this.#makeRoom(now, address, connection)) return false
    connection.take(now, values)
    this.#peers.expect(connection)
    return true
  }

  /** Goes on with a peer from whom the keys are: the session is open when the sink says so. */
  proceed(now: Instant, address: Address, values: HandedOver): Session {
    this.now = now
    if (this.#isClosing) throw new LocalError('WrongState', 'this endpoint is closed')
    const connection = new SecureConnection(this, address, values.id ?? 0, true, values.session)
    this.#wasUsed = true
    this.#table.admit(address, connection)
    this.#peers.add(connection)
    connection.take(now, values)
    this.#peers.rearm(connection)
    return connection.session as Session
  }

  /** Begins a handshake with a peer. The session is open when the sink says so. */
  connect(now: Instant, address: Address): Session {
    this.now = now
    if (this.#isClosing) throw new LocalError('WrongState', 'this endpoint is closed')
    const id = this.#peers.draw(now)
    if (id === undefined) throw new LocalError('WrongState', 'all connection ids are taken: close connections first')
    const connection = new SecureConnection(this, address, id, true)
    this.#table.admit(address, connection)
    this.shared.meter.count('handshake.begin')
    try {
      const session = connection.dial(now)
      this.#wasUsed = true
      this.#peers.add(connection)
      return session
    } catch (error) {
      this.#table.remove(connection)
      throw error
    }
  }

  receive(now: Instant, batch: Batch): boolean {
    this.now = now
    this.sending.isPinned = false
    this.#receiving.receive(now, batch)
    if (this.#ending.size > 0) this.#finishEnding(now)
    return this.sending.isPinned
  }

  /** Advice that anybody can forge: it ends only an attempt to which nobody has answered. */
  unreachable(now: Instant, peer: Address, reason: string): void {
    this.now = now
    const error = peerError('Unreachable', `${peer}: ${reason}`, { fatal: true })
    this.shared.meter.count('error', error.code)
    for (const connection of this.#peers.values())
      if (connection.address === peer && connection.isUnheard && !(connection.ways?.fallBack(now) ?? false))
        this.ended(connection, now, 'unreachable', error)
  }

  /** A stream that packets went inside is gone: sessions that have no other way are over. */
  streamEnded(now: Instant, address: Address): void {
    this.now = now
    const error = peerError('Reset', 'the stream that carried the connection ended', { fatal: true })
    for (const connection of this.#peers.values())
      if (connection.address === address && connection.state !== 'closing' && !connection.ways?.streamEnded(now))
        this.ended(connection, now, 'lost', error)
  }

  wake(now: Instant): void {
    this.now = now
    for (const connection of this.#peers.due(now)) {
      connection.wake(now)
      if (connection.state !== 'over') this.#peers.rearm(connection)
    }
    for (const table of this.shared.reassembly.values()) table.expire(now)
    for (const table of this.shared.transfers.values()) table.wake(now)
    this.#finishEnding(now)
  }

  get deadline(): Instant {
    let next: number = this.#peers.deadline
    for (const table of this.shared.reassembly.values()) next = Math.min(next, table.deadline())
    for (const table of this.shared.transfers.values()) next = Math.min(next, table.deadline())
    return instant(next)
  }

  transmit(): Batch | undefined {
    if (this.#gathering.size > 0) this.#turned()
    if (this.#ending.size > 0) this.#finishEnding(this.now)
    let batch = this.sending.take(this.now)
    if (batch === undefined && this.#waiting.size > 0) {
      for (const connection of this.#waiting)
        if (!(connection.session?.drained() ?? false)) this.#waiting.delete(connection)
      if (this.#ending.size > 0) this.#finishEnding(this.now)
      batch = this.sending.take(this.now)
    }
    // Also where nothing at all could be sealed any more.
    for (const connection of this.sending.spent()) connection.spent(this.now)
    if (batch === undefined) {
      if (this.#ending.size > 0) this.#finishEnding(this.now)
      return undefined
    }
    let bytes = 0
    for (let i = 0; i < batch.count; i++) bytes += batch.lengths[i] as number
    this.shared.meter.bytesOut(bytes, batch.count)
    return batch
  }

  release(batch: Batch): void {
    this.sending.packets.release(batch)
  }

  get closed(): boolean {
    if (this.sending.packets.count > 0 || this.#peers.size > 0) return false
    return this.#isClosing || (!this.#accepts && this.#wasUsed)
  }

  /** Ends all sessions, and takes no new ones. */
  close(now: Instant): void {
    this.now = now
    this.#isClosing = true
    this.#ungauge()
    for (const connection of this.#peers.values()) {
      if (connection.state === 'open') connection.session?.close(now)
      else if (connection.state !== 'closing') this.ended(connection, now, 'closed', undefined)
    }
    this.#finishEnding(now)
  }

  /** The socket failed: everything is over. */
  lost(now: Instant, reason: string): void {
    this.now = now
    this.#isClosing = true
    this.#ungauge()
    this.sending.packets.clear()
    const error = peerError('Reset', `the socket failed: ${reason}`, { fatal: true })
    for (const connection of this.#peers.values()) {
      if (connection.state === 'closing') this.forget(connection)
      else this.ended(connection, now, reason, error)
    }
  }

  // -------------------------------------------------------------------------------------- for the connections

  sealWith({ lastingScope: scope }: SecureConnection, { send, receive }: SessionKeys, now: Instant): PacketSeal {
    return new PacketSeal({ plan: this.#seal, send, receive, scope, now })
  }

  changed(connection: SecureConnection): void {
    const phase = connection.session?.phase
    if (phase === 'flushing' || phase === 'dead') this.#ending.add(connection)
    if (connection.place < 0 || connection.deadline < connection.at) this.#peers.rearm(connection)
  }

  waits(connection: SecureConnection): void {
    this.#waiting.add(connection)
  }

  gathers(connection: SecureConnection): void {
    this.#gathering.add(connection)
  }

  confirmed(connection: SecureConnection, now: Instant): void {
    this.shared.meter.count('handshake.done')
    this.shared.meter.handshake(now - connection.startedAt)
    this.#table.established(connection)
    this.#peers.rearm(connection)
  }

  ended(connection: SecureConnection, now: Instant, reason: string, error: PeerError | undefined): void {
    this.forget(connection)
    connection.session?.end(now, reason, error)
  }

  forget(connection: SecureConnection): void {
    this.#leave(connection)
    this.#peers.delete(connection, this.now)
    this.#door?.left(connection, this.now)
    connection.wipe()
  }

  // -------------------------------------------------------------------------------------------------- the rest

  /** The driver takes what there is: the turn ends. */
  #turned(): void {
    for (const { session, state } of this.#gathering) if (state === 'open') session?.channels?.turned(session.now)
    this.#gathering.clear()
  }

  /** A datagram that is not sealed. */
  #clear(now: Instant, peer: Address, bytes: Uint8Array, start: number, end: number): void {
    const frame = this.sending.decodeClear(bytes, start, end, this.#receiving.options)
    if (frame === undefined) {
      const { clearFailure: failure } = this.sending
      if (failure === undefined) return
      this.shared.meter.count('error', failure.code)
      this.shared.sink.stray?.(peer, refused(failure, this.shared.plan.protocol.errors, false))
      return
    }
    const plan = this.shared.plan.frames[frame.frameIndex] as FramePlan
    if (!plan.mayReceive || !this.secure.handshake.has(plan.index)) {
      this.shared.meter.count('error', 'WrongState')
      this.shared.sink.stray?.(peer, peerError('WrongState', `${plan.name} cannot come in the clear`))
      return
    }
    if (plan.name === this.secure.script.noise?.messages[0]?.frame) {
      if (this.#door !== undefined && !this.#isClosing) this.#door.knock(now, peer, frame)
      return
    }
    const { noise, steps } = this.secure.script
    let connection = this.#peers.find(bytes, start, end, peer)
    if (noise === undefined && plan.name === steps[0]?.frame && this.#accepts && !this.#isClosing)
      connection ??= this.#admit(now, peer)
    if (connection === undefined) this.shared.meter.count('limit.stranger')
    else if (noise === undefined) {
      connection.step(now, frame)
      if (connection.state !== 'over') this.#peers.rearm(connection)
    } else {
      connection.handshakeFrame(now, frame, peer)
      if (connection.state !== 'over') this.#peers.rearm(connection)
    }
  }

  #makeDoor(): SecureDoor {
    return new SecureDoor(this, {
      isLoaded: () => this.#table.handshakes * 2 >= this.shared.plan.protocol.limits.handshakes,
      admit: (now, peer) => this.#admit(now, peer),
      turnAway: connection => this.forget(connection),
    })
  }

  #admit(now: Instant, peer: Address): SecureConnection | undefined {
    const id = this.#peers.draw(now)
    if (id === undefined) {
      this.shared.meter.count('limit.connections')
      return undefined
    }
    const connection = new SecureConnection(this, peer, id, false)
    if (!this.#makeRoom(now, peer, connection)) return undefined
    this.#peers.add(connection)
    return connection
  }

  #makeRoom(now: Instant, peer: Address, connection: SecureConnection): boolean {
    const admission = this.#table.admit(peer, connection)
    if (admission.kind === 'refused') {
      this.shared.meter.count(`limit.${admission.limit}`)
      return false
    }
    for (const evicted of admission.evicted) {
      this.shared.meter.count('limit.connections')
      this.ended(evicted, now, 'limit', peerError('LimitExceeded', 'there were too many connections'))
    }
    return true
  }

  /** Sessions whose last frame is in the packets linger; those that just stop are forgotten. */
  #finishEnding(now: Instant): void {
    for (const connection of this.#ending) {
      this.#ending.delete(connection)
      const { session } = connection
      if (session === undefined || session.phase === 'over') continue
      if (session.phase === 'flushing') {
        this.#leave(connection)
        connection.linger(now)
        this.#peers.rearm(connection)
        session.end(now, 'closed')
      } else this.ended(connection, now, 'closed', undefined)
    }
  }

  /** It counts no more, but is found while it lingers. */
  #leave(connection: SecureConnection): void {
    this.#table.remove(connection)
    this.#waiting.delete(connection)
    this.#ending.delete(connection)
    const { session } = connection
    if (session !== undefined) for (const table of this.shared.reassembly.values()) table.forget(session.address)
  }
}

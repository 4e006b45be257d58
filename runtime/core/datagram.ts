// The machine of one datagram socket: many peers, told apart by address. Who is not known gets a session only with a
// frame that is right in every respect, and only within the limits; nothing is kept for anybody else.

import { ConnectionTable } from '../guard/connections.ts'
import { DeadlineHeap, type Timed } from '../reliability/heap.ts'
import type { Codec, Context, DecodeOptions, Reader } from '../wire/codec.ts'
import { requestKey, ruleFor } from './answers.ts'
import type { Carrier } from './carrier.ts'
import type { Endpoint } from './endpoint.ts'
import { LocalError, peerError, refused } from './errors.ts'
import { gaugeBytes } from './gauges.ts'
import { type Address, type Batch, type Instant, instant, NEVER } from './machine.ts'
import { Packets } from './packets.ts'
import type { FramePlan } from './plan.ts'
import { Session } from './session.ts'
import { freshContext, type Shared } from './shared.ts'

interface Entry extends Timed {
  readonly session: Session
}

export class DatagramEndpoint implements Endpoint, Carrier {
  /** The driver sets it while the socket takes nothing; then `limits.queue.messages` counts. */
  isBlocked = false
  lastBytes: Uint8Array = NOTHING
  lastStart = 0
  lastEnd = 0
  readonly #shared: Shared
  /** Whether strangers may become peers. */
  readonly #accepts: boolean
  readonly #sessions = new Map<Address, Entry>()
  readonly #ungauge: () => void
  readonly #table: ConnectionTable<Session>
  readonly #heap = new DeadlineHeap<Entry>()
  readonly #packets = new Packets()
  readonly #decode: DecodeOptions
  readonly #isPacked: boolean
  readonly #most: number
  readonly #strange: Context
  #codec: Codec
  #spares: Codec[] = []
  #mirror: Codec | undefined
  /** Sessions whose last frame is in the packets, or that just stop. */
  #ending = new Set<Session>()
  #waiting = new Set<Session>()
  /** Those that keep messages back until the turn ends. */
  readonly #gathering = new Set<Session>()
  #kept = false
  #now: Instant = instant(0)
  #isClosing = false
  #wasUsed = false
  /** The peer that was heard last. */
  #latest: Entry | undefined

  constructor(shared: Shared, accepts: boolean) {
    const { transport, maxFrame, protocol } = shared.plan
    this.#shared = shared
    this.#accepts = accepts
    this.#table = new ConnectionTable(protocol.limits)
    this.#isPacked = transport.framing.kind === 'packed' || transport.framing.kind === 'self'
    this.#decode = { whole: !this.#isPacked, maxFrame, ignoreTrailing: transport.trailing === 'ignore' }
    this.#most = Math.min(maxFrame, transport.maxSend ?? LARGEST_DATAGRAM, LARGEST_DATAGRAM)
    this.#codec = protocol.codec()
    this.#strange = freshContext(shared, '', () => this.#now)
    this.#ungauge = gaugeBytes(shared, () => this.sessions(), this.#packets)
  }

  /** Sessions that are not over. */
  *sessions(): Generator<Session> {
    for (const { session } of this.#sessions.values()) yield session
  }

  get size(): number {
    return this.#sessions.size
  }

  // ------------------------------------------------------------------------------------------- for the driver

  /** Begins to talk to a peer. It counts as open at once: datagrams have no connection of their own. */
  connect(now: Instant, address: Address): Session {
    if (this.#sessions.has(address)) throw new LocalError('BadTarget', `there is a connection to ${address} already`)
    this.#now = now
    const session = new Session(this.#shared, this, address, now)
    this.#add(session)
    session.open(now)
    return session
  }

  receive(now: Instant, batch: Batch): boolean {
    this.#now = now
    this.#kept = false
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offsets[i] as number
      const size = batch.lengths[i] as number
      this.#shared.meter.bytesIn(size)
      this.#datagram(now, batch.peers[i] as Address, batch.slab, start, start + size)
    }
    if (this.#ending.size > 0) this.#finishEnding(now)
    return this.#kept
  }

  unreachable(now: Instant, peer: Address, reason: string): void {
    this.#now = now
    const session = this.#sessions.get(peer)?.session
    if (session === undefined) return
    // Advice that anybody can forge: it ends only what has never begun.
    const error = peerError('Unreachable', `${peer}: ${reason}`, { fatal: session.framesIn === 0 && !this.#accepts })
    if (error.fatal) session.abort('unreachable', error)
    else this.#shared.meter.count('error', error.code)
    this.#finishEnding(now)
  }

  wake(now: Instant): void {
    this.#now = now
    const due: Entry[] = []
    for (let entry = this.#heap.peek(); entry !== undefined && entry.at <= now; entry = this.#heap.peek()) {
      this.#heap.remove(entry)
      due.push(entry)
    }
    for (const entry of due) {
      entry.session.wake(now)
      if (entry.session.phase !== 'over') this.#heap.move(entry, entry.session.deadline)
    }
    for (const table of this.#shared.reassembly.values()) table.expire(now)
    for (const table of this.#shared.transfers.values()) table.wake(now)
    this.#finishEnding(now)
  }

  get deadline(): Instant {
    let next = this.#heap.deadline()
    for (const table of this.#shared.reassembly.values()) next = Math.min(next, table.deadline())
    for (const table of this.#shared.transfers.values()) next = Math.min(next, table.deadline())
    return next === Infinity ? NEVER : instant(next)
  }

  transmit(): Batch | undefined {
    if (this.#gathering.size > 0) this.#turned()
    if (this.#ending.size > 0) this.#finishEnding(this.#now)
    let batch = this.#packets.take()
    if (batch === undefined && this.#waiting.size > 0) {
      for (const session of this.#waiting) if (!session.drained()) this.#waiting.delete(session)
      if (this.#ending.size > 0) this.#finishEnding(this.#now)
      batch = this.#packets.take()
    }
    if (batch === undefined) return undefined
    let bytes = 0
    for (let i = 0; i < batch.count; i++) bytes += batch.lengths[i] as number
    this.#shared.meter.bytesOut(bytes, batch.count)
    return batch
  }

  release(batch: Batch): void {
    this.#packets.release(batch)
  }

  get closed(): boolean {
    if (this.#packets.count > 0 || this.#sessions.size > 0) return false
    return this.#isClosing || (!this.#accepts && this.#wasUsed)
  }

  /** Ends all sessions, and takes no new ones. */
  close(now: Instant): void {
    this.#now = now
    this.#isClosing = true
    this.#ungauge()
    for (const { session } of [...this.#sessions.values()]) session.close(now)
    this.#finishEnding(now)
  }

  /** The socket failed: everything is over. */
  lost(now: Instant, reason: string): void {
    this.#isClosing = true
    this.#ungauge()
    this.#packets.clear()
    const error = peerError('Reset', `the socket failed: ${reason}`, { fatal: true })
    for (const { session } of [...this.#sessions.values()]) this.#end(now, session, reason, error)
  }

  /** Bytes that wait to be taken. */
  get queued(): number {
    return this.#packets.bytes
  }

  // ----------------------------------------------------------------------------------------- for the sessions

  write(session: Session, frame: FramePlan, value: object, size: number): void {
    const bytes = this.#packets.reserve(size)
    const start = this.#packets.at
    const end = this.codec(session).encode(frame.name, value, bytes, start)
    if (end - start > this.#most)
      throw new LocalError(
        'TooLarge',
        `${frame.name} has ${end - start} bytes, at most ${this.#most} fit into a datagram`,
      )
    this.#packets.commit(session.address, start, end)
    this.lastBytes = bytes
    this.lastStart = start
    this.lastEnd = end
  }

  writeAgain(session: Session, frame: Uint8Array): void {
    this.#put(session.address, frame)
  }

  get hasRoom(): boolean {
    const { messages, bytes } = this.#shared.plan.protocol.limits.queue
    return this.#packets.bytes < bytes && (!this.isBlocked || this.#packets.count < messages)
  }

  codec(session: Session): Codec {
    this.#codec.context = session.context
    return this.#codec
  }

  mirror(session: Session): Codec {
    this.#mirror ??= this.#shared.plan.protocol.codec()
    this.#mirror.context = { ...session.context, dir: undefined, state: undefined }
    return this.#mirror
  }

  pin(_session: Session): Codec {
    const pinned = this.#codec
    this.#codec = this.#spares.pop() ?? this.#shared.plan.protocol.codec()
    this.#kept = true
    return pinned
  }

  unpin(_session: Session, codec: Codec): void {
    if (this.#spares.length < SPARES) this.#spares.push(codec)
  }

  changed(session: Session): void {
    if (session.phase === 'flushing' || session.phase === 'dead') this.#ending.add(session)
    const entry = this.#sessions.get(session.address)
    if (entry?.session === session && (entry.place < 0 || session.deadline < entry.at))
      this.#heap.move(entry, session.deadline)
  }

  waits(session: Session): void {
    this.#waiting.add(session)
  }

  gathers(session: Session): void {
    this.#gathering.add(session)
  }

  // -------------------------------------------------------------------------------------------------- the rest

  /** The driver takes what there is: the turn ends. */
  #turned(): void {
    for (const session of this.#gathering) session.channels?.turned(session.now)
    this.#gathering.clear()
  }

  #datagram(now: Instant, peer: Address, bytes: Uint8Array, start: number, end: number): void {
    const { maxReceive } = this.#shared.plan.transport
    const session = this.#known(peer)
    if (maxReceive !== undefined && end - start > maxReceive) {
      this.#stray(peer, 'TooLarge', `a datagram of ${end - start} bytes, at most ${maxReceive} are allowed`)
      return
    }
    if (session === undefined) this.#stranger(now, peer, bytes, start, end)
    else this.#frames(now, session, bytes, start, end)
  }

  #known(peer: Address): Session | undefined {
    const latest = this.#latest
    if (latest !== undefined && latest.session.address === peer) return latest.session
    const entry = this.#sessions.get(peer)
    if (entry === undefined) return undefined
    this.#latest = entry
    this.#table.touch(entry.session)
    return entry.session
  }

  #frames(now: Instant, session: Session, bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end || at === start; ) {
      const codec = this.codec(session)
      const frame = codec.decode(bytes, at, end, this.#decode)
      if (frame === undefined) {
        const { failure } = codec
        if (failure !== undefined) session.malformed(now, failure)
        else session.fault(now, peerError('Cut', 'a datagram ends inside a frame'))
        return
      }
      const next = this.#isPacked ? frame.byteEnd : end
      if (session.charge(now, next - at)) session.arrived(now, frame, next - at)
      at = next
      if (!this.#isPacked || session.phase === 'over') break
    }
    session.settled(now)
  }

  /** A datagram from an address without a session. */
  #stranger(now: Instant, peer: Address, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#accepts || this.#isClosing) {
      this.#shared.meter.count('limit.stranger')
      return
    }
    const { protocol, frames } = this.#shared.plan
    this.#codec.context = this.#strange
    const frame = this.#codec.decode(bytes, start, end, this.#decode)
    if (frame === undefined) {
      const { failure } = this.#codec
      if (failure === undefined) this.#stray(peer, 'Cut', 'a datagram ends inside a frame')
      else {
        this.#shared.meter.count('error', failure.code)
        this.#shared.sink.stray?.(peer, refused(failure, protocol.errors, false))
      }
      return
    }
    const plan = frames[frame.frameIndex] as FramePlan
    if (!plan.mayReceive) {
      this.#stray(peer, 'WrongState', `${plan.name} cannot be sent to the ${this.#shared.plan.role.name}`)
      return
    }
    if (plan.descriptor.close !== undefined && this.#answersGoodbye(peer, plan, frame)) return
    const session = this.#admit(now, peer)
    if (session !== undefined) this.#frames(now, session, bytes, start, end)
  }

  /** The last frame of a connection that is over comes again: its answer was lost. */
  #answersGoodbye(peer: Address, plan: FramePlan, frame: Reader): boolean {
    const rule = ruleFor(plan, frame)
    const key = rule && requestKey(rule, frame)
    const duplicates = rule && this.#shared.duplicates.get(rule)
    if (key === undefined || duplicates === undefined) return false
    const seen = duplicates.check(peer, key)
    if (seen === undefined) duplicates.retract(peer, key)
    else if (seen.answer !== undefined) this.#put(peer, seen.answer)
    return seen !== undefined
  }

  #admit(now: Instant, peer: Address): Session | undefined {
    const { limits } = this.#shared.plan.protocol
    if (limits.overLimit !== 'drop-oldest' && !this.#table.hasRoom(peer)) {
      this.#shared.meter.count('limit.connections')
      return undefined
    }
    const session = new Session(this.#shared, this, peer, now)
    const admission = this.#table.admit(peer, session)
    if (admission.kind === 'refused') {
      this.#shared.meter.count(`limit.${admission.limit}`)
      return undefined
    }
    for (const evicted of admission.evicted) {
      this.#shared.meter.count('limit.connections')
      this.#end(now, evicted, 'limit', peerError('LimitExceeded', 'there were too many connections'))
    }
    this.#table.established(session)
    this.#add(session)
    session.open(now)
    return session
  }

  #add(session: Session): void {
    const entry: Entry = { session, at: session.deadline, place: -1 }
    this.#wasUsed = true
    this.#sessions.set(session.address, entry)
    this.#heap.push(entry)
    this.#latest = entry
  }

  /** Datagrams are on their way as soon as they are written, so a session that flushes is over. */
  #finishEnding(now: Instant): void {
    for (const session of this.#ending) {
      this.#ending.delete(session)
      this.#end(now, session, 'closed', undefined)
    }
  }

  #end(now: Instant, session: Session, reason: string, error: ReturnType<typeof peerError> | undefined): void {
    const entry = this.#sessions.get(session.address)
    if (entry?.session === session) {
      this.#sessions.delete(session.address)
      this.#heap.remove(entry)
    }
    if (this.#latest === entry) this.#latest = undefined
    this.#table.remove(session)
    this.#waiting.delete(session)
    for (const table of this.#shared.reassembly.values()) table.forget(session.address)
    session.end(now, reason, error)
  }

  #put(peer: Address, bytes: Uint8Array): void {
    this.#packets.reserve(bytes.length).set(bytes, this.#packets.at)
    const { at } = this.#packets
    this.#packets.commit(peer, at, at + bytes.length)
    this.lastBytes = this.#packets.last
    this.lastStart = at
    this.lastEnd = at + bytes.length
  }

  #stray(peer: Address, code: 'TooLarge' | 'Cut' | 'WrongState', text: string): void {
    this.#shared.meter.count('error', code)
    this.#shared.sink.stray?.(peer, code === 'TooLarge' ? peerError('LimitExceeded', text) : peerError(code, text))
  }
}

const NOTHING = new Uint8Array(0)
/** UDP over IPv4. */
const LARGEST_DATAGRAM = 65_507
/** Codecs kept for handlers that take their time. */
const SPARES = 16

// The way in of an endpoint with sealed datagrams: sealed packets are told from the rest by their bits, whole batches are
// opened in place, and only then is each of them decoded, in the order of arrival.

import { OpenBatch } from '../crypto/seal/open-batch.ts'
import { VERDICT } from '../crypto/seal/packet-seal.ts'
import type { DecodeOptions } from '../wire/codec.ts'
import { peerError } from './errors.ts'
import type { Address, Batch, Instant } from './machine.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecurePeers } from './secure-peers.ts'
import type { SecurePlan } from './secure-plan.ts'
import type { SecureSending } from './secure-sending.ts'
import type { Session } from './session.ts'
import type { Shared } from './shared.ts'

export interface ReceivingParts {
  readonly shared: Shared
  readonly secure: SecurePlan
  readonly peers: SecurePeers
  readonly sending: SecureSending
  /** A datagram that is not sealed. */
  readonly clear: (now: Instant, peer: Address, bytes: Uint8Array, start: number, end: number) => void
}

export class SecureReceiving {
  readonly #parts: ReceivingParts
  readonly #decode: DecodeOptions
  readonly #most: number
  /** Packets are charged before they are opened: for profiles. */
  readonly #paysBefore: boolean
  readonly #opening = new OpenBatch(64)
  /** By row: whose packet it is, and which of the batch. */
  readonly #owners: SecureConnection[] = []
  readonly #places: number[] = []

  constructor(parts: ReceivingParts) {
    const { transport, maxFrame } = parts.shared.plan
    this.#parts = parts
    this.#paysBefore = parts.shared.plan.protocol.limits.rate.before === 'open'
    this.#decode = { whole: true, maxFrame, ignoreTrailing: transport.trailing === 'ignore' }
    this.#most = transport.maxReceive ?? Number.POSITIVE_INFINITY
  }

  get options(): DecodeOptions {
    return this.#decode
  }

  receive(now: Instant, batch: Batch): void {
    const { shared, peers } = this.#parts
    const { slab, offsets, lengths, peers: from, count } = batch
    const opening = this.#opening
    opening.reset(slab, now)
    let bytes = 0
    for (let i = 0; i < count; i++) {
      const start = offsets[i] as number
      const size = lengths[i] as number
      bytes += size
      if (size > this.#most) {
        shared.meter.count('error', 'TooLarge')
        continue
      }
      if (!this.#isSealed(slab, start, size)) {
        // What came before it may be what it answers to.
        if (opening.count > 0) this.#open(now, batch)
        this.#parts.clear(now, from[i] as Address, slab, start, start + size)
        continue
      }
      const owner = peers.find(slab, start, start + size, from[i] as Address)
      if (owner === undefined || owner.seal === undefined) {
        if (peers.unbound.size === 0 || !this.#bind(now, batch, i)) shared.meter.count('seal.unknown')
        continue
      }
      if (!this.#paysBefore || (owner.session?.charge(now, size) ?? true)) {
        const row = opening.add(owner.seal, start, start + size)
        this.#owners[row] = owner
        this.#places[row] = i
      }
    }
    if (opening.count > 0) this.#open(now, batch)
    shared.meter.bytesIn(bytes, count)
  }

  #isSealed(bytes: Uint8Array, start: number, size: number): boolean {
    const { test, sealedAt } = this.#parts.secure.layout
    if (size < sealedAt + TAG) return false
    if (test === undefined) return true
    const { at, shift, mask } = test.place
    const value = ((bytes[start + at] as number) >> shift) & mask
    for (let i = 0; i < test.values.length; i++) if (test.values[i] === value) return true
    return false
  }

  /**
   * A packet of nobody known, where peers are expected whom no id names: the keys of those are tried, first of those who
   * got them at the same address. It costs a few attempts at most, and what none opens changes nothing.
   */
  #bind(now: Instant, batch: Batch, i: number): boolean {
    const opening = this.#opening
    if (opening.count > 0) this.#open(now, batch)
    const { slab, offsets, lengths, peers } = batch
    const start = offsets[i] as number
    const end = start + (lengths[i] as number)
    const kept = slab.slice(start, end)
    for (const candidate of this.#parts.peers.candidates(peers[i] as Address, MOST_TRIED)) {
      if (candidate.seal === undefined) continue
      opening.reset(slab, now)
      this.#places[opening.add(candidate.seal, start, end)] = i
      opening.run()
      if (opening.verdict[0] === VERDICT.opened) {
        this.#opened(now, candidate, 0, batch)
        candidate.settled(now)
        opening.reset(slab, now)
        return true
      }
      slab.set(kept, start)
    }
    opening.reset(slab, now)
    return false
  }

  /** Opens what was gathered, and gives it out. */
  #open(now: Instant, batch: Batch): void {
    const opening = this.#opening
    const owners = this.#owners
    opening.run()
    const { count, verdict } = opening
    for (let row = 0; row < count; row++) {
      const owner = owners[row] as SecureConnection
      if (verdict[row] === VERDICT.opened) this.#opened(now, owner, row, batch)
      else if (owner.state !== 'over') this.#refused(now, owner, verdict[row] as number)
      // The last packet of a run: what waits for the end of the batch.
      if (row + 1 === count || owners[row + 1] !== owner) owner.settled(now)
    }
    opening.reset(batch.slab, now)
  }

  #opened(now: Instant, owner: SecureConnection, row: number, { slab, offsets, lengths, peers }: Batch): void {
    const { sending } = this.#parts
    const place = this.#places[row] as number
    const start = offsets[place] as number
    const size = lengths[place] as number
    const peer = peers[place] as Address
    const { state } = owner
    if (state !== 'open') {
      if (state === 'closing') owner.sayClosed(now)
      if (state !== 'unproved') return
      if (owner.isExpected) this.#parts.peers.bind(owner, peer)
      else owner.ways?.answeredFrom(peer)
      owner.confirm(now)
    }
    if (peer !== owner.address || owner.isProbing) owner.cameFrom(now, peer, size, this.#opening.newest[row] === 1)
    const session = owner.session as Session
    // Copies of a goodbye, and what was overtaken by it.
    if (session.saidGoodbye) return
    const codec = sending.codecOf(owner)
    const frame = codec.inner.decode(slab, start, start + size, this.#decode)
    if (frame === undefined) {
      const { failure } = codec.inner
      if (failure !== undefined) session.malformed(now, failure)
      return
    }
    const { seal } = owner
    if (seal?.plan.isReplayByFrame) {
      const { hi, lo } = this.#opening
      if (!seal.admit(frame.frameName, hi[row] as number, lo[row] as number)) {
        this.#refused(now, owner, VERDICT.replayed)
        return
      }
    }
    if (this.#paysBefore || session.charge(now, size)) owner.arrived(now, session, frame, size)
  }

  /** Anybody can send what does not open: it is counted, and ends nothing before the key itself is in danger. */
  #refused(now: Instant, { state, session, seal }: SecureConnection, verdict: number): void {
    const { shared, secure } = this.#parts
    const fatal = { fatal: true }
    if (verdict === VERDICT.replayed) shared.meter.count('seal.replayed')
    else if (verdict === VERDICT.failed && (state !== 'open' || !session?.unopened(now, secure.seal.error)))
      shared.meter.count('error', shared.plan.protocol.covers?.[secure.seal.error] ?? secure.seal.error)
    if (state !== 'open' || session === undefined) return
    if (verdict === VERDICT.wrongState)
      session.fail(now, peerError('WrongState', 'a phase was confirmed that was never sent', fatal))
    else if (seal?.isWornOut)
      session.fail(now, peerError('LimitExceeded', 'too many forged packets for one key', fatal))
  }
}

const TAG = 16
/** Keys tried for one packet of nobody known. */
const MOST_TRIED = 8

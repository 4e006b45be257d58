// The seal of one connection over datagrams, both directions (docs/language, "Seal"): keys, numbers, phases, replay. What a
// packet costs beside its cipher is decided here; the packets themselves go through SealBatch and OpenBatch.

import { LocalError } from '../../core/errors.ts'
import type { KeyScope } from '../../core/handshake-descriptor.ts'
import type { Aead } from '../provider.ts'
import { distance, readBits, readHigh, readLow, writeBits, writeWords } from './places.ts'
import type { SealPlan } from './plan.ts'
import { ReceiveKeys } from './receive-keys.ts'
import { type PacketWindow, ReplayWindow } from './replay.ts'
import { type Readiness, SendKeys } from './send-keys.ts'
import { widen } from './widen.ts'
import { WrappingWindow } from './wrapping.ts'

export interface PacketSealOptions {
  readonly plan: SealPlan
  /** The two keys. Copied; the caller wipes its own. */
  readonly send: Uint8Array
  readonly receive: Uint8Array
  /** For `derive` and `follow`; `key.old` and `counter` are filled in. */
  readonly scope: KeyScope
  readonly now: number
  /** The first packet's number, where it is not the schema's `start`. */
  readonly first?: bigint | undefined
}

/** What became of a packet. */
export const VERDICT = {
  opened: 0,
  /** Not opened, for whatever reason: the seal's error. */
  failed: 1,
  /** Opened before, or too old to know. */
  replayed: 2,
  /** It confirms a phase that was never sent: the connection ends. */
  wrongState: 3,
} as const

export type Verdict = (typeof VERDICT)[keyof typeof VERDICT]

export class PacketSeal {
  readonly plan: SealPlan
  readonly scope: KeyScope
  readonly sending: SendKeys
  readonly receiving: ReceiveKeys
  readonly window: PacketWindow
  /** Attempts to open that failed: forged or damaged packets. */
  failures = 0
  /** The number that `take` gave, until the packet is sealed. */
  takenHi = 0
  takenLo = 0
  #isTaken = false
  readonly #first: bigint

  constructor({ plan, send, receive, scope, now, first }: PacketSealOptions) {
    refuseUnbuilt(plan)
    const { replay, counter } = plan.descriptor
    this.plan = plan
    this.scope = scope
    this.#first = BigInt(counter.start)
    this.window =
      replay?.by === 'window' && replay.wraps === true
        ? new WrappingWindow(replay.size)
        : new ReplayWindow(replay?.by === 'window' ? replay.size : 1)
    this.sending = new SendKeys(plan, scope, send, now, first ?? this.#first)
    this.receiving = new ReceiveKeys(plan, scope, receive, this.window)
  }

  /** What may be sealed now. `open` for all frames; `control` for probes, empty frames and closes alone. */
  readiness(now: number): Readiness {
    return this.sending.readiness(now)
  }

  /**
   * Takes the number and the phase of the next packet; `takenHi`, `takenLo`, `phaseBits` and `seenBits` are what its
   * header carries. False when nothing may be sealed any more. The number is spent even if the packet is never sent.
   */
  take(now: number, retire: (aead: Aead) => void): boolean {
    const { sending } = this
    if (!sending.prepare(now, retire)) return false
    this.takenHi = sending.hi
    this.takenLo = sending.lo
    sending.spend()
    this.#isTaken = true
    return true
  }

  /** The taken number goes into a packet, once. */
  use(): void {
    if (!this.#isTaken)
      throw new LocalError('WrongState', 'a packet needs a number of its own: call `take` before each sealing')
    this.#isTaken = false
  }

  /** Writes the taken number, the phase and the confirmation into the header at `frame`. */
  stamp(bytes: Uint8Array, frame: number): void {
    const { plan } = this
    // Where numbers may repeat, they are not ours: a channel writes them.
    if (plan.counter !== undefined && plan.descriptor.repeats === 'refused')
      writeWords(plan.counter, bytes, frame, this.takenHi, this.takenLo)
    if (plan.phase !== undefined) writeBits(plan.phase, bytes, frame, this.sending.phase)
    if (plan.seen !== undefined) writeBits(plan.seen, bytes, frame, this.receiving.phase)
  }

  /** What the header of the next packet carries. */
  get phaseBits(): number {
    return this.sending.phase & (this.plan.phase?.mask ?? 0)
  }

  get seenBits(): number {
    return this.receiving.phase & (this.plan.seen?.mask ?? 0)
  }

  /** Whether the peer should be asked to confirm: a Ping every RTO as long as this is true. */
  wantsProbe(now: number): boolean {
    const { sending } = this
    return this.plan.isRatchet && !sending.isConfirmed && (sending.phase > 0 || sending.isDue(now))
  }

  /** Whether a new handshake should replace this connection's keys (`rekey: { by: handshake }`). */
  wantsHandshake(now: number): boolean {
    return this.plan.descriptor.rekey.by === 'handshake' && this.sending.isDue(now)
  }

  /** So many packets failed to open that the connection must end. */
  get isWornOut(): boolean {
    return this.failures >= this.plan.mostForged
  }

  /** When `wake` has something to erase. */
  get deadline(): number {
    return this.receiving.deadline
  }

  wake(now: number): void {
    this.receiving.expire(now)
  }

  /** The whole number of a packet, from the low bits that it carries: what is nearest to the highest that opened. */
  numberOf(bytes: Uint8Array, frame: number, into: { hi: number; lo: number }): void {
    const place = this.plan.counter
    if (place === undefined) return
    into.lo = readLow(place, bytes, frame)
    into.hi = readHigh(place, bytes, frame)
    if (place.size === 8 || this.window instanceof WrappingWindow) return
    const { window } = this
    if (window.isEmpty) widen(into, place.size, Number(this.#first >> 32n), Number(this.#first & 0xffff_ffffn))
    else widen(into, place.size, window.hi, window.lo)
  }

  /** For `replay: { only }`: whether this frame, which opened, is new. */
  admit(frameName: string, hi: number, lo: number): boolean {
    const { replay } = this.plan.descriptor
    if (replay?.by !== 'window' || !replay.only?.includes(frameName)) return true
    if (!this.window.isFresh(hi, lo)) return false
    this.window.mark(hi, lo)
    return true
  }

  /** Whether a packet with this number could still be new, before anything is spent on opening it. */
  mayBeFresh(hi: number, lo: number): boolean {
    return !this.plan.checksReplay || this.window.isFresh(hi, lo)
  }

  /** Whether no packet with this number or a higher one has opened. */
  isAbove(hi: number, lo: number): boolean {
    const { window } = this
    return window.isEmpty || distance(hi, lo, window.hi, window.lo) > 0
  }

  /** A packet opened under the key of `epoch`; its header begins at `frame`. */
  settle(epoch: number, hi: number, lo: number, bytes: Uint8Array, frame: number, now: number): Verdict {
    const { plan, window } = this
    if (plan.checksReplay && !window.isFresh(hi, lo)) return VERDICT.replayed
    const isNewest = this.isAbove(hi, lo)
    if (!this.receiving.opened(epoch, hi, lo, now)) return VERDICT.failed
    if (!plan.isReplayByFrame) window.mark(hi, lo)
    return plan.seen === undefined || this.#confirm(readBits(plan.seen, bytes, frame), isNewest)
      ? VERDICT.opened
      : VERDICT.wrongState
  }

  /** The error code of a verdict; undefined when the packet opened. */
  errorOf(verdict: number): string | undefined {
    if (verdict === VERDICT.opened) return undefined
    if (verdict === VERDICT.failed) return this.plan.descriptor.error
    return verdict === VERDICT.replayed ? 'Replayed' : 'WrongState'
  }

  /** The connection ended: overwrites what JavaScript can overwrite. */
  destroy(): void {
    this.sending.destroy()
    this.receiving.destroy()
  }

  /** What the peer has seen of our phase. Only its newest packet counts; false for a phase that was never sent. */
  #confirm(seen: number, isNewest: boolean): boolean {
    const { sending, plan } = this
    const behind = (sending.phase - seen) & plan.seen!.mask
    if (sending.phase === 0 && behind !== 0) return false
    if (!isNewest) return true
    if (behind === 0) {
      sending.isConfirmed = true
      return true
    }
    return !sending.isConfirmed && behind === 1
  }
}

function refuseUnbuilt({ descriptor, isRatchet, nonce, counter }: SealPlan): void {
  const { name, rekey, keyedByClear } = descriptor
  const missing = keyedByClear
    ? 'key from clear fields on datagrams'
    : rekey.by === 'ratchet' && !isRatchet
      ? 'rekey without phase and seen in one byte each'
      : nonce.hasCounter && counter === undefined
        ? 'counter that no field carries'
        : undefined
  if (missing !== undefined) throw new LocalError('NotBuilt', `seal.${name}: no engine runs a ${missing} yet`)
}

// The sending side of a ratchet (docs/language, "Seal"; the same rules as QUIC key update, RFC 9001 section 6, with a phase
// of its own for each direction). The sender decides when; it is at most one step ahead of what its peer has confirmed.

import type { KeyScope } from '../../core/handshake-descriptor.ts'
import type { Aead } from '../provider.ts'
import type { SealPlan } from './plan.ts'

/** What the key may still seal. */
export type Readiness =
  | 'open'
  /** The limit is reached and the peer has not confirmed the last step: only what asks it to, and a close. */
  | 'control'
  /** Nothing any more. The connection ends with Timeout. */
  | 'spent'

export class SendKeys {
  readonly #plan: SealPlan
  readonly #scope: KeyScope
  #secret: Uint8Array
  aead: Aead
  /** Steps so far. */
  phase = 0
  /** The next packet's number, in two halves, of which `hi` passes 2^32 - 1 when all are taken. */
  hi: number
  lo: number
  /** Whether the newest packet of the peer said that it has seen the present phase. */
  isConfirmed = false
  #packets = 0
  #since: number
  /** A key that `replace` put aside: packets under it may still wait to be sealed. */
  #replaced: Aead | undefined
  /** Packets sealed beyond the limit. */
  #overdue = 0

  constructor(plan: SealPlan, scope: KeyScope, key: Uint8Array, now: number, first: bigint) {
    this.#plan = plan
    this.#scope = scope
    this.#secret = Uint8Array.from(key)
    this.aead = plan.aead(key)
    this.#since = now
    this.hi = Number(first >> 32n)
    this.lo = Number(first & 0xffff_ffffn)
  }

  /** Half of the key's packets or age is used up. */
  isDue(now: number): boolean {
    return this.#packets >= this.#plan.duePackets || now - this.#since >= this.#plan.dueAge
  }

  readiness(now: number): Readiness {
    const plan = this.#plan
    const { isRatchet } = plan
    if (this.hi > LAST_WORD) return 'spent'
    if (isRatchet && this.isConfirmed && this.isDue(now)) return 'open'
    if (this.#packets < plan.mostPackets && now - this.#since < plan.mostAge) return 'open'
    // The nonces of one key must suffice for what is sealed beyond the limit.
    if (!isRatchet || this.#packets >= plan.nonce.distinct) return 'spent'
    return this.#overdue < MOST_OVERDUE ? 'control' : 'spent'
  }

  /**
   * Before a packet: takes the step that is due, if the peer has confirmed the last one. False when nothing may be
   * sealed any more. Gives the old key to `retire`, because packets under it may still wait to be sealed.
   */
  prepare(now: number, retire: (aead: Aead) => void): boolean {
    const plan = this.#plan
    if (this.#replaced !== undefined) {
      retire(this.#replaced)
      this.#replaced = undefined
    }
    if (this.#packets < plan.duePackets && now - this.#since < plan.dueAge && this.hi <= LAST_WORD) return true
    const readiness = this.readiness(now)
    if (readiness === 'spent') return false
    if (readiness === 'control') this.#overdue++
    else if (plan.isRatchet && this.isConfirmed) this.#step(now, retire)
    return true
  }

  /** Spends the number in `hi` and `lo`: whatever becomes of the packet, it is never taken again. */
  spend(): void {
    this.#packets++
    if (this.lo === LAST_WORD) {
      this.lo = 0
      this.hi++
    } else this.lo++
  }

  /** Replaces the key by one that was derived elsewhere (profiles). */
  replace(key: Uint8Array, now: number): void {
    this.#replaced?.destroy()
    this.#replaced = this.aead
    this.#secret.fill(0)
    this.#secret = key
    this.aead = this.#plan.aead(key)
    this.#since = now
    this.#packets = 0
  }

  /** The key as bytes, for a derivation; belongs to this object. */
  get secret(): Uint8Array {
    return this.#secret
  }

  destroy(): void {
    this.#secret.fill(0)
    this.aead.destroy()
    this.#replaced?.destroy()
    this.hi = LAST_WORD + 1
  }

  #step(now: number, retire: (aead: Aead) => void): void {
    const next = this.#plan.nextKey(this.#scope, this.#secret)
    this.#secret.fill(0)
    retire(this.aead)
    this.#secret = next
    this.aead = this.#plan.aead(next)
    this.phase++
    this.isConfirmed = false
    this.#packets = 0
    this.#since = now
    this.#overdue = 0
  }
}

const LAST_WORD = 0xffff_ffff
/** Packets beyond the limit: enough to ask for a confirmation until the peer is given up, and to close. */
const MOST_OVERDUE = 1024

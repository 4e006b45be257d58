// The receiving side of a ratchet: the key in use, the next one once a packet asks for it, and the one before for packets
// that were overtaken. Which of them a packet may be opened with follows from its phase and its number, so that a packet
// costs one attempt whatever it claims.

import type { KeyScope } from '../../core/handshake-descriptor.ts'
import type { Aead } from '../provider.ts'
import { distance } from './places.ts'
import type { SealPlan } from './plan.ts'
import type { PacketWindow } from './replay.ts'

export class ReceiveKeys {
  readonly #plan: SealPlan
  readonly #scope: KeyScope
  readonly #window: PacketWindow
  /** The newest derived key as bytes: the next one comes from it. */
  #secret: Uint8Array
  #current: Aead
  #next: Aead | undefined
  #previous: Aead | undefined
  /** When the previous key is erased. */
  #until = Number.POSITIVE_INFINITY
  /** Steps of the peer that were followed. */
  phase = 0
  /** The lowest number that opened under the current key. */
  #lowHi = 0
  #lowLo = 0

  constructor(plan: SealPlan, scope: KeyScope, key: Uint8Array, window: PacketWindow) {
    this.#plan = plan
    this.#scope = scope
    this.#window = window
    this.#secret = Uint8Array.from(key)
    this.#current = plan.aead(key)
  }

  /** When there is something to erase. */
  get deadline(): number {
    return this.#until
  }

  expire(now: number): void {
    if (now < this.#until) return
    this.#previous?.destroy()
    this.#previous = undefined
    this.#until = Number.POSITIVE_INFINITY
  }

  /** The phase that a packet with these bits and this number is sealed under, or -1 when no key fits it. */
  epochOf(bits: number, hi: number, lo: number): number {
    const { phase } = this.#plan
    if (phase === undefined) return 0
    const step = (bits - this.phase) & phase.mask
    if (step === 0) return this.phase
    if (step === 1 && this.#isAbove(hi, lo)) return this.phase + 1
    if (step === phase.mask && this.#previous !== undefined && this.#isBelow(hi, lo)) return this.phase - 1
    return -1
  }

  /** The key of a phase that `epochOf` gave. */
  keyOf(epoch: number): Aead {
    if (epoch === this.phase) return this.#current
    if (epoch < this.phase) return this.#previous as Aead
    this.#next ??= this.#derive()
    return this.#next
  }

  /**
   * A packet opened under the key of `epoch`. False when other packets of the same batch have moved on so far that it
   * must not count: what is opened together gives the same as what is opened one by one.
   */
  opened(epoch: number, hi: number, lo: number, now: number): boolean {
    const step = epoch - this.phase
    if (step === 0) {
      if (distance(hi, lo, this.#lowHi, this.#lowLo) < 0) this.#setLow(hi, lo)
      return true
    }
    if (step === -1) return this.#previous !== undefined && this.#isBelow(hi, lo)
    if (step !== 1 || !this.#isAbove(hi, lo)) return false
    this.#commit(hi, lo, now)
    return true
  }

  /** The key as bytes, for a derivation; belongs to this object. */
  get secret(): Uint8Array {
    return this.#secret
  }

  /** Replaces the key by one that was derived elsewhere (profiles). */
  replace(key: Uint8Array, aead: Aead): void {
    this.#current.destroy()
    this.#secret.fill(0)
    this.#secret = key
    this.#current = aead
  }

  destroy(): void {
    this.#secret.fill(0)
    for (const aead of [this.#current, this.#next, this.#previous]) aead?.destroy()
    this.#next = undefined
    this.#previous = undefined
  }

  #isAbove(hi: number, lo: number): boolean {
    const window = this.#window
    return window.isEmpty || distance(hi, lo, window.hi, window.lo) > 0
  }

  #isBelow(hi: number, lo: number): boolean {
    return distance(hi, lo, this.#lowHi, this.#lowLo) < 0
  }

  #setLow(hi: number, lo: number): void {
    this.#lowHi = hi
    this.#lowLo = lo
  }

  /** Once, and kept: forged packets of the next phase cost one attempt each like all others. */
  #derive(): Aead {
    const next = this.#plan.nextKey(this.#scope, this.#secret)
    // Whoever sees this memory later learns nothing about packets of the key in use, beyond what its cipher holds.
    this.#secret.fill(0)
    this.#secret = next
    return this.#plan.aead(next)
  }

  #commit(hi: number, lo: number, now: number): void {
    this.#previous?.destroy()
    this.#previous = this.#current
    this.#current = this.#next as Aead
    this.#next = undefined
    this.phase++
    this.#setLow(hi, lo)
    this.#until = now + this.#plan.descriptor.rekey.rejectAfter
  }
}

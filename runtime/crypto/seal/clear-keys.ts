// Keys that are computed from the clear fields of a frame. The last one is kept; a frame with other fields costs one
// derivation, and replaces it only if it opens.

import type { KeyExpression, KeyScope } from '../../core/handshake-descriptor.ts'
import { scopeWith } from '../../core/key-scope.ts'
import type { SealedFrame } from '../../wire/codec.ts'
import type { Aead } from '../provider.ts'
import type { SealPlan } from './plan.ts'

export class ClearKeys {
  readonly #plan: SealPlan
  readonly #rule: KeyExpression
  readonly #scope: KeyScope
  /** The clear fields that may make a difference: all but the counter. */
  readonly #fields: readonly { readonly name: string; readonly at: number; readonly size: number }[]
  #aead: Aead | undefined
  #fingerprint: Uint8Array | undefined
  #candidate: Aead | undefined
  #candidateFingerprint: Uint8Array | undefined
  /** Derivations so far. */
  derivations = 0

  constructor(plan: SealPlan, rule: KeyExpression, scope: KeyScope) {
    const { clear, counter } = plan.descriptor
    this.#plan = plan
    this.#rule = rule
    this.#scope = scope
    this.#fields = clear
      .filter(field => field.name !== counter.field?.path)
      .map(({ name, place }) => ({ name, at: place.at, size: place.size }))
  }

  /** The key for the frame that begins at `frame`: the one that is kept, or a candidate until `keep` or `drop`. */
  keyFor(bytes: Uint8Array, frame: SealedFrame): Aead {
    this.drop()
    if (this.#aead !== undefined && this.#isOf(this.#fingerprint as Uint8Array, bytes, frame.frameStart))
      return this.#aead
    const clear: Record<string, unknown> = {}
    for (const { name } of this.#plan.descriptor.clear) clear[name] = frame.clear(name)
    const key = Uint8Array.from(this.#rule(scopeWith(this.#scope, { clear })))
    this.derivations++
    const aead = this.#plan.aead(key)
    key.fill(0)
    this.#candidate = aead
    this.#candidateFingerprint = this.#read(bytes, frame.frameStart)
    return aead
  }

  /** The candidate, if there is one, opened. */
  keep(): void {
    if (this.#candidate === undefined) return
    this.#aead?.destroy()
    this.#aead = this.#candidate
    this.#fingerprint = this.#candidateFingerprint
    this.#candidate = undefined
  }

  drop(): void {
    this.#candidate?.destroy()
    this.#candidate = undefined
  }

  destroy(): void {
    this.drop()
    this.#aead?.destroy()
    this.#aead = undefined
  }

  /** Whether the fields in the frame are those of the fingerprint. Called for every frame: it makes nothing. */
  #isOf(fingerprint: Uint8Array, bytes: Uint8Array, frame: number): boolean {
    let from = 0
    for (const { at, size } of this.#fields) {
      for (let i = 0; i < size; i++) if (bytes[frame + at + i] !== fingerprint[from + i]) return false
      from += size
    }
    return true
  }

  #read(bytes: Uint8Array, frame: number): Uint8Array {
    const all = new Uint8Array(this.#fields.reduce((sum, field) => sum + field.size, 0))
    let to = 0
    for (const { at, size } of this.#fields) {
      all.set(bytes.subarray(frame + at, frame + at + size), to)
      to += size
    }
    return all
  }
}

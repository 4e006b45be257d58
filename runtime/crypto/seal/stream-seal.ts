// The seal of one direction of one connection over a stream (docs/language, "Seal"): the hooks that a codec calls while it
// decodes or encodes a frame. Frames arrive in order and completely, so counters need not travel, and both sides take the
// next key at the same frame.

import { LocalError } from '../../core/errors.ts'
import type { KeyExpression, KeyScope } from '../../core/handshake-descriptor.ts'
import type { BytePlace } from '../../core/seal-descriptor.ts'
import type { SealedFrame } from '../../wire/codec.ts'
import { type Aead, TAG_LENGTH } from '../provider.ts'
import { ClearKeys } from './clear-keys.ts'
import { Increasing } from './increasing.ts'
import { readHigh, readLow } from './places.ts'
import type { SealPlan } from './plan.ts'
import { GrowingClock, Renewal } from './renewal.ts'
import { ReplayWindow } from './replay.ts'
import { tagToBack, tagToFront } from './tag.ts'
import { widen } from './widen.ts'

export interface StreamSealOptions {
  readonly plan: SealPlan
  /** The key of this direction, copied, or the rule that computes it (`keysOfRoles`). */
  readonly key: Uint8Array | KeyExpression
  /** For the rules of keys; `key.old` and `clear` are filled in. `now` is Unix time. */
  readonly scope: KeyScope
  /** What has arrived before, where it outlives the connection (`replay: increasing`). */
  readonly increasing?: Increasing | undefined
  /** Of the process, for senders that renew clear fields. */
  readonly clock?: GrowingClock | undefined
}

export class StreamSeal {
  readonly plan: SealPlan
  readonly increasing: Increasing
  readonly #scope: KeyScope
  readonly #clear: ClearKeys | undefined
  readonly #renewal: Renewal | undefined
  readonly #window: ReplayWindow | undefined
  readonly #renewed: readonly BytePlace[]
  readonly #nonce: Uint8Array
  readonly #number = { hi: 0, lo: 0 }
  #secret: Uint8Array
  #aead: Aead | undefined
  /** The number of the next frame. */
  #hi: number
  #lo: number
  /** Frames under the present key, and steps of the ratchet so far. */
  #frames = 0
  phase = 0
  /** Frames that did not open. */
  failures = 0

  constructor({ plan, key, scope, increasing, clock }: StreamSealOptions) {
    const { descriptor } = plan
    const { replay, rekey, counter, clear } = descriptor
    this.plan = plan
    this.increasing = increasing ?? new Increasing()
    this.#scope = scope
    this.#nonce = new Uint8Array(plan.nonce.length)
    this.#hi = Math.floor(counter.start / WORD)
    this.#lo = counter.start % WORD
    this.#window = replay?.by === 'window' ? new ReplayWindow(replay.size) : undefined
    this.#renewal = rekey.renew.length > 0 ? new Renewal(descriptor, scope, clock ?? new GrowingClock()) : undefined
    this.#renewed = rekey.renew.flatMap(name => clear.filter(field => field.name === name).map(field => field.place))
    this.#clear = descriptor.keyedByClear ? new ClearKeys(plan, ruleOf(key), scope) : undefined
    this.#secret = this.#clear ? NO_BYTES : Uint8Array.from(typeof key === 'function' ? key(scope) : key)
    this.#aead = this.#clear ? undefined : plan.aead(this.#secret)
    if (replay?.by === 'increasing' && plan.counter === undefined)
      throw new LocalError(
        'NotBuilt',
        `seal.${descriptor.name}: replay: increasing needs a counter field at a fixed place`,
      )
  }

  /** Frames that were sent and did not arrive, as far as the counter tells (`replay: increasing`). */
  get lost(): number {
    return this.increasing.lost
  }

  /** Whether `stamp` has anything to write. */
  get stamps(): boolean {
    return this.#renewal !== undefined || this.plan.descriptor.counter.field !== undefined
  }

  /** Writes the clear fields that are not the caller's into a value that is about to be encoded. */
  stamp(now: number, value: Record<string, unknown>): void {
    const { counter } = this.plan.descriptor
    if (this.#renewal !== undefined) Object.assign(value, this.#renewal.values(now))
    const { field } = counter
    if (field === undefined || this.plan.descriptor.repeats === 'accepted') return
    const isWide = (this.plan.counter?.size ?? 8) > 6
    field.set(value, isWide ? (BigInt(this.#hi) << 32n) + BigInt(this.#lo) : this.#lowBits())
  }

  /** `Context.seal`. Throws LocalError when the key may seal no more, or a frame was not stamped. */
  seal(bytes: Uint8Array, start: number, end: number, frame: SealedFrame): number {
    const { plan } = this
    this.#expectStamp(bytes, frame.frameStart)
    this.#stepIfDue()
    const aead = this.#keyFor(bytes, frame)
    if (this.#hi >= WORD || this.#frames >= Math.min(plan.nonce.distinct, plan.descriptor.once ? 1 : Infinity))
      throw new LocalError(
        'WrongState',
        `the key of seal ${plan.descriptor.name} is spent: nothing may be sealed with it`,
      )
    plan.nonce.write(this.#nonce, 0, bytes, frame.frameStart, this.#hi, this.#lo)
    const to = start + plan.padded(end - start)
    bytes.fill(0, end, to)
    this.#spend()
    this.#renewal?.count()
    aead.seal(this.#nonce, additional(bytes, frame), bytes, start, to)
    this.#clear?.keep()
    if (plan.isPrepended) tagToFront(bytes, start, to + TAG_LENGTH)
    return to + TAG_LENGTH
  }

  /** `Context.open`: the length of the plain text, FAILED or REPLAYED. */
  open(bytes: Uint8Array, start: number, end: number, frame: SealedFrame): number {
    const { plan } = this
    if (end - start < TAG_LENGTH) return this.#failed()
    this.#stepIfDue()
    const number = this.#numberOf(bytes, frame.frameStart)
    const aead = this.#keyFor(bytes, frame)
    plan.nonce.write(this.#nonce, 0, bytes, frame.frameStart, number.hi, number.lo)
    if (plan.isPrepended) tagToBack(bytes, start, end)
    const length = aead.open(this.#nonce, additional(bytes, frame), bytes, start, end)
    if (length < 0) return this.#failed()
    if (plan.isPrepended) bytes.copyWithin(start + TAG_LENGTH, start, start + length)
    if (!this.#isNew(bytes, frame.frameStart, number.hi, number.lo)) {
      this.#clear?.drop()
      return REPLAYED
    }
    this.#clear?.keep()
    this.#hi = number.hi
    this.#lo = number.lo
    this.#spend()
    return length
  }

  /** The connection ended: overwrites what JavaScript can overwrite. */
  destroy(): void {
    this.#secret.fill(0)
    this.#aead?.destroy()
    this.#clear?.destroy()
    this.#hi = WORD
  }

  /** A counter that the caller made up would be a nonce that he made up. */
  #expectStamp(bytes: Uint8Array, frame: number): void {
    const { counter, descriptor } = this.plan
    if (counter === undefined || descriptor.repeats === 'accepted') return
    const highBits = 8 * Math.max(0, counter.size - 4)
    const isOurs =
      readLow(counter, bytes, frame) === this.#lowBits() && readHigh(counter, bytes, frame) === this.#hi % 2 ** highBits
    if (!isOurs)
      throw new LocalError('WrongState', `a frame under seal ${descriptor.name} must be stamped before it is encoded`)
  }

  #keyFor(bytes: Uint8Array, frame: SealedFrame): Aead {
    if (this.#aead !== undefined) return this.#aead
    const keys = this.#clear as ClearKeys
    const before = keys.derivations
    const aead = keys.keyFor(bytes, frame)
    if (keys.derivations > before) this.#frames = 0
    return aead
  }

  /** Both sides take the next key at the same frame: the one behind the last that the old key may seal. */
  #stepIfDue(): void {
    const { rekey } = this.plan.descriptor
    if (rekey.by !== 'ratchet' || rekey.derive === undefined || this.#frames < rekey.packets) return
    const next = this.plan.nextKey(this.#scope, this.#secret)
    this.#secret.fill(0)
    this.#aead?.destroy()
    this.#secret = next
    this.#aead = this.plan.aead(next)
    this.#frames = 0
    this.phase++
  }

  #spend(): void {
    this.#frames++
    if (this.#lo === WORD - 1) {
      this.#lo = 0
      this.#hi++
    } else this.#lo++
  }

  /** The counter as its field holds it, where that is narrower than 32 bits. */
  #lowBits(): number {
    const size = this.plan.counter?.size ?? 4
    return size >= 4 ? this.#lo : this.#lo % 2 ** (8 * size)
  }

  /** The number of the frame that arrived: what it says, or how many there were. */
  #numberOf(bytes: Uint8Array, frame: number): { hi: number; lo: number } {
    const number = this.#number
    const place = this.plan.counter
    if (place === undefined) {
      number.hi = this.#hi
      number.lo = this.#lo
      return number
    }
    number.hi = readHigh(place, bytes, frame)
    number.lo = readLow(place, bytes, frame)
    if (place.size < 8) widen(number, place.size, this.#hi, this.#lo)
    return number
  }

  #isNew(bytes: Uint8Array, frame: number, hi: number, lo: number): boolean {
    const { replay, counter } = this.plan.descriptor
    if (replay?.by === 'increasing') return this.increasing.accept(this.#renewed, bytes, frame, hi, lo, counter.start)
    const window = this.#window
    if (window === undefined) return true
    if (!window.isFresh(hi, lo)) return false
    window.mark(hi, lo)
    return true
  }

  #failed(): number {
    this.failures++
    this.#clear?.drop()
    return FAILED
  }
}

/** What is authenticated beside the text. */
function additional(bytes: Uint8Array, { aadStart, aadEnd }: SealedFrame): Uint8Array {
  return aadStart === aadEnd ? NO_BYTES : bytes.subarray(aadStart, aadEnd)
}

function ruleOf(key: Uint8Array | KeyExpression): KeyExpression {
  if (typeof key !== 'function')
    throw new LocalError('WrongState', 'this seal computes its keys from clear fields: give it the rule, not a key')
  return key
}

/** What `open` returns beside a length, as in `Context.open`. */
export const FAILED = -1
export const REPLAYED = -3
const NO_BYTES = new Uint8Array(0)
const WORD = 0x1_0000_0000

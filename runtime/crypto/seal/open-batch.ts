// Opens packets in place, many at once: of one connection or of several, all in one slab. Numbers, phases and replays are
// looked at before (what cannot open costs no cipher) and settled behind the cipher in the order of arrival, so that a
// batch gives exactly what its packets would give one by one. One packet is a batch of one.

import { LocalError } from '../../core/errors.ts'
import { AeadRows } from '../batch.ts'
import { type CryptoProvider, TAG_LENGTH } from '../provider.ts'
import { openFollowing } from './follow.ts'
import { oneProvider } from './one-provider.ts'
import { type PacketSeal, VERDICT } from './packet-seal.ts'
import { readBits } from './places.ts'
import { tagToBack } from './tag.ts'

export class OpenBatch {
  count = 0
  /** The slab and the time of this batch. */
  slab: Uint8Array = NO_BYTES
  now = 0
  /** Columns, by row: what became of the packet (VERDICT), its whole number, whether no higher one had opened before. */
  verdict: Uint8Array
  hi: Uint32Array
  lo: Uint32Array
  newest: Uint8Array
  /** First byte of the packet; its plain text, in the slab, once it opened. */
  frame: Uint32Array
  textFrom: Uint32Array
  textTo: Uint32Array
  readonly seals: (PacketSeal | undefined)[] = []
  readonly #rows: AeadRows
  /** Which made the keys of this batch. */
  #provider: CryptoProvider | undefined
  /** The row in `#rows`, or NONE, or NO_KEY; the phase it is opened under. */
  #job: Int32Array
  #epoch: Float64Array
  #aadFrom: Uint32Array
  #aadTo: Uint32Array
  #settled = 0
  readonly #number = { hi: 0, lo: 0 }

  /** Room for `capacity` packets; it grows when there are more. */
  constructor(capacity: number = 64) {
    this.#rows = new AeadRows(capacity)
    this.verdict = new Uint8Array(capacity)
    this.newest = new Uint8Array(capacity)
    this.hi = new Uint32Array(capacity)
    this.lo = new Uint32Array(capacity)
    this.frame = new Uint32Array(capacity)
    this.textFrom = new Uint32Array(capacity)
    this.textTo = new Uint32Array(capacity)
    this.#job = new Int32Array(capacity)
    this.#epoch = new Float64Array(capacity)
    this.#aadFrom = new Uint32Array(capacity)
    this.#aadTo = new Uint32Array(capacity)
  }

  /** Begins a batch: its packets are in `slab`. */
  reset(slab: Uint8Array, now: number): void {
    this.seals.fill(undefined, 0, this.count)
    this.count = 0
    this.#settled = 0
    this.slab = slab
    this.now = now
  }

  /** Adds the packet `slab[start..end)`, whose sealed bytes are where the schema always has them. Returns its row. */
  add(seal: PacketSeal, start: number, end: number): number {
    const { layout } = seal.plan
    if (layout === undefined)
      throw new LocalError(
        'WrongState',
        `the frames of seal ${seal.plan.descriptor.name} differ: say where each is sealed`,
      )
    const { sealedAt, behind, aadFrom, aadTo } = layout
    return this.addRange(seal, start, start + sealedAt, end - behind, start + aadFrom, start + aadTo)
  }

  /** Adds the packet at `frame`, sealed in `slab[from..to)`, tag included. Returns its row. */
  addRange(seal: PacketSeal, frame: number, from: number, to: number, aadFrom: number, aadTo: number): number {
    const { plan } = seal
    // The next of these numbers may be out of reach of the highest one known before: they are opened one by one.
    if (plan.isNarrow && this.#settled < this.count) this.#flush()
    this.#provider = oneProvider(this.#rows, this.#provider, plan.provider)
    const row = this.count++
    if (row === this.verdict.length) this.#grow()
    this.seals[row] = seal
    this.frame[row] = frame
    this.textFrom[row] = from
    this.textTo[row] = to
    this.newest[row] = 0
    this.#job[row] = NONE
    if (to - from < TAG_LENGTH) {
      this.verdict[row] = VERDICT.failed
      return row
    }
    const number = this.#number
    seal.numberOf(this.slab, frame, number)
    const { hi, lo } = number
    this.hi[row] = hi
    this.lo[row] = lo
    if (!seal.mayBeFresh(hi, lo)) {
      this.verdict[row] = VERDICT.replayed
      return row
    }
    const { receiving } = seal
    receiving.expire(this.now)
    const epoch = plan.phase === undefined ? 0 : receiving.epochOf(readBits(plan.phase, this.slab, frame), hi, lo)
    this.verdict[row] = PENDING
    if (epoch < 0) {
      this.#job[row] = NO_KEY
      return row
    }
    this.#epoch[row] = epoch
    this.#aadFrom[row] = aadFrom
    this.#aadTo[row] = aadTo
    if (plan.isPrepended) tagToBack(this.slab, from, to)
    if (plan.follows) return row
    const rows = this.#rows
    this.#job[row] = rows.count
    const at = rows.add(receiving.keyOf(epoch), aadFrom, aadTo, from, to)
    plan.nonce.write(rows.nonces, at, this.slab, frame, hi, lo)
    return row
  }

  /** Opens all packets that were added. Returns how many opened and are new. */
  run(): number {
    this.#flush()
    let opened = 0
    for (let row = 0; row < this.count; row++) if (this.verdict[row] === VERDICT.opened) opened++
    return opened
  }

  #flush(): void {
    const rows = this.#rows
    if (rows.count > 0) this.#provider?.openBatch(this.slab, rows)
    for (let row = this.#settled; row < this.count; row++) if (this.verdict[row] === PENDING) this.#settle(row)
    this.#settled = this.count
    rows.clear()
  }

  #settle(row: number): void {
    const seal = this.seals[row] as PacketSeal
    const { plan } = seal
    const hi = this.hi[row] as number
    const lo = this.lo[row] as number
    const job = this.#job[row] as number
    const length = job >= 0 ? this.#rows.result(job) : job === NONE ? this.#follow(row, seal) : -1
    if (length < 0) {
      if (job !== NO_KEY) seal.failures++
      // As it would have looked had its batch been opened one by one.
      this.verdict[row] = seal.mayBeFresh(hi, lo) ? VERDICT.failed : VERDICT.replayed
      return
    }
    const from = this.textFrom[row] as number
    const text = plan.isPrepended ? from + TAG_LENGTH : from
    if (plan.isPrepended) this.slab.copyWithin(text, from, from + length)
    this.textFrom[row] = text
    this.textTo[row] = text + length
    this.newest[row] = seal.isAbove(hi, lo) ? 1 : 0
    this.verdict[row] = seal.settle(this.#epoch[row] as number, hi, lo, this.slab, this.frame[row] as number, this.now)
  }

  #follow(row: number, seal: PacketSeal): number {
    const [start, end] = [this.textFrom[row] as number, this.textTo[row] as number]
    const range = { start, end, aadFrom: this.#aadFrom[row] as number, aadTo: this.#aadTo[row] as number }
    const [hi, lo] = [this.hi[row] as number, this.lo[row] as number]
    return openFollowing(seal, this.slab, this.frame[row] as number, range, hi, lo, this.now)
  }

  #grow(): void {
    const room = Math.max(64, this.verdict.length * 2)
    const bytes = (old: Uint8Array): Uint8Array => grown(new Uint8Array(room), old)
    const words = (old: Uint32Array): Uint32Array => grown(new Uint32Array(room), old)
    this.verdict = bytes(this.verdict)
    this.newest = bytes(this.newest)
    this.hi = words(this.hi)
    this.lo = words(this.lo)
    this.frame = words(this.frame)
    this.textFrom = words(this.textFrom)
    this.textTo = words(this.textTo)
    this.#job = grown(new Int32Array(room), this.#job)
    this.#epoch = grown(new Float64Array(room), this.#epoch)
    this.#aadFrom = words(this.#aadFrom)
    this.#aadTo = words(this.#aadTo)
  }
}

function grown<T extends { set(from: ArrayLike<number>): void }>(to: T, from: ArrayLike<number>): T {
  to.set(from)
  return to
}

const NO_BYTES = new Uint8Array(0)
/** Instead of a row: opened without one; no key fits its phase. */
const NONE = -1
const NO_KEY = -2
/** A verdict that is not there yet. */
const PENDING = 255

// Seals packets in place, many at once: of one connection or of several, all in one slab. Each takes its number and phase
// when it is added, in the order in which packets are added, and never again. One packet is a batch of one.

import { LocalError } from '../../core/errors.ts'
import { AeadRows } from '../batch.ts'
import { type Aead, type CryptoProvider, TAG_LENGTH } from '../provider.ts'
import { oneProvider } from './one-provider.ts'
import type { PacketSeal } from './packet-seal.ts'
import { tagToFront } from './tag.ts'

export class SealBatch {
  count = 0
  /** The slab and the time of this batch. */
  slab: Uint8Array = NO_BYTES
  now = 0
  /** By row: the sealed bytes, tag included. */
  sealedFrom: Uint32Array
  sealedTo: Uint32Array
  readonly #rows: AeadRows
  /** Which made the keys of this batch. */
  #provider: CryptoProvider | undefined
  readonly #seals: (PacketSeal | undefined)[] = []
  /** Keys that packets of this batch are still sealed with, though their successors are in use. */
  readonly #retired: Aead[] = []
  readonly #retire = (aead: Aead): void => {
    this.#retired.push(aead)
  }

  /** Room for `capacity` packets; it grows when there are more. */
  constructor(capacity: number = 64) {
    this.#rows = new AeadRows(capacity)
    this.sealedFrom = new Uint32Array(capacity)
    this.sealedTo = new Uint32Array(capacity)
  }

  /** Begins a batch: its packets are in `slab`. */
  reset(slab: Uint8Array, now: number): void {
    if (this.#rows.count > 0)
      throw new LocalError('WrongState', 'packets of the batch before are not sealed: call `run`')
    this.count = 0
    this.slab = slab
    this.now = now
  }

  /**
   * Adds the packet `slab[start..end)`, plain text last, where the schema always seals in the same place. Writes number,
   * phase and confirmation into its header. Returns its row, or -1 when the key may seal no more.
   */
  add(seal: PacketSeal, start: number, end: number): number {
    const { layout } = seal.plan
    if (layout === undefined || layout.behind > 0)
      throw new LocalError(
        'WrongState',
        `the frames of seal ${seal.plan.descriptor.name} differ: say where each is sealed`,
      )
    return this.addRange(seal, start, start + layout.sealedAt, end, start + layout.aadFrom, start + layout.aadTo)
  }

  /** As `add`, for the packet at `frame` whose plain text is `slab[from..to)`. Behind it must be room (`plan.overhead`). */
  addRange(seal: PacketSeal, frame: number, from: number, to: number, aadFrom: number, aadTo: number): number {
    if (!this.take(seal)) return NONE
    seal.stamp(this.slab, frame)
    return this.addTaken(seal, frame, from, to, aadFrom, aadTo)
  }

  /** Takes number and phase of a packet before it is encoded, for headers that `stamp` cannot write; then `addTaken`. */
  take(seal: PacketSeal): boolean {
    return seal.take(this.now, this.#retire)
  }

  /** Adds a packet whose header carries what `take` gave. */
  addTaken(seal: PacketSeal, frame: number, from: number, to: number, aadFrom: number, aadTo: number): number {
    const { plan, sending } = seal
    const { slab } = this
    const length = plan.padded(to - from)
    const end = from + length
    if (end + TAG_LENGTH > slab.length)
      throw new LocalError('TooLarge', `a packet needs ${plan.overhead(to - from)} more bytes behind its text`)
    const rows = this.#rows
    this.#provider = oneProvider(rows, this.#provider, plan.provider)
    seal.use()
    if (end > to) slab.fill(0, to, end)
    const row = this.count++
    if (row === this.sealedFrom.length) this.#grow()
    this.#seals[row] = seal
    this.sealedFrom[row] = from
    this.sealedTo[row] = end + TAG_LENGTH
    const at = rows.add(sending.aead, aadFrom, aadTo, from, end)
    plan.nonce.write(rows.nonces, at, slab, frame, seal.takenHi, seal.takenLo)
    return row
  }

  /** Seals all packets that were added. Returns how many; one whose connection was destroyed is overwritten. */
  run(): number {
    const rows = this.#rows
    if (rows.count === 0) return 0
    const sealed = this.#provider!.sealBatch(this.slab, rows)
    for (let row = 0; row < this.count; row++) {
      const [from, to] = [this.sealedFrom[row] as number, this.sealedTo[row] as number]
      // Text must not leave where a sealed packet was meant to.
      if (sealed < this.count && rows.result(row) < 0) this.slab.fill(0, from, to)
      else if (this.#seals[row]!.plan.isPrepended) tagToFront(this.slab, from, to)
    }
    rows.clear()
    this.#seals.fill(undefined, 0, this.count)
    if (this.#retired.length > 0) for (const aead of this.#retired.splice(0)) aead.destroy()
    return sealed
  }

  #grow(): void {
    const room = Math.max(64, this.sealedFrom.length * 2)
    const [from, to] = [new Uint32Array(room), new Uint32Array(room)]
    from.set(this.sealedFrom)
    to.set(this.sealedTo)
    this.sealedFrom = from
    this.sealedTo = to
  }
}

const NO_BYTES = new Uint8Array(0)
const NONE = -1

// Fragments of one peer on a datagram transport: cutting a frame whose payload is too large, and telling pieces from
// whole frames. The arithmetic is runtime/channel's; which fields carry it is the schema's.

import { type Cut, Fragmenter, FragmentIds } from '../channel/fragment.ts'
import type { Piece } from '../channel/reassembly.ts'
import type { Codec, Reader } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import { idShape } from './ids.ts'
import type { FramePlan } from './plan.ts'
import type { Accessor, ChannelHeader, FragmentDescriptor } from './protocol.ts'
import { type Plain, remove } from './recast.ts'

/** Fields that number pieces; undefined where the schema names none, and then nothing is cut or joined. */
export interface PieceFields {
  readonly id: Accessor
  readonly index: Accessor
  readonly count: Accessor
  readonly flag: Accessor | undefined
}

export function pieceFields(header: ChannelHeader | undefined): PieceFields | undefined {
  const { fragment_id: id, fragment_index: index, fragment_count: count, fragment_flag: flag } = header ?? {}
  return id && index && count && { id, index, count, flag }
}

/** A message that was cut: how, and under which id. */
export interface CutMessage {
  readonly cut: Cut
  readonly id: number
}

export class Pieces {
  readonly #fields: PieceFields
  readonly #fragment: FragmentDescriptor
  readonly #fragmenter: Fragmenter
  #ids: FragmentIds | undefined
  #space = 0

  constructor(fields: PieceFields, fragment: FragmentDescriptor) {
    this.#fields = fields
    this.#fragment = fragment
    this.#fragmenter = new Fragmenter(fragment)
  }

  /** Whether a message that is sent again keeps its id, so that pieces that arrived count. */
  get keepsId(): boolean {
    return this.#fragment.duplicates === 'ignore' && !this.#fragment.acceptFullCopies
  }

  /** When the next id has rested. */
  get freeAt(): number {
    return this.#ids?.freeAt() ?? Number.NEGATIVE_INFINITY
  }

  /**
   * Cuts a frame of `size` bytes. Undefined: no id is free before `freeAt`.
   * Throws EncodeError LimitExceeded when it needs more pieces than allowed.
   */
  cut(now: number, codec: Codec, frame: FramePlan, value: Plain, size: number): CutMessage | undefined {
    const payload = this.#payload(frame, value)
    this.#ids ??= this.#makeIds(codec, frame, value)
    const cut = this.#fragmenter.cut(payload.length, size - payload.length, this.#sizeAround(codec, frame, value))
    const id = this.#ids.next(now)
    return id < 0 ? undefined : { cut, id }
  }

  /** The value of piece `index`. */
  piece(frame: FramePlan, value: Plain, { cut, id }: CutMessage, index: number): Plain {
    const payload = this.#payload(frame, value)
    const piece: Plain = { ...value, [this.#fragment.cut]: payload.subarray(index * cut.size, (index + 1) * cut.size) }
    this.#number(piece, id, index, cut.count)
    return piece
  }

  /** What a frame says about itself, or undefined when it is whole. */
  read(source: string, frame: Reader, codec: Codec): Piece | undefined {
    const { id, index, count } = this.#fields
    const number = id.get(frame)
    const at = index.get(frame)
    const of = count.get(frame)
    if (number === undefined || at === undefined || of === undefined) return undefined
    const bytes = (frame as unknown as Plain)[this.#fragment.cut]
    if (!(bytes instanceof Uint8Array)) return undefined
    const piece = { source, id: number as number | bigint, index: Number(at), count: Number(of), bytes }
    if (!this.#fragment.acceptFullCopies) return piece
    return { ...piece, plainSize: frame.byteEnd - frame.byteStart - this.#sizeOfNumbers(codec, frame, piece) }
  }

  /** The value of the joined message: that of piece 0 without its numbers, and the whole payload. */
  join(head: Plain, payload: Uint8Array): Plain {
    const { id, index, count, flag } = this.#fields
    const value: Plain = { ...head, [this.#fragment.cut]: payload }
    for (const accessor of [id, index, count]) remove(value, accessor, 0)
    flag?.set(value, false)
    return value
  }

  #payload(frame: FramePlan, value: Plain): Uint8Array {
    const payload = value[this.#fragment.cut]
    if (payload instanceof Uint8Array) return payload
    throw new LocalError(
      'NotBuilt',
      `${frame.name} is too large for one datagram, and ${this.#fragment.cut} is not bytes`,
    )
  }

  #number(value: Plain, id: number, index: number, count: number): void {
    const fields = this.#fields
    fields.flag?.set(value, true)
    fields.id.set(value, id)
    fields.index.set(value, index)
    fields.count.set(value, count)
  }

  /** The most bytes around the payload of a piece. */
  #sizeAround(codec: Codec, frame: FramePlan, value: Plain): number {
    const { pieces, cut } = this.#fragment
    const largest: Plain = { ...value, [cut]: EMPTY }
    this.#number(largest, this.#space - 1, pieces - 1, pieces)
    return codec.sizeOf(frame.name, largest)
  }

  #sizeOfNumbers(codec: Codec, frame: Reader, piece: Piece): number {
    const bare: Plain = { [this.#fragment.cut]: EMPTY }
    const numbered = { ...bare }
    this.#number(numbered, Number(piece.id), piece.index, piece.count)
    return codec.sizeOf(frame.frameName, numbered) - codec.sizeOf(frame.frameName, bare)
  }

  #makeIds(codec: Codec, frame: FramePlan, value: Plain): FragmentIds {
    const probe: Plain = { ...value, [this.#fragment.cut]: EMPTY }
    this.#number(probe, 0, 0, 2)
    const bits = idShape(codec, frame.name, probe, this.#fields.id)?.bits ?? 8
    this.#space = Math.min(2 ** bits, MOST_IDS)
    return new FragmentIds({ space: this.#space, rest: this.#fragment.timeout })
  }
}

const EMPTY = new Uint8Array(0)
/** Ids beyond these are not used: each costs memory while it rests. */
const MOST_IDS = 4096

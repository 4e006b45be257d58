// Between frames and transfers: which parts a frame is cut into, the value of the frame that carries one, and what a
// received frame says about its part. The fields are those that `channels.NAME.transfer` names.

import { LocalError } from '../core/errors.ts'
import type { Accessor, ReplyDescriptor, TransferDescriptor } from '../core/protocol.ts'
import { EncodeError, type Reader } from '../wire/codec.ts'
import type { TransferId } from './transfer-receive.ts'
import type { MessageId, Part } from './transfer-send.ts'

type Plain = Readonly<Record<string, unknown>>

/** What a received frame says about the part it carries. */
export interface PartNumbers {
  readonly id: TransferId
  readonly index: number
  readonly count: number | undefined
}

export class TransferFrames {
  readonly #transfer: TransferDescriptor
  readonly #message: Accessor
  readonly #ask: readonly Accessor[]

  /** `reply`: the rule by which the frames of the channel are acknowledged; it must match requests by a field. */
  constructor(transfer: TransferDescriptor, reply: Pick<ReplyDescriptor, 'name' | 'by' | 'ask'>) {
    if (typeof reply.by !== 'object')
      throw new LocalError('BadOption', `a transfer needs replies that are matched by a field; ${reply.name} has none`)
    this.#transfer = transfer
    this.#message = reply.by.request
    this.#ask = reply.ask
  }

  /** The payload of a frame about to be sent, where it is large enough to be a transfer. */
  payloadOf(value: Plain): Uint8Array | undefined {
    const payload = value[this.#transfer.cut]
    return payload instanceof Uint8Array && payload.length > this.#transfer.above ? payload : undefined
  }

  /**
   * Payload bytes of each part, so that a frame with it takes at most `most` bytes. `largest` is the longest request id
   * there can be, `id` the number of the transfer, `sizeOf` gives the encoded size of a value.
   * Throws EncodeError LimitExceeded when nothing of the payload fits.
   */
  partSize(
    value: Plain,
    length: number,
    id: MessageId,
    largest: MessageId,
    most: number,
    sizeOf: (value: Plain) => number,
  ): number {
    const { cut, part } = this.#transfer
    // The numbers may be text: how many digits they have depends on how many parts there are, and that on the digits.
    for (let count = 1; ; ) {
      const overhead = sizeOf(this.#value(value, EMPTY, largest, id, count - 1, count))
      const size = Math.min(part ?? Infinity, most - overhead)
      if (size < 1)
        throw new EncodeError(
          'LimitExceeded',
          cut,
          `nothing of ${cut} fits into a part: the fields around it take ${overhead} of ${most} bytes`,
        )
      const needed = Math.max(1, Math.ceil(length / size))
      if (`${needed}`.length <= `${count}`.length) return size
      count = Number('9'.repeat(`${needed}`.length))
    }
  }

  /** The value of the frame that carries a part. */
  valueOf(value: Plain, part: Part<unknown>): Record<string, unknown> {
    return this.#value(value, part.bytes, part.message, part.transfer.id, part.index, part.count)
  }

  /** What a received frame says about its part; undefined when it carries none. */
  numbersOf(frame: Reader): PartNumbers | undefined {
    const id = this.#transfer.id.get(frame)
    const index = this.#transfer.index.get(frame)
    if (!isId(id) || !isId(index)) return undefined
    const count = this.#transfer.count.get(frame)
    return { id, index: Number(index), count: isId(count) && count !== 0 && count !== 0n ? Number(count) : undefined }
  }

  /** The value without its payload. */
  emptied(value: Plain): Record<string, unknown> {
    return { ...value, [this.#transfer.cut]: EMPTY }
  }

  /** The value of a whole message, from that of part 0. */
  joined(head: Plain, payload: Uint8Array): Record<string, unknown> {
    const { id, index, count, cut } = this.#transfer
    const value = { ...head, [cut]: payload }
    for (const number of [id, index, count]) remove(value, number)
    return value
  }

  /** The bytes of a part, borrowed as its frame is. */
  bytesOf(frame: Reader): Uint8Array {
    const bytes = (frame as unknown as Plain)[this.#transfer.cut]
    return bytes instanceof Uint8Array ? bytes : EMPTY
  }

  #value(
    value: Plain,
    bytes: Uint8Array,
    message: MessageId,
    id: MessageId,
    index: number,
    count: number | undefined,
  ): Record<string, unknown> {
    const transfer = this.#transfer
    // Accessors copy what they change below the first level, so a flat copy leaves the caller's value alone.
    const filled = { ...value, [transfer.cut]: bytes }
    for (const ask of this.#ask) ask.set(filled, true)
    this.#message.set(filled, message)
    transfer.id.set(filled, id)
    transfer.index.set(filled, index)
    if (count !== undefined) transfer.count.set(filled, count)
    return filled
  }
}

/** Takes out what an accessor writes: the entry of a list, or the field that holds it. */
function remove(value: Record<string, unknown>, accessor: Accessor): void {
  const [top = ''] = accessor.path.split('.')
  const before = value[top]
  if (!Array.isArray(before)) {
    delete value[top]
    return
  }
  const probe = { ...value }
  accessor.set(probe, 0)
  const after = probe[top] as readonly unknown[]
  value[top] = before.filter((entry, at) => after[at] === entry)
}

function isId(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint'
}

const EMPTY = new Uint8Array(0)

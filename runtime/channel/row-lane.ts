// A reliable channel in a connection with one row of numbers (row.ts): sent once, acknowledged by the connection, put in
// order as far as what came on all channels together tells what is missing.

import type { Acks, Arrival, PieceNumbers } from './host.ts'
import { Inbound } from './inbound.ts'
import { PIECE_COST } from './joining.ts'
import { Lane, type LaneContext, type LaneOptions, NO_ROOM, WAIT } from './lane.ts'
import type { Parcel } from './outgoing.ts'
import type { Row } from './row.ts'

export class RowLane<M> extends Lane<M> {
  readonly #row: Row<M>
  readonly #inbound: Inbound<M>
  readonly #ordered: boolean
  readonly #sparing: boolean

  constructor(context: LaneContext<M>, options: LaneOptions, row: Row<M>) {
    super(context, options)
    const { channel } = options
    this.#row = row
    this.#ordered = channel.delivery === 'reliable-ordered'
    this.#sparing = context.numbers.sparing ?? false
    this.#inbound = new Inbound(context, options, row.serial, Math.max(channel.window, channel.reorder.messages))
  }

  get heldBytes(): number {
    return this.#inbound.bytes
  }

  get unsettled(): number {
    return this.outgoing.count + this.#row.waiting(this.place)
  }

  whole(now: number, message: M, _size: number): number {
    return this.#mayGo(now) ? this.#send(now, message, undefined, 0) : WAIT
  }

  get wants(): boolean {
    return this.outgoing.count > 0 && this.#hasWindow
  }

  offer(now: number): number {
    if (!this.#mayGo(now)) return WAIT
    const { outgoing } = this
    const { parcel } = outgoing
    const bytes = this.#send(now, outgoing.message, parcel, parcel?.next ?? 0)
    if (bytes !== NO_ROOM && (parcel === undefined || ++parcel.next === parcel.count)) outgoing.shift()
    return bytes
  }

  receive(now: number, seq: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival {
    return this.#inbound.receive(now, this.#row.serial.full(seq, this.#row.top), piece, message, size)
  }

  override elsewhere(number: number): void {
    this.#inbound.elsewhere(number)
  }

  acked(): void {}

  get acks(): Acks {
    return this.#row.acks
  }

  carried(): void {
    this.#row.carried()
  }

  get ackAt(): number {
    return Infinity
  }

  wake(now: number): void {
    this.#inbound.wake(now)
  }

  deadline(stalled: boolean): number {
    const at = this.#inbound.skipAt
    return stalled || !this.wants ? at : Math.min(at, this.paceAt)
  }

  end(): M[] {
    const messages: M[] = []
    for (const { outgoing } = this; outgoing.count > 0; outgoing.shift()) messages.push(outgoing.message)
    this.#inbound.end()
    return messages
  }

  protected held(length: number, count: number): number {
    return this.#ordered ? length : length + count * PIECE_COST
  }

  get #hasWindow(): boolean {
    return this.#row.waiting(this.place) < this.channel.window
  }

  #mayGo(now: number): boolean {
    return this.#hasWindow && this.paced(now)
  }

  #send(now: number, message: M, parcel: Parcel<M> | undefined, index: number): number {
    const row = this.#row
    // Where numbers are spared only order needs one of its own; nothing tells whether the others arrived.
    const counts = this.#ordered || !this.#sparing
    const bytes = this.put(
      now,
      row.serial.wire(counts ? row.ordered : row.number(false)),
      message,
      parcel,
      index,
      'first',
    )
    if (bytes === NO_ROOM) return NO_ROOM
    this.context.counters.sent++
    const last = parcel === undefined || index === parcel.count - 1
    if (counts) row.sent(now, this.place, message, last)
    else if (last) this.context.host.settled(this.place, message)
    return bytes
  }
}

// An unreliable channel: sent once, at once, and never kept. Where messages are numbered, none is delivered twice, and on
// a sequenced channel none after a newer one. Pieces of what is not complete in time are dropped.

import { LocalError } from '../core/errors.ts'
import type { Parity } from '../reliability/fec.ts'
import type { Acks, Arrival, PieceNumbers } from './host.ts'
import { PIECE_COST } from './joining.ts'
import { Lane, type LaneContext, type LaneOptions, NO_ROOM, WAIT } from './lane.ts'
import type { Parcel } from './outgoing.ts'
import { ParityIn, ParityOut, type Restored } from './parity.ts'
import { type Piece, Reassembly } from './reassembly.ts'
import type { Row } from './row.ts'
import { Seen } from './seen.ts'
import { Serial } from './serial.ts'

export class UnreliableLane<M> extends Lane<M> {
  readonly #serial: Serial | undefined
  readonly #row: Row<M> | undefined
  readonly #sequenced: boolean
  readonly #mostPieces: number
  readonly #takesCopies: boolean
  #next = 1
  /** Highest number that arrived; on a sequenced channel, that was delivered. */
  #newest = 0
  #seen: Seen | undefined
  #pieces: Reassembly<undefined> | undefined
  readonly #parityOut: ParityOut | undefined
  #parityIn: ParityIn | undefined

  constructor(context: LaneContext<M>, options: LaneOptions) {
    super(context, options)
    const { channel } = options
    const { seqBits, first } = context.numbers
    this.#row = context.row
    this.#serial = seqBits === 0 ? undefined : new Serial(seqBits, first)
    this.#sequenced = channel.delivery === 'unreliable-sequenced'
    this.#mostPieces = channel.fragment?.pieces ?? 0
    this.#takesCopies = context.numbers.copies ?? false
    if (this.#sequenced && this.#serial === undefined)
      throw new LocalError('BadOption', `${channel.name} is sequenced, but nothing in its frames carries a number`)
    if (channel.fec !== undefined) {
      if (this.#serial === undefined || this.#row !== undefined)
        throw new LocalError('BadOption', `fec of ${channel.name} needs a number of the channel in its frames`)
      this.#parityOut = new ParityOut(channel.fec, this.mtu)
    }
  }

  get heldBytes(): number {
    return this.#pieces?.bytes ?? 0
  }

  get unsettled(): number {
    return 0
  }

  whole(now: number, message: M, _size: number): number {
    return this.paced(now) ? this.#send(now, message, undefined, 0) : WAIT
  }

  get wants(): boolean {
    return this.outgoing.count > 0
  }

  offer(now: number): number {
    if (!this.paced(now)) return WAIT
    const { outgoing } = this
    const { parcel } = outgoing
    const bytes = this.#send(now, outgoing.message, parcel, parcel?.next ?? 0)
    if (bytes !== NO_ROOM && (parcel === undefined || ++parcel.next === parcel.count)) outgoing.shift()
    return bytes
  }

  receive(now: number, seq: number, piece: PieceNumbers | undefined, message: M, _size: number): Arrival {
    if (this.channel.fec !== undefined) this.#covered(seq, message)
    if (piece !== undefined) return this.#piece(now, seq, piece, message)
    const serial = this.#serial
    if (serial !== undefined) {
      const number = serial.full(seq, this.#near)
      if (this.#sequenced) {
        if (number <= this.#newest) return this.#late(number === this.#newest)
        this.#newest = number
      } else if (!this.#takesCopies && !this.#isNew(number)) return this.#late(number > this.#newest - Seen.SPAN)
    }
    this.#deliver(message)
    return 'delivered'
  }

  acked(_now: number, _ack: number, _lo: number, _hi: number): void {}

  get acks(): Acks {
    return NO_ACKS
  }

  carried(): void {}

  get ackAt(): number {
    return Infinity
  }

  override parity(seq: number, count: number, lengths: number, sum: Uint8Array): void {
    if (this.#serial !== undefined) this.#incoming.parity(this.#serial.full(seq, this.#newest), count, lengths, sum)
  }

  override restored(): Restored | undefined {
    const restored = this.#parityIn?.restored
    if (restored === undefined) return undefined
    this.#incoming.restored = undefined
    return restored
  }

  wake(now: number): void {
    if (this.#parityOut !== undefined && now >= this.#closeAt) {
      this.#cover(this.#parityOut.close())
      this.#next = this.#parityOut.next
    }
    if (this.#pieces !== undefined) this.context.counters.incomplete += this.#pieces.expire(now)
  }

  deadline(stalled: boolean): number {
    const at = Math.min(this.#pieces?.deadline() ?? Infinity, this.#closeAt)
    return stalled || this.outgoing.count === 0 ? at : Math.min(at, this.paceAt)
  }

  end(): M[] {
    const messages: M[] = []
    for (const { outgoing } = this; outgoing.count > 0; outgoing.shift()) messages.push(outgoing.message)
    this.#pieces = undefined
    return messages
  }

  protected held(length: number, count: number): number {
    return length + count * PIECE_COST
  }

  #send(now: number, message: M, parcel: Parcel<M> | undefined, index: number): number {
    const serial = this.#serial
    const row = this.#row
    const seq = serial === undefined ? 0 : serial.wire(row === undefined ? this.#next : row.number(this.#sequenced))
    const bytes = this.put(now, seq, message, parcel, index, 'first')
    if (bytes === NO_ROOM) return NO_ROOM
    this.context.counters.sent++
    if (row !== undefined) row.used(this.#sequenced)
    else {
      this.#next++
      if (this.#parityOut !== undefined)
        return bytes + this.#cover(this.#parityOut.sent(now, this.context.host.textSent!(this.place)))
    }
    return bytes
  }

  /** Sends a parity, where there is room for it: it is not kept. Bytes. */
  #cover(parity: Parity | undefined): number {
    if (parity === undefined || this.#parityOut === undefined) return 0
    const first = this.#serial!.wire(this.#parityOut.first(parity))
    return this.context.host.parity!(this.place, first, parity)
  }

  /** When a group is closed that is not full: not inside a message in pieces, whose numbers follow each other. */
  get #closeAt(): number {
    const { parcel, count } = this.outgoing
    return count > 0 && (parcel?.next ?? 0) > 0 ? Infinity : (this.#parityOut?.closeAt ?? Infinity)
  }

  get #incoming(): ParityIn {
    this.#parityIn ??= new ParityIn(this.channel.fec!, this.mtu)
    return this.#parityIn
  }

  /** A message arrived that a parity may cover. */
  #covered(seq: number, message: M): void {
    const text = this.context.host.text!(this.place, message)
    this.#incoming.arrived(this.#serial!.full(seq, this.#newest), text)
  }

  /** What a number on the wire is near to. */
  get #near(): number {
    return this.#row === undefined ? this.#newest : this.#row.top
  }

  /** Numbered pieces name their message by number minus index, others by their id. */
  #piece(now: number, seq: number, piece: PieceNumbers, message: M): Arrival {
    const { index, count } = piece
    if (!(count >= 1 && count <= this.#mostPieces && index >= 0 && index < count))
      return this.#wrong(`piece ${index} of ${count}`)
    let id = piece.id
    if (this.#serial !== undefined) {
      const number = this.#serial.full(seq, this.#near)
      if (this.#sequenced && number <= this.#newest) return this.#late(false)
      if (!this.#sequenced && !this.#isNew(number)) return this.#late(true)
      id = number - index
    }
    const { host } = this.context
    const bytes = host.cutBytes(this.place, message)
    this.#pieces ??= new Reassembly(this.#options())
    const taken: Piece = { source: '', id, index, count, bytes }
    const outcome = this.#pieces.receive(now, taken, () => undefined)
    switch (outcome.kind) {
      case 'held':
        return 'held'
      case 'duplicate':
      case 'late':
        return this.#late(true)
      case 'refused':
        if (outcome.code === 'BadValue') return this.#wrong(outcome.message)
        this.context.counters.refused++
        return 'refused'
      case 'complete':
        if (this.#sequenced) this.#newest = (id as number) + count - 1
        this.#deliver(host.join(this.place, message, outcome.payload))
        return 'delivered'
    }
  }

  #options() {
    return this.channel.fragment!
  }

  /** Remembers a number; false when it was there already, or is too old to tell. */
  #isNew(number: number): boolean {
    this.#seen ??= new Seen()
    if (!this.#seen.add(number)) return false
    if (number > this.#newest) this.#newest = number
    return true
  }

  #deliver(message: M): void {
    this.context.counters.delivered++
    this.context.host.deliver(this.place, message)
  }

  #late(again: boolean): Arrival {
    if (again) this.context.counters.duplicates++
    return again ? 'duplicate' : 'late'
  }

  #wrong(text: string): Arrival {
    this.context.fail('BadValue', text)
    return 'failed'
  }
}

const NO_ACKS: Acks = { ack: 0, lo: 0, hi: 0 }

// The receiving half of a reliable channel: each message once, in order where promised, and the acknowledgements.
// What has no room is neither kept nor acknowledged, so that it comes again; that is the whole flow control.

import type { Acks, Arrival, PieceNumbers } from './host.ts'
import { type Joined, PiecesInAnyOrder, PiecesInOrder } from './joining.ts'
import type { LaneContext, LaneOptions } from './lane.ts'
import { Received } from './received.ts'
import type { Serial } from './serial.ts'

/** A message that waits for an earlier one. */
interface Held<M> {
  readonly message: M
  readonly piece: PieceNumbers | undefined
  readonly size: number
}

export class Inbound<M> {
  /** When an acknowledgement has to go out by itself; Infinity when none is due. */
  ackAt: number = Infinity
  readonly #context: LaneContext<M>
  readonly #options: LaneOptions
  readonly #serial: Serial
  readonly #received: Received
  readonly #ordered: boolean
  readonly #after: number
  readonly #delay: number
  readonly #mostPieces: number
  readonly #held = new Map<number, Held<M>>()
  #heldBytes = 0
  #inOrder: PiecesInOrder | undefined
  #anyOrder: PiecesInAnyOrder | undefined
  /** Arrived since the last acknowledgement went out. */
  #count = 0
  readonly #acks: { ack: number; lo: number; hi: number } = { ack: 0, lo: 0, hi: 0 }
  #acking = 0

  constructor(context: LaneContext<M>, options: LaneOptions, serial: Serial, span: number) {
    const { channel } = options
    this.#context = context
    this.#options = options
    this.#serial = serial
    this.#received = new Received(span, Math.min(context.numbers.ackBits, 64))
    this.#ordered = channel.delivery === 'reliable-ordered'
    this.#after = channel.ack?.after ?? Infinity
    this.#delay = channel.ack?.delay ?? Infinity
    this.#mostPieces = channel.fragment?.pieces ?? 0
  }

  /** Bytes held for order and in pieces. */
  get bytes(): number {
    return this.#heldBytes + (this.#inOrder?.bytes ?? 0) + (this.#anyOrder?.bytes ?? 0)
  }

  receive(now: number, seq: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival {
    const received = this.#received
    const number = this.#serial.full(seq, received.base)
    if (number < 1 || number > received.base + received.span) return this.#refuse()
    if (received.has(number)) {
      received.again(number)
      this.#context.counters.duplicates++
      this.ackAt = now
      return 'duplicate'
    }
    if (piece !== undefined && !this.#isPiece(number, piece)) return 'failed'
    const next = number === received.base + 1
    if (!next && this.#ordered) return this.#keep(now, number, piece, message, size)
    if (piece !== undefined) return this.#piece(now, number, piece, message)
    if (this.#inOrder?.open) return this.#wrong('a message inside another one that is in pieces')
    this.#add(now, number)
    this.#deliver(message)
    if (this.#held.size > 0) this.#release(number)
    return 'delivered'
  }

  get acks(): Acks {
    const received = this.#received
    const acks = this.#acks
    const { ack } = received
    this.#acking = ack
    if (ack === 0) {
      acks.ack = acks.lo = acks.hi = 0
      return acks
    }
    acks.ack = this.#serial.wire(ack)
    acks.lo = received.bits(ack, 0)
    acks.hi = received.bits(ack, 32)
    return acks
  }

  carried(): void {
    this.#received.acknowledged(this.#acking)
    if (this.#received.owes) return
    this.#count = 0
    this.ackAt = Infinity
  }

  end(): void {
    this.#held.clear()
    this.#heldBytes = 0
    this.#inOrder?.clear()
    this.#anyOrder?.clear()
    this.ackAt = Infinity
  }

  /** It is ours now, so it will be acknowledged: at once when something is missing, else with others. */
  #add(now: number, number: number): void {
    const received = this.#received
    const plain = number === received.base + 1 && received.top === received.base
    received.add(number)
    if (!plain || ++this.#count >= this.#after) this.ackAt = now
    else if (this.ackAt === Infinity) this.ackAt = now + this.#delay
  }

  #keep(now: number, number: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival {
    const { messages, bytes } = this.#options.channel.reorder
    if (this.#held.size >= messages || this.#heldBytes + size > bytes) return this.#refuse()
    const copy = piece && { id: piece.id, index: piece.index, count: piece.count }
    this.#held.set(number, { message: this.#context.host.hold(this.#options.place, message), piece: copy, size })
    this.#heldBytes += size
    this.#add(now, number)
    return 'held'
  }

  /** Delivers what waited for `number`. */
  #release(number: number): void {
    for (let next = number + 1; ; next++) {
      const held = this.#held.get(next)
      if (held === undefined) return
      this.#held.delete(next)
      this.#heldBytes -= held.size
      if (held.piece === undefined) {
        if (this.#inOrder?.open) return void this.#wrong('a message inside another one that is in pieces')
        this.#deliver(held.message)
      } else {
        const joined = this.#join(next, held.piece, held.message, true)
        if (typeof joined !== 'string') {
          if ('wrong' in joined) return void this.#wrong(joined.wrong, joined.full)
          this.#deliverJoined(held.message, joined.payload)
        }
      }
    }
  }

  #piece(now: number, number: number, piece: PieceNumbers, message: M): Arrival {
    const joined = this.#join(number, piece, message, false)
    if (joined === 'refused') return this.#refuse()
    if (joined !== 'held' && 'wrong' in joined) return this.#wrong(joined.wrong, joined.full)
    this.#add(now, number)
    if (joined !== 'held') this.#deliverJoined(message, joined.payload)
    if (this.#held.size > 0) this.#release(number)
    return joined === 'held' ? 'held' : 'delivered'
  }

  #join(number: number, piece: PieceNumbers, message: M, acknowledged: boolean): Joined {
    const { place, channel, budget } = this.#options
    const bytes = this.#context.host.cutBytes(place, message)
    const fragment = channel.fragment!
    if (this.#ordered) {
      this.#inOrder ??= new PiecesInOrder(fragment, budget)
      return this.#inOrder.add(piece, bytes, acknowledged)
    }
    this.#anyOrder ??= new PiecesInAnyOrder(fragment, channel.reorder.bytes, budget)
    return this.#anyOrder.add(number, this.#received.base, piece, bytes)
  }

  #isPiece(number: number, { index, count }: PieceNumbers): boolean {
    if (count >= 1 && count <= this.#mostPieces && index >= 0 && index < count && number > index) return true
    this.#wrong(`piece ${index} of ${count}`)
    return false
  }

  #deliver(message: M): void {
    this.#context.counters.delivered++
    this.#context.host.deliver(this.#options.place, message)
  }

  #deliverJoined(message: M, payload: Uint8Array): void {
    const { host } = this.#context
    this.#deliver(host.join(this.#options.place, message, payload))
  }

  #refuse(): Arrival {
    this.#context.counters.refused++
    return 'refused'
  }

  #wrong(text: string, full?: boolean): Arrival {
    this.#context.fail(full ? 'LimitExceeded' : 'BadValue', text)
    return 'failed'
  }
}

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
  readonly at: number
}

export class Inbound<M> {
  /** When an acknowledgement has to go out by itself; Infinity when none is due. */
  ackAt: number = Infinity
  /** When to go on without what is missing, on a channel whose peer sends nothing again. */
  skipAt: number = Infinity
  readonly #context: LaneContext<M>
  readonly #options: LaneOptions
  readonly #serial: Serial
  readonly #received: Received
  readonly #ordered: boolean
  /** The peer sends everything once, so what is missing may be missing for ever. */
  readonly #once: boolean
  readonly #after: number
  readonly #delay: number
  readonly #mostPieces: number
  /** Made when something has to wait; one without anything is the same for all. */
  #held = NOTHING as Map<number, Held<M>>
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
    this.#once = channel.retransmit === undefined
    this.#after = channel.ack?.after ?? Infinity
    this.#delay = channel.ack?.delay ?? Infinity
    this.#mostPieces = channel.fragment?.pieces ?? 0
  }

  /** Bytes held for order and in pieces. */
  get bytes(): number {
    return this.#heldBytes + (this.#inOrder?.bytes ?? 0) + (this.#anyOrder?.bytes ?? 0)
  }

  /** Everything up to here has arrived. */
  get base(): number {
    return this.#received.base
  }

  /** The number was used on another channel, so it is not missing here. */
  elsewhere(number: number): void {
    const received = this.#received
    if (number <= received.base || number > received.base + received.span || received.has(number)) return
    const next = number === received.base + 1
    received.add(number)
    if (next && this.#held.size > 0) this.#release(number)
  }

  receive(now: number, number: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival {
    const received = this.#received
    if (number < 1) return this.#refuse()
    if (number > received.base + received.span && !this.#reach(number)) return this.#refuse()
    if (received.has(number)) {
      received.again(number)
      this.#context.counters.duplicates++
      this.#due(now)
      return 'duplicate'
    }
    if (piece !== undefined && !this.#isPiece(number, piece)) return 'failed'
    const next = number === received.base + 1
    if (!next && this.#ordered) return this.#keep(now, number, piece, message, size)
    if (piece !== undefined) return this.#piece(now, number, piece, message)
    if (this.#inOrder?.open && !this.#cutShort()) return 'failed'
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

  /** Goes on without what has been missing for too long. */
  wake(now: number): void {
    if (now < this.skipAt) return
    let lowest = this.#lowest
    while (lowest !== undefined && (this.#held.get(lowest)?.at ?? 0) + PATIENCE <= now) {
      this.#skipTo(lowest)
      lowest = this.#lowest
    }
    this.skipAt = lowest === undefined ? Infinity : (this.#held.get(lowest)?.at ?? 0) + PATIENCE
  }

  end(): void {
    this.#held = NOTHING as Map<number, Held<M>>
    this.#heldBytes = 0
    this.#inOrder?.clear()
    this.#anyOrder?.clear()
    this.ackAt = this.skipAt = Infinity
  }

  /** It is ours now, so it will be acknowledged: at once when something is missing, else with others. */
  #add(now: number, number: number): void {
    const received = this.#received
    const plain = number === received.base + 1 && received.top === received.base
    received.add(number)
    if (!plain || ++this.#count >= this.#after) this.#due(now)
    else if (this.ackAt === Infinity) this.ackAt = now + this.#delay
  }

  /** An acknowledgement goes at once, where the channel sends any. */
  #due(now: number): void {
    if (this.#after !== Infinity) this.ackAt = now
  }

  #keep(now: number, number: number, piece: PieceNumbers | undefined, message: M, size: number): Arrival {
    const { messages, bytes } = this.#options.channel.reorder
    if (this.#held.size >= messages || this.#heldBytes + size > bytes) return this.#refuse()
    const copy = piece && { id: piece.id, index: piece.index, count: piece.count }
    if (this.#held === NOTHING) this.#held = new Map()
    this.#held.set(number, {
      message: this.#context.host.hold(this.#options.place, message),
      piece: copy,
      size,
      at: now,
    })
    this.#heldBytes += size
    this.#add(now, number)
    if (this.#once && this.skipAt === Infinity) this.skipAt = now + PATIENCE
    return 'held'
  }

  /** Makes a number reachable, by going on without what is missing: only where nothing is sent again. */
  #reach(number: number): boolean {
    if (!this.#once) return false
    const received = this.#received
    for (
      let lowest = this.#lowest;
      lowest !== undefined && number > received.base + received.span;
      lowest = this.#lowest
    )
      this.#skipTo(lowest)
    if (number > received.base + received.span) received.skip(number - 1)
    return true
  }

  /** Lowest number that is held. */
  get #lowest(): number | undefined {
    let lowest = Infinity
    for (const number of this.#held.keys()) lowest = Math.min(lowest, number)
    return lowest === Infinity ? undefined : lowest
  }

  #skipTo(number: number): void {
    const from = this.#received.base
    this.#received.skip(number - 1)
    this.#release(from)
  }

  /** A message in pieces was not finished: wrong, unless what is missing was lost for good. */
  #cutShort(): boolean {
    if (this.#once) this.#inOrder?.clear()
    else this.#wrong('a message inside another one that is in pieces')
    return this.#once
  }

  /** Delivers what is held above `from` and nothing is missing in front of any more. */
  #release(from: number): void {
    for (let next = from + 1; next <= this.#received.base; next++) {
      const held = this.#held.get(next)
      if (held === undefined) continue
      this.#held.delete(next)
      this.#heldBytes -= held.size
      if (held.piece === undefined) {
        if (this.#inOrder?.open && !this.#cutShort()) return
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
      if (this.#once && !this.#inOrder.continues(piece)) {
        this.#inOrder.clear()
        if (piece.index > 0) return 'held'
      }
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

/** Milliseconds that a hole is waited for where nothing is sent again. */
const PATIENCE = 250
const NOTHING: Map<number, unknown> = new Map()

// Sending payloads of any length as rows of acknowledged messages (docs/adr/0005-transfers.md). Each part is a request
// of its own with an id of its own; several are in flight, within a window that follows the network; what is lost is sent
// again as soon as later parts are acknowledged, or after a timeout. One object for each peer: its transfers share the
// window and take turns.
//
// The caller asks `next` for parts until undefined, after every call here; it makes a frame of each and sends it.

import { LocalError } from '../core/errors.ts'
import { RoundTrip } from '../reliability/round-trip.ts'
import { SendWindow } from '../reliability/window.ts'
import { BufferSource, FeedSource, type PartSource } from './parts.ts'
import { type Linked, SlotList } from './slot-list.ts'

export type MessageId = number | bigint

export interface TransferSendOptions {
  /** Parts on the way at most; the receiver holds as many for order. */
  readonly window: number
  /** Bounds of the wait before a part is sent again, milliseconds. */
  readonly rto: { readonly from: number; readonly to: number }
  /** A transfer fails after this long without an acknowledgement, milliseconds. */
  readonly timeout: number
  /** A new id for a request; the id is free again once `done` is called with it. */
  readonly ids: { next(): MessageId; done(id: MessageId): void }
  /** A number for a transfer, not in use at this peer: for example a counter from a random start. */
  readonly transferId: () => MessageId
}

/** What the sender tells. */
export interface TransferSendSink<T> {
  /** All parts were acknowledged. */
  sent(transfer: OutgoingTransfer<T>): void
  failed(transfer: OutgoingTransfer<T>, code: 'Timeout' | 'Closed'): void
}

/** A part to send now. Valid until the next call. */
export interface Part<T> {
  readonly transfer: OutgoingTransfer<T>
  /** The id of the request, the same in every attempt. */
  readonly message: MessageId
  /** Place in the transfer, from 0. */
  readonly index: number
  /** Number of parts, where known when this part was cut: the same in every attempt. */
  readonly count: number | undefined
  readonly bytes: Uint8Array
  /** 1 for the first. */
  readonly attempt: number
}

/** A payload on its way. */
export class OutgoingTransfer<T> {
  readonly id: MessageId
  /** What the caller gave: the frame around the payload, a promise to settle. */
  readonly token: T
  /** For payloads that are fed in pieces. */
  readonly feed: FeedSource | undefined
  /** Payload bytes acknowledged. */
  acknowledged = 0
  /** @internal */
  readonly source: PartSource
  /** @internal Index of the next new part, and of the first that is not acknowledged. */
  cut = 0
  /** @internal */
  base = 0
  /** @internal Acknowledged parts from `base` on, as a ring. */
  readonly ring: Uint8Array
  /** @internal */
  open = 0
  /** @internal */
  progressAt: number

  constructor(id: MessageId, token: T, source: PartSource, window: number, now: number) {
    this.id = id
    this.token = token
    this.source = source
    this.feed = source instanceof FeedSource ? source : undefined
    this.ring = new Uint8Array(window)
    this.progressAt = now
  }
}

/** A part that was sent or is to be sent again. In flight it is in a list ordered by `number`. */
interface Slot<T> extends Part<T>, Linked<Slot<T>> {
  attempt: number
  sentAt: number
  number: number
  state: 'flying' | 'lost' | 'done'
}

export class TransferSender<T> {
  readonly #options: TransferSendOptions
  readonly #sink: TransferSendSink<T>
  readonly #transfers: OutgoingTransfer<T>[] = []
  readonly #slots = new Map<MessageId, Slot<T>>()
  readonly #lost: Slot<T>[] = []
  readonly #window: SendWindow
  readonly #roundTrip = new RoundTrip()
  readonly #flying = new SlotList<Slot<T>>()
  /** Highest number that was acknowledged. */
  #arrived = -1
  /** Timeouts in a row without an acknowledgement. */
  #silent = 0
  #turn = 0
  /** The window stopped the last `next`. */
  #limited = false

  constructor(options: TransferSendOptions, sink: TransferSendSink<T>) {
    if (!(options.window >= 1))
      throw new LocalError('BadOption', `window must be at least 1 part, not ${options.window}`)
    if (!(options.timeout > 0)) throw new LocalError('BadOption', `timeout must be positive, not ${options.timeout}`)
    this.#options = options
    this.#sink = sink
    const most = options.window
    this.#window = new SendWindow({ least: Math.min(2, most), start: Math.min(8, most), most })
  }

  /** Transfers not yet ended. */
  get size(): number {
    return this.#transfers.length
  }

  /** Parts on the way now, and how many may be. */
  get inFlight(): { readonly parts: number; readonly window: number } {
    return { parts: this.#flying.count, window: this.#window.size }
  }

  /** Begins to send a payload, in parts of `size` bytes. It must not change until the transfer ends. */
  send(now: number, payload: Uint8Array, size: number, token: T): OutgoingTransfer<T> {
    return this.#begin(now, new BufferSource(payload, atLeastOne(size)), token)
  }

  /** Begins to send bytes that come piece by piece: `transfer.feed.feed(..)`, `.end()`, as much as it has `wanted`. */
  open(now: number, size: number, token: T): OutgoingTransfer<T> {
    const most = this.#options.window * atLeastOne(size)
    return this.#begin(now, new FeedSource(size, most), token)
  }

  /** Ends the transfer for which `is` holds, without an outcome. The receiver's side ends by its timeout. */
  cancel(is: (transfer: OutgoingTransfer<T>) => boolean): boolean {
    const transfer = this.#transfers.find(is)
    return transfer !== undefined && this.#remove(transfer)
  }

  /** The next part to send now, or undefined. */
  next(now: number): Part<T> | undefined {
    this.#limited = this.#flying.count >= this.#window.size
    if (this.#limited) return undefined
    let slot = this.#nextLost()
    if (slot === undefined) {
      slot = this.#cut(now)
      if (slot === undefined) return undefined
    } else slot.attempt++
    this.#fly(now, slot)
    return slot
  }

  /** A request was acknowledged. False when it is none of these, or was acknowledged before. */
  acknowledged(now: number, message: MessageId): boolean {
    const slot = this.#slots.get(message)
    if (slot === undefined) return false
    this.#silent = 0
    if (slot.state === 'flying') {
      this.#flying.remove(slot)
      if (slot.attempt === 1) this.#roundTrip.sample(now, now - slot.sentAt)
      this.#arrived = Math.max(this.#arrived, slot.number)
      this.#window.arrived(slot.number, this.#limited, this.#roundTrip.swollen)
    }
    this.#finish(slot)
    const { transfer } = slot
    transfer.progressAt = now
    transfer.acknowledged += slot.bytes.length
    transfer.ring[slot.index % transfer.ring.length] = 1
    while (transfer.ring[transfer.base % transfer.ring.length] === 1) {
      transfer.ring[transfer.base % transfer.ring.length] = 0
      transfer.base++
    }
    this.#detectLoss(now)
    if (transfer.base === transfer.source.count && this.#remove(transfer)) this.#sink.sent(transfer)
    return true
  }

  /** Does what is due: gives parts up for lost, fails transfers without progress. */
  wake(now: number): void {
    this.#detectLoss(now)
    if (now >= this.#probeAt()) this.#probe()
    for (const transfer of [...this.#transfers])
      if (now >= this.#failsAt(transfer) && this.#remove(transfer)) this.#sink.failed(transfer, 'Timeout')
  }

  /** When to call `wake`; Infinity when nothing is under way. */
  deadline(): number {
    let deadline = Math.min(this.#lossAt(), this.#probeAt())
    for (const transfer of this.#transfers) deadline = Math.min(deadline, this.#failsAt(transfer))
    return deadline
  }

  /** Ends everything: the connection closed. */
  close(): void {
    for (const transfer of [...this.#transfers]) if (this.#remove(transfer)) this.#sink.failed(transfer, 'Closed')
  }

  #begin(now: number, source: PartSource, token: T): OutgoingTransfer<T> {
    const transfer = new OutgoingTransfer(this.#options.transferId(), token, source, this.#options.window, now)
    this.#transfers.push(transfer)
    return transfer
  }

  #nextLost(): Slot<T> | undefined {
    for (let slot = this.#lost.shift(); slot !== undefined; slot = this.#lost.shift())
      if (slot.state === 'lost') return slot
    return undefined
  }

  /** A new part of the transfer whose turn it is, if one has a part and room at the receiver. */
  #cut(now: number): Slot<T> | undefined {
    const { length } = this.#transfers
    for (let i = 0; i < length; i++) {
      const transfer = this.#transfers[this.#turn++ % length] as OutgoingTransfer<T>
      if (!transfer.source.ready || transfer.cut - transfer.base >= this.#options.window) continue
      const { bytes } = transfer.source.next()
      if (transfer.open === 0) transfer.progressAt = now
      transfer.open++
      const slot: Slot<T> = {
        transfer,
        message: this.#options.ids.next(),
        index: transfer.cut++,
        count: transfer.source.count,
        bytes,
        attempt: 1,
        sentAt: now,
        number: 0,
        state: 'done',
        before: undefined,
        after: undefined,
      }
      this.#slots.set(slot.message, slot)
      return slot
    }
    return undefined
  }

  #fly(now: number, slot: Slot<T>): void {
    slot.state = 'flying'
    slot.sentAt = now
    slot.number = this.#window.number()
    this.#flying.add(slot)
  }

  #lose(slot: Slot<T>): void {
    this.#flying.remove(slot)
    slot.state = 'lost'
    this.#lost.push(slot)
    this.#window.lost()
  }

  #finish(slot: Slot<T>): void {
    slot.state = 'done'
    slot.transfer.open--
    this.#slots.delete(slot.message)
    this.#options.ids.done(slot.message)
  }

  /** RFC 9002 section 6.1.2: a part is lost when a later one arrived and it had time enough. */
  #detectLoss(now: number): void {
    while (now >= this.#lossAt()) this.#lose(this.#flying.first as Slot<T>)
  }

  #lossAt(): number {
    const oldest = this.#flying.first
    if (oldest === undefined || oldest.number > this.#arrived) return Infinity
    return oldest.sentAt + this.#roundTrip.reordering
  }

  /** RFC 9002 section 6.2: when nothing comes back, the oldest parts are sent again, ever more rarely. */
  #probeAt(): number {
    const newest = this.#flying.last
    if (newest === undefined) return Infinity
    const { from, to } = this.#options.rto
    return newest.sentAt + Math.min(to, Math.max(from, this.#roundTrip.timeout) * 2 ** this.#silent)
  }

  #probe(): void {
    this.#silent = Math.min(this.#silent + 1, 30)
    if (this.#silent >= 2) this.#window.silence()
    for (let i = 0; i < PROBES && this.#flying.first !== undefined; i++) this.#lose(this.#flying.first)
    // Those in flight count against the window; a probe must get through nevertheless.
    for (
      let spare = this.#flying.count - this.#window.size + PROBES;
      spare > 0 && this.#flying.first !== undefined;
      spare--
    )
      this.#lose(this.#flying.first)
  }

  #failsAt(transfer: OutgoingTransfer<T>): number {
    return transfer.open === 0 ? Infinity : transfer.progressAt + this.#options.timeout
  }

  #remove(transfer: OutgoingTransfer<T>): boolean {
    const at = this.#transfers.indexOf(transfer)
    if (at < 0) return false
    this.#transfers.splice(at, 1)
    for (const slot of this.#slots.values()) {
      if (slot.transfer !== transfer) continue
      if (slot.state === 'flying') this.#flying.remove(slot)
      this.#finish(slot)
    }
    return true
  }
}

function atLeastOne(size: number): number {
  if (!(Number.isInteger(size) && size >= 1))
    throw new LocalError('BadOption', `parts need at least 1 byte, not ${size}`)
  return size
}

/** Parts sent at a timeout (RFC 9002 section 6.2.4). */
const PROBES = 2

// The transfers of one peer, both ways, between frames and whole payloads: what a session asks when it sends a frame, when
// one arrives, and when an answer does. Rules: docs/adr/0005-transfers.md.

import type { ReplyDescriptor, TransferDescriptor } from '../core/protocol.ts'
import type { Reader } from '../wire/codec.ts'
import { TransferFrames } from './transfer-frames.ts'
import { TransferReceiver } from './transfer-receive.ts'
import { type MessageId, TransferSender } from './transfer-send.ts'

type Plain = Record<string, unknown>

/** What the transfers of a peer need of its session. `T`: what the session keeps of a send. */
export interface TransferHost<T> {
  /** The peer, as a key. */
  readonly source: string
  /** Largest datagram to send, bytes. */
  readonly most: number
  /** Frames may be queued for sending. */
  readonly hasRoom: boolean
  /** The application takes another frame. Parts are not acknowledged while it does not. */
  readonly takes: boolean
  /** The longest id there can be for requests like this frame, for the size of parts. */
  largestId(frame: string, value: Plain): MessageId
  /** A new request id for this frame. */
  nextId(frame: string, value: Plain): MessageId
  sizeOf(frame: string, value: Plain): number
  write(now: number, frame: string, value: Plain): void
  /** A copy of a borrowed frame from which it can be encoded again. */
  copyOf(frame: Reader): Plain
  /** A send ended; `code` where it failed. */
  settle(now: number, token: T, code: 'Timeout' | 'Closed' | undefined): void
}

/** A message that arrived whole: the value of part 0 without the numbers, and the payload in place of its own. */
export interface WholeMessage {
  readonly frame: string
  readonly value: Plain
}

/** What is kept of part 0. */
export interface TransferHead {
  readonly whole: (payload: Uint8Array) => void
}

interface Sent<T> {
  readonly frame: string
  readonly value: Plain
  readonly token: T
}

/** Receives for all peers of an endpoint, so that the bounds are those of the endpoint. */
export function transferReceiver(transfer: TransferDescriptor): TransferReceiver<TransferHead> {
  return new TransferReceiver<TransferHead>(transfer, {
    opened: () => 'whole',
    readable() {},
    whole: (done, payload) => done.head?.whole(payload),
    failed() {},
  })
}

export class Transfers<T> {
  readonly #host: TransferHost<T>
  readonly #frames: TransferFrames
  readonly #sender: TransferSender<Sent<T>>
  readonly #receiver: TransferReceiver<TransferHead>
  readonly #whole: WholeMessage[] = []
  #nextTransfer: MessageId
  #now = 0
  /** The last pump ended for want of room. */
  #blocked = false
  /** The frame sent last, without its payload: ids are made for its kind. */
  #frame = ''
  #value: Plain = {}

  /**
   * `firstId`: the number of the first transfer, best a random one, because a peer remembers old ones for a while.
   * `receiver`: that of the endpoint, from `transferReceiver`.
   */
  constructor(
    transfer: TransferDescriptor,
    reply: Pick<ReplyDescriptor, 'name' | 'by' | 'ask'>,
    host: TransferHost<T>,
    receiver: TransferReceiver<TransferHead>,
    firstId: MessageId,
  ) {
    this.#host = host
    this.#receiver = receiver
    this.#frames = new TransferFrames(transfer, reply)
    this.#nextTransfer = firstId
    const { window, rto, timeout } = transfer
    const ids = { next: () => host.nextId(this.#frame, this.#value), done() {} }
    this.#sender = new TransferSender<Sent<T>>(
      { window, rto, timeout, ids, transferId: () => this.#nextTransfer++ },
      {
        sent: ({ token }) => host.settle(this.#now, token.token, undefined),
        failed: ({ token }, code) => host.settle(this.#now, token.token, code),
      },
    )
  }

  /** Parts wait for room: call `pump` when there is some. */
  get isBlocked(): boolean {
    return this.#blocked
  }

  /** Something is being sent. */
  get isPending(): boolean {
    return this.#sender.size > 0
  }

  /**
   * Sends a frame that asks for an acknowledgement as a transfer. False: it is too small for one, send it as it is.
   * The payload must not change until `settle`. Throws EncodeError where the rest of the frame leaves no room for it.
   */
  send(now: number, frame: string, value: Plain, token: T): boolean {
    const payload = this.#frames.payloadOf(value)
    if (payload === undefined) return false
    const host = this.#host
    this.#frame = frame
    this.#value = this.#frames.emptied(value)
    const largest = host.largestId(frame, this.#value)
    const size = this.#frames.partSize(value, payload.length, this.#nextTransfer, largest, host.most, one =>
      host.sizeOf(frame, { ...one }),
    )
    this.#sender.send(now, payload, size, { frame, value, token })
    this.pump(now)
    return true
  }

  /** Writes the parts that may be sent now. To be called whenever there is room again. */
  pump(now: number): void {
    this.#now = now
    const host = this.#host
    this.#blocked = false
    for (;;) {
      if (!host.hasRoom) {
        this.#blocked = this.isPending
        return
      }
      const part = this.#sender.next(now)
      if (part === undefined) return
      const { frame, value } = part.transfer.token
      host.write(now, frame, this.#frames.valueOf(value, part))
    }
  }

  /** An answer with this id arrived. False: it belongs to no part. */
  answered(now: number, id: unknown): boolean {
    this.#now = now
    if ((typeof id !== 'number' && typeof id !== 'bigint') || !this.#sender.acknowledged(now, id)) return false
    this.pump(now)
    return true
  }

  /**
   * A frame arrived. Undefined: it carries no part. `answer`: it did, is not for the application, and is to be answered
   * now. `drop`: it is neither taken nor answered, and will come again.
   */
  arrived(now: number, frame: Reader): 'answer' | 'drop' | undefined {
    const numbers = this.#frames.numbersOf(frame)
    if (numbers === undefined) return undefined
    this.#now = now
    const host = this.#host
    if (!host.takes) return 'drop'
    const name = frame.frameName
    const part = { source: host.source, ...numbers, bytes: this.#frames.bytesOf(frame) }
    const verdict = this.#receiver.receive(now, part, () => {
      const head = host.copyOf(frame)
      return { whole: payload => this.#whole.push({ frame: name, value: this.#frames.joined(head, payload) }) }
    })
    return verdict === 'refused' ? 'drop' : 'answer'
  }

  /** A message that is whole now. To be taken after `arrived`, once its frame is answered. */
  takeWhole(): WholeMessage | undefined {
    return this.#whole.shift()
  }

  /** Gives up a send; what was sent stays sent. */
  cancel(token: T): boolean {
    return this.#sender.cancel(one => one.token.token === token)
  }

  wake(now: number): void {
    this.#now = now
    this.#sender.wake(now)
    this.pump(now)
  }

  /** When to call `wake`; the receiver has a deadline of its own. */
  deadline(): number {
    return this.#sender.deadline()
  }

  /** The connection is over. */
  end(now: number): void {
    this.#now = now
    this.#sender.close()
    this.#receiver.forget(this.#host.source)
  }
}

// The receiving half of a connection: finds messages in the bytes that arrive, in place where they are whole, and hands them to
// Reading one at a time. While Reading is busy with one, others wait in a bounded queue; when that is full, reading stops or
// messages are dropped.

import { Inbox } from '../../core/inbox.ts'
import type { Decoder } from './codec.ts'
import { NodeError } from './errors.ts'
import type { HookSettings } from './settings.ts'
import type { Traffic } from './stats.ts'

/** What it needs of its connection. */
export interface InboundHost<In> {
  readonly traffic: Traffic
  readonly isGone: boolean
  /** Whether `metered` is told of each message. */
  readonly isMetered: boolean
  metered(message: In, size: number): void
  message(message: In): unknown
  /** No message can be read any more. */
  failed(error: unknown): void
  /** Everything was handled that came before the end of the stream. */
  finished(): void
  /** A message was dropped. */
  dropped(): void
  /** Reading goes on after it had stopped. */
  resumed(): void
  /** Memory for unfinished messages changed by so many bytes. False: it is too much. */
  charge(bytes: number): boolean
}

export class Inbound<In> {
  /** Too much waits already: no more bytes, please. */
  isStopped = false
  readonly #host: InboundHost<In>
  readonly #decoder: Decoder<In>
  readonly #settings: HookSettings['reading']
  readonly #inbox = new Inbox()
  /** Messages that wait until `#isBusy` is over; they are ours. */
  #queue: In[] | undefined
  #isBusy = false
  #isEnded = false
  #isInInbox = false
  #keepsInbox = false
  #keepsChunk = false
  /** A chunk that was not read to its end. */
  #rest: Uint8Array | undefined
  #restAt = 0
  #charged = 0

  constructor(host: InboundHost<In>, decoder: Decoder<In>, settings: HookSettings['reading']) {
    this.#host = host
    this.#decoder = decoder
    this.#settings = settings
  }

  /** Bytes arrived. True: they are still referred to. */
  receive(chunk: Uint8Array): boolean {
    this.#keepsChunk = false
    this.#read(chunk, 0)
    return this.#keepsChunk
  }

  /** The peer sends no more. */
  end(): void {
    this.#isEnded = true
    const waits = this.#isBusy || this.#rest !== undefined
    if (waits && this.#settings.drain) return
    this.#finish()
  }

  /** Nothing more is handed out. */
  stop(): void {
    this.#queue = undefined
    this.#rest = undefined
    this.#inbox.clear()
    this.#charge()
    this.#decoder.destroy?.()
  }

  /** Lets go of memory that only a burst needed. */
  shrink(): void {
    this.#inbox.shrink()
    this.#charge()
  }

  #read(chunk: Uint8Array, from: number): void {
    const inbox = this.#inbox
    let at = from
    const wasStopped = this.isStopped
    this.isStopped = false
    if (wasStopped && inbox.length > 0) this.#readInbox()
    while (inbox.length > 0 && at < chunk.length && !this.isStopped && !this.#host.isGone)
      at = this.#complete(chunk, at)
    if (inbox.length === 0 && at < chunk.length && !this.isStopped) at = this.#scan(chunk, at, chunk.length)
    if (this.#host.isGone) return
    if (this.isStopped) {
      this.#rest = chunk
      this.#restAt = at
      this.#keepsChunk = true
    } else if (at < chunk.length) inbox.append(chunk, at, chunk.length, this.#mostNeeded)
    if (inbox.bytes.length !== this.#charged) this.#charge()
  }

  /** Adds what its first message needs to the inbox, and reads it when it is whole. Returns where the chunk goes on. */
  #complete(chunk: Uint8Array, at: number): number {
    const inbox = this.#inbox
    const { needs, exact = false } = this.#decoder
    const wanted = exact ? Math.max(1, needs - inbox.length) : chunk.length - at
    const end = Math.min(chunk.length, at + wanted)
    inbox.append(chunk, at, end, this.#mostNeeded)
    if (!exact || inbox.length >= needs) this.#readInbox()
    return end
  }

  #readInbox(): void {
    const inbox = this.#inbox
    this.#isInInbox = true
    this.#keepsInbox = false
    const read = this.#scan(inbox.bytes, 0, inbox.length)
    this.#isInInbox = false
    if (this.#keepsInbox) inbox.leave(read)
    else inbox.drop(read)
  }

  get #mostNeeded(): number {
    return this.#decoder.exact ? this.#decoder.needs : Infinity
  }

  /** Hands out the messages in `bytes[from..end)`. Returns where it stopped. */
  #scan(bytes: Uint8Array, from: number, end: number): number {
    const decoder = this.#decoder
    const host = this.#host
    const { traffic, isMetered } = host
    let at = from
    try {
      while (at < end) {
        if (this.#isBusy && this.#isFull()) {
          this.isStopped = true
          break
        }
        const message = decoder.decode(bytes, at, end)
        if (message === undefined) {
          at += decoder.skipped ?? 0
          break
        }
        const { next } = decoder
        traffic.messagesReceived++
        traffic.bytesReceived += next - at
        if (isMetered) host.metered(message, next - at)
        at = next
        if (this.#isBusy) this.#enqueue(message)
        else this.#hand(message, false)
        if (host.isGone) break
      }
    } catch (error) {
      host.failed(error)
    }
    return at
  }

  #isFull(): boolean {
    return this.#settings.backpressure && (this.#queue?.length ?? 0) >= this.#settings.queue
  }

  #enqueue(message: In): void {
    this.#queue ??= []
    if (this.#queue.length >= this.#settings.queue) this.#host.dropped()
    else this.#queue.push(this.#decoder.keep?.(message) ?? message)
  }

  /** `isKept`: the message does not refer to bytes of the driver. */
  #hand(message: In, isKept: boolean): void {
    const result = this.#host.message(message)
    if (!isPromise(result)) {
      if (isKept) this.#decoder.done?.(message)
      return
    }
    this.#isBusy = true
    if (!isKept) {
      this.#decoder.hold?.(message)
      if (this.#isInInbox) this.#keepsInbox = true
      else this.#keepsChunk = true
    }
    result.then(
      () => this.#settled(message),
      error => this.#host.failed(error),
    )
  }

  /** Reading is through with a message that it took its time for. */
  #settled(message: In): void {
    this.#isBusy = false
    this.#decoder.done?.(message)
    if (this.#host.isGone) return
    try {
      while (!this.#isBusy && this.#queue !== undefined && this.#queue.length > 0) {
        this.#hand(this.#queue.shift() as In, true)
        if (this.#host.isGone) return
      }
    } catch (error) {
      this.#host.failed(error)
      return
    }
    if (this.#rest !== undefined && !(this.#isBusy && this.#isFull())) {
      const rest = this.#rest
      this.#rest = undefined
      this.#read(rest, this.#restAt)
      if (this.#rest === undefined && !this.#host.isGone) this.#host.resumed()
    }
    if (this.#isEnded && !this.#isBusy && this.#rest === undefined && !this.#host.isGone) this.#finish()
  }

  #finish(): void {
    if (this.#inbox.length > 0) this.#host.failed(new NodeError('InvalidData', 'the stream ended inside a message'))
    else this.#host.finished()
  }

  #charge(): void {
    const grown = this.#inbox.bytes.length - this.#charged
    this.#charged += grown
    if (grown !== 0 && !this.#host.charge(grown))
      this.#host.failed(new NodeError('QuotaExceeded', 'too many bytes of unfinished messages'))
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

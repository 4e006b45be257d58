// The sending half of a connection. Messages are encoded as they are sent, into one run of memory, and leave together: when the
// turn of the program is over, or as soon as there are enough of them. While the transport takes nothing they wait, no
// more than `queue`. All messages of a batch have one fate, and share one promise of it.

import { Outbox } from '../../core/outbox.ts'
import type { StreamPort } from '../../drivers/stream-link.ts'
import type { Encoder } from './codec.ts'
import { NodeError } from './errors.ts'
import type { HookSettings } from './settings.ts'
import type { Traffic } from './stats.ts'

/** What it needs of its connection. */
export interface OutboundHost {
  readonly traffic: Traffic
  readonly port: StreamPort
  now(): number
  /** There is something to flush when this turn is over. */
  soon(): void
  /** A batch has to be gone by then. */
  due(at: number): void
  /** The connection cannot go on. */
  unwritable(error: NodeError): void
}

/** The fate of a batch. */
interface Delivery {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: NodeError) => void
}

export class Outbound<Out> {
  readonly #host: OutboundHost
  readonly #encoder: Encoder<Out>
  readonly #settings: HookSettings['writing']
  /** Made when it is needed: most connections are quiet. */
  #outbox: Outbox | undefined
  /** Messages and bytes of the batch that fills, and who waits for it. */
  #messages = 0
  #bytes = 0
  #delivery: Delivery | undefined
  /** Of the batch that the transport has not taken whole. */
  #isBlocked = false
  #flyingMessages = 0
  #flyingBytes = 0
  #flyingRuns = 0
  #flyingDelivery: Delivery | undefined
  #deadline = Infinity
  /** Runs that the transport took at once and still reports. */
  #reports = 0
  /** Who waits for room. */
  #waiting: (() => void)[] | undefined
  #isStopped = false
  #failure: NodeError | undefined

  constructor(host: OutboundHost, encoder: Encoder<Out>, settings: HookSettings['writing']) {
    this.#host = host
    this.#encoder = encoder
    this.#settings = settings
  }

  /** When the batch under way has taken too long. */
  get deadline(): number {
    return this.#deadline
  }

  get hasRoom(): boolean {
    if (!this.#isBlocked) return true
    const { queue, queueBytes } = this.#settings
    return this.#messages < queue && this.#bytes < queueBytes
  }

  /** Takes a message. Throws NodeError QuotaExceeded, BrokenPipe, InvalidInput (too large). */
  post(message: Out): void {
    if (this.#isStopped) throw new NodeError('BrokenPipe', undefined, { cause: this.#failure })
    if (this.#isBlocked && !this.hasRoom) throw new NodeError('QuotaExceeded', 'too many messages wait to be sent')
    this.#outbox ??= new Outbox()
    const outbox = this.#outbox
    const encoder = this.#encoder
    let end: number
    let start: number
    try {
      const size = encoder.sizeOf(message)
      // A batch stays within one run of memory, and so within one write.
      if (this.#bytes + size > this.#settings.buffer && !this.#isBlocked) this.flush()
      const bytes = outbox.reserve(size)
      start = outbox.at
      end = encoder.encode(message, bytes, start)
    } catch (thrown) {
      this.#refuse(thrown)
      return
    }
    outbox.commit(end)
    this.#bytes += end - start
    if (this.#messages++ === 0) this.#host.soon()
    if (end - start >= this.#settings.buffer && !this.#isBlocked) this.flush()
  }

  /** The fate of the last message that was posted: settles when its batch was handed to the operating system. */
  delivery(): Promise<void> {
    if (this.#isStopped) return rejected(this.#failure ?? dropped(undefined))
    if (this.#messages === 0) return this.#flyingDelivery?.promise ?? (this.#isBlocked ? this.#fly() : DELIVERED)
    this.#delivery ??= delivery()
    return this.#delivery.promise
  }

  /** Settles when there is room, or nothing more goes. */
  room(): Promise<void> {
    if (this.#isStopped || this.hasRoom) return DELIVERED
    return new Promise(resolve => {
      this.#waiting ??= []
      this.#waiting.push(resolve)
    })
  }

  /** Hands everything to the transport, if that takes it. */
  flush(): void {
    if (this.#messages === 0 || this.#isBlocked || this.#isStopped) return
    const outbox = this.#outbox as Outbox
    const { port } = this.#host
    const { messages, bytes } = { messages: this.#messages, bytes: this.#bytes }
    const waits = this.#delivery
    this.#messages = 0
    this.#bytes = 0
    this.#delivery = undefined
    let runs = 0
    for (let run = outbox.take(); run !== undefined; run = outbox.take()) {
      runs++
      port.write(run)
      // A transport may fail inside the call.
      if (this.#isStopped) {
        waits?.reject(this.#failure ?? dropped(undefined))
        return
      }
    }
    if (port.pending > 0) {
      this.#isBlocked = true
      this.#flyingMessages = messages
      this.#flyingBytes = bytes
      this.#flyingRuns = runs
      this.#flyingDelivery = waits
      this.#deadline = this.#host.now() + this.#settings.timeout
      this.#host.due(this.#deadline)
      return
    }
    // The operating system has all of it, so the memory can be used again at once.
    this.#reports += runs
    while (runs-- > 0) outbox.release()
    this.#sent(messages, bytes, waits)
  }

  /** The transport reports a run as gone. */
  written(): void {
    if (this.#reports > 0) this.#reports--
    else if (this.#flyingRuns > 0) {
      this.#flyingRuns--
      this.#outbox?.release()
    }
    if (!this.#isBlocked || this.#host.port.pending > 0 || this.#isStopped) return
    this.#isBlocked = false
    this.#deadline = Infinity
    const waits = this.#flyingDelivery
    this.#flyingDelivery = undefined
    this.#sent(this.#flyingMessages, this.#flyingBytes, waits)
    this.flush()
    this.#wake()
  }

  /** Nothing more goes. What waits learns that it was dropped; the batch under way learns `reason`, where that is why. */
  stop(reason: NodeError | undefined): void {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#failure = reason
    this.#deadline = Infinity
    this.#flyingDelivery?.reject(reason ?? dropped(reason))
    this.#delivery?.reject(dropped(reason))
    this.#flyingDelivery = undefined
    this.#delivery = undefined
    this.#messages = 0
    this.#outbox?.clear()
    this.#encoder.destroy?.()
    this.#wake()
  }

  /** Lets go of memory that only a burst needed. */
  shrink(): void {
    this.#outbox?.shrink()
  }

  #sent(messages: number, bytes: number, waits: Delivery | undefined): void {
    const { traffic } = this.#host
    traffic.messagesSent += messages
    traffic.bytesSent += bytes
    waits?.resolve()
  }

  #wake(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    for (const resolve of waiting) resolve()
  }

  #fly(): Promise<void> {
    this.#flyingDelivery = delivery()
    return this.#flyingDelivery.promise
  }

  /** A message too large is the caller's mistake and nothing else; a codec that fails otherwise may have lost its place. */
  #refuse(thrown: unknown): void {
    const isCaller = thrown instanceof NodeError && thrown.code === 'InvalidInput'
    if (isCaller && this.#settings.rejectOversize) throw thrown
    const text = thrown instanceof Error ? thrown.message : String(thrown)
    const error = isCaller
      ? thrown
      : new NodeError('InvalidInput', `a message could not be encoded: ${text}`, { cause: thrown })
    // The batch that it belongs to goes with it.
    this.#delivery?.reject(error)
    this.#delivery = undefined
    this.#host.unwritable(error)
  }
}

function delivery(): Delivery {
  let resolve!: () => void
  let reject!: (error: NodeError) => void
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  // Whoever is not interested need not look.
  promise.catch(() => {})
  return { promise, resolve, reject }
}

function dropped(cause: NodeError | undefined): NodeError {
  return new NodeError('Dropped', undefined, { cause })
}

function rejected(error: NodeError): Promise<void> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}

const DELIVERED: Promise<void> = Promise.resolve()

// Receiving payloads of any length that come as rows of acknowledged messages (docs/adr/0005-transfers.md): order restored,
// every part once. A part must be acknowledged only when `receive` says that it is held: that is how a slow
// reader slows the sender down. Nothing is allocated by what a part declares.

import { LocalError } from '../core/errors.ts'
import { copyOf } from '../wire/copy.ts'

export type TransferId = number | bigint | string

export interface TransferReceiveOptions {
  /** Parts of one transfer held for order or for the reader. */
  readonly window: number
  /** Transfers at once. */
  readonly sessions: number
  /** Bytes held for all, and for one peer. */
  readonly bytes: number
  readonly bytesPerPeer: number
  /** Bytes of a transfer that is delivered whole. */
  readonly max: number
  /** A transfer ends after this long without a part, milliseconds. */
  readonly timeout: number
}

/** What a part says about itself. */
export interface ReceivedPart {
  readonly source: string
  readonly id: TransferId
  readonly index: number
  /** Number of parts; undefined while the sender does not know it. */
  readonly count: number | undefined
  /** Borrowed; copied when held. */
  readonly bytes: Uint8Array
}

/** `held`, `duplicate`: acknowledge it. `refused`: do not, it may come again. */
export type PartVerdict = 'held' | 'duplicate' | 'refused'

/** `whole`: one buffer at the end. `stream`: the reader takes parts as they come. `refuse`: neither. */
export type Delivery = 'whole' | 'stream' | 'refuse'

export interface TransferReceiveSink<H> {
  /** Part 0 is there; `transfer.head` is what the caller kept of it. Decides how the payload is delivered. */
  opened(transfer: IncomingTransfer<H>): Delivery
  /** `stream`: `transfer.read()` has something, or its end. */
  readable(transfer: IncomingTransfer<H>): void
  /** `whole`: here it is. */
  whole(transfer: IncomingTransfer<H>, payload: Uint8Array): void
  failed(transfer: IncomingTransfer<H>, code: 'Timeout' | 'LimitExceeded' | 'Closed'): void
}

export class IncomingTransfer<H> {
  readonly source: string
  readonly id: TransferId
  /** From part 0; undefined before `opened`. */
  head: H | undefined
  /** Payload bytes that arrived in order. */
  received = 0
  /** @internal */
  readonly table: TransferReceiver<H>
  /** @internal */
  delivery: Delivery | undefined
  /** @internal */
  count: number | undefined
  /** @internal Index of the next part in order, and of the next one that the reader takes. */
  expected = 0
  /** @internal */
  taken = 0
  /** @internal Highest index that arrived, plus one. */
  highest = 0
  /** @internal Held parts, by index modulo the window. */
  readonly parts: (Uint8Array | undefined)[] = []
  /** @internal */
  blocks: Blocks | undefined
  /** @internal */
  held = 0
  /** @internal */
  expires = 0
  /** @internal */
  over = false

  constructor(table: TransferReceiver<H>, source: string, id: TransferId) {
    this.table = table
    this.source = source
    this.id = id
  }

  /** `stream`: the next bytes in order, or undefined when there are none now. They belong to the reader. */
  read(): Uint8Array | undefined {
    return this.table.take(this)
  }

  /** `stream`: everything was read. */
  get ended(): boolean {
    return this.count !== undefined && this.taken === this.count
  }

  /** The reader wants no more: what is held is dropped, and further parts are not acknowledged. */
  cancel(): void {
    this.table.cancel(this)
  }
}

export class TransferReceiver<H> {
  readonly #options: TransferReceiveOptions
  readonly #sink: TransferReceiveSink<H>
  readonly #peers = new Map<string, Peer<H>>()
  /** By the time of their last part, the longest silent first. */
  readonly #active = new Set<IncomingTransfer<H>>()
  readonly #past = new Set<Past>()
  #held = 0

  constructor(options: TransferReceiveOptions, sink: TransferReceiveSink<H>) {
    for (const name of ['window', 'sessions', 'bytes', 'bytesPerPeer', 'timeout'] as const)
      if (!(options[name] >= 1)) throw new LocalError('BadOption', `${name} must be at least 1, not ${options[name]}`)
    this.#options = options
    this.#sink = sink
  }

  get sessions(): number {
    return this.#active.size
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#held
  }

  /** Takes a part. `head` is called for part 0 to keep what else its frame says. */
  receive(now: number, part: ReceivedPart, head: () => H): PartVerdict {
    const { index, count } = part
    if (!Number.isSafeInteger(index) || index < 0) return 'refused'
    if (count !== undefined && !(Number.isSafeInteger(count) && index < count)) return 'refused'
    const past = this.#peers.get(part.source)?.past.get(part.id)
    if (past !== undefined) return past.complete ? 'duplicate' : 'refused'
    const transfer = this.#peers.get(part.source)?.active.get(part.id) ?? this.#open(part)
    if (transfer === undefined) return 'refused'
    if (count !== undefined && ((transfer.count ?? count) !== count || count < transfer.highest)) return 'refused'
    const { window } = this.#options
    if (index >= (transfer.count ?? Infinity) || index >= transfer.taken + window) return 'refused'
    if (index < transfer.expected || transfer.parts[index % window] !== undefined) return 'duplicate'
    if (!this.#hold(transfer, part)) return 'refused'
    transfer.count = count ?? transfer.count
    transfer.highest = Math.max(transfer.highest, index + 1)
    transfer.expires = now + this.#options.timeout
    this.#active.delete(transfer)
    this.#active.add(transfer)
    if (index === 0) transfer.head = head()
    if (index === transfer.expected) this.#advance(now, transfer)
    return 'held'
  }

  /** Ends transfers that have been silent for too long. */
  wake(now: number): void {
    for (const transfer of this.#active) {
      if (transfer.expires > now) break
      // What waits for its reader is not the sender's fault; it stays, bounded, until the reader or the connection ends it.
      if (waitsForReader(transfer)) {
        transfer.expires = now + this.#options.timeout
        this.#active.delete(transfer)
        this.#active.add(transfer)
      } else this.#fail(now, transfer, 'Timeout')
    }
    for (const past of this.#past) {
      if (past.expires > now) break
      this.#forgetPast(past)
    }
  }

  /** When to call `wake`; Infinity when nothing is held. */
  deadline(): number {
    let deadline = Infinity
    for (const transfer of this.#active) {
      deadline = transfer.expires
      break
    }
    for (const past of this.#past) return Math.min(deadline, past.expires)
    return deadline
  }

  /** Ends everything of a source: its connection closed. */
  forget(source: string): void {
    const peer = this.#peers.get(source)
    if (peer === undefined) return
    for (const transfer of peer.active.values()) {
      this.#remove(transfer)
      if (transfer.delivery !== undefined && !isWhole(transfer)) this.#sink.failed(transfer, 'Closed')
    }
    for (const past of peer.past.values()) this.#forgetPast(past)
  }

  /** @internal `IncomingTransfer.read` */
  take(transfer: IncomingTransfer<H>): Uint8Array | undefined {
    if (transfer.delivery !== 'stream' || transfer.taken === transfer.expected) return undefined
    // What has arrived whole may be read to its end even when the connection has closed meanwhile.
    if (transfer.over && !isWhole(transfer)) return undefined
    const place = transfer.taken % this.#options.window
    const bytes = transfer.parts[place] as Uint8Array
    transfer.parts[place] = undefined
    transfer.taken++
    this.#give(transfer, bytes.length + PART_COST)
    if (transfer.ended && !transfer.over) {
      this.#remove(transfer)
      this.#remember(transfer, transfer.expires, true)
    }
    return bytes
  }

  /** @internal `IncomingTransfer.cancel` */
  cancel(transfer: IncomingTransfer<H>): void {
    transfer.delivery = 'refuse'
    transfer.parts.length = 0
    if (transfer.over) return
    this.#remove(transfer)
    this.#remember(transfer, transfer.expires, false)
  }

  #open(part: ReceivedPart): IncomingTransfer<H> | undefined {
    if (this.#active.size >= this.#options.sessions || part.index >= this.#options.window) return undefined
    const peer = this.#peer(part.source)
    const transfer = new IncomingTransfer<H>(this, part.source, part.id)
    peer.active.set(part.id, transfer)
    this.#active.add(transfer)
    return transfer
  }

  /** Copies a part into its place, if the bounds allow it. */
  #hold(transfer: IncomingTransfer<H>, part: ReceivedPart): boolean {
    const cost = part.bytes.length + PART_COST
    const peer = this.#peer(transfer.source)
    if (peer.held + cost > this.#options.bytesPerPeer || this.#held + cost > this.#options.bytes) {
      if (transfer.highest === 0) this.#remove(transfer)
      return false
    }
    transfer.parts[part.index % this.#options.window] = copyOf(part.bytes)
    transfer.held += cost
    peer.held += cost
    this.#held += cost
    return true
  }

  #give(transfer: IncomingTransfer<H>, cost: number): void {
    if (transfer.over) return
    transfer.held -= cost
    this.#held -= cost
    this.#peer(transfer.source).held -= cost
  }

  /** The next part in order has arrived: deliver it and what waited for it. */
  #advance(now: number, transfer: IncomingTransfer<H>): void {
    const { window, max } = this.#options
    if (transfer.expected === 0) {
      transfer.delivery = this.#sink.opened(transfer)
      if (transfer.delivery === 'refuse') this.cancel(transfer)
      if (transfer.over) return
    }
    for (let bytes = transfer.parts[transfer.expected % window]; bytes !== undefined; ) {
      transfer.received += bytes.length
      transfer.expected++
      if (transfer.delivery === 'whole') {
        if (transfer.received > max) {
          this.#fail(now, transfer, 'LimitExceeded')
          return
        }
        transfer.parts[transfer.taken++ % window] = undefined
        transfer.blocks ??= new Blocks()
        transfer.blocks.add(bytes)
        this.#give(transfer, PART_COST)
      }
      if (transfer.expected - transfer.taken === window) break
      bytes = transfer.parts[transfer.expected % window]
    }
    if (transfer.delivery === 'stream') {
      this.#sink.readable(transfer)
      return
    }
    if (transfer.expected !== transfer.count) return
    this.#remove(transfer)
    this.#remember(transfer, now + this.#options.timeout, true)
    this.#sink.whole(transfer, transfer.blocks?.join(transfer.received) ?? new Uint8Array(0))
  }

  #fail(now: number, transfer: IncomingTransfer<H>, code: 'Timeout' | 'LimitExceeded'): void {
    this.#remove(transfer)
    this.#remember(transfer, now + this.#options.timeout, false)
    // One that never opened is not known to anybody.
    if (transfer.delivery !== undefined) this.#sink.failed(transfer, code)
  }

  /** A transfer is over: its late parts must not open it again. */
  #remember(transfer: IncomingTransfer<H>, expires: number, complete: boolean): void {
    if (this.#past.size >= this.#options.sessions * PAST_PER_SESSION) {
      for (const oldest of this.#past) {
        this.#forgetPast(oldest)
        break
      }
    }
    const past: Past = { source: transfer.source, id: transfer.id, expires, complete }
    this.#past.add(past)
    this.#peer(transfer.source).past.set(transfer.id, past)
  }

  #forgetPast(past: Past): void {
    this.#past.delete(past)
    const peer = this.#peers.get(past.source)
    peer?.past.delete(past.id)
    this.#release(past.source)
  }

  #remove(transfer: IncomingTransfer<H>): void {
    if (transfer.over) return
    const { held } = transfer
    this.#give(transfer, held)
    transfer.over = true
    if (!isWhole(transfer)) transfer.parts.length = 0
    this.#active.delete(transfer)
    this.#peers.get(transfer.source)?.active.delete(transfer.id)
    this.#release(transfer.source)
  }

  #peer(source: string): Peer<H> {
    let peer = this.#peers.get(source)
    if (peer === undefined) {
      peer = { active: new Map(), past: new Map(), held: 0 }
      this.#peers.set(source, peer)
    }
    return peer
  }

  #release(source: string): void {
    const peer = this.#peers.get(source)
    if (peer !== undefined && peer.active.size === 0 && peer.past.size === 0) this.#peers.delete(source)
  }
}

interface Peer<H> {
  readonly active: Map<TransferId, IncomingTransfer<H>>
  readonly past: Map<TransferId, Past>
  held: number
}

/** A transfer that is over. */
interface Past {
  readonly source: string
  readonly id: TransferId
  readonly expires: number
  readonly complete: boolean
}

/** Parts in order, packed into blocks: tens of thousands of small arrays would cost more than the bytes. */
class Blocks {
  readonly #blocks: Uint8Array[] = []
  #free: Uint8Array = new Uint8Array(0)

  add(bytes: Uint8Array): void {
    const fits = bytes.subarray(0, this.#free.length)
    this.#free.set(fits)
    this.#free = this.#free.subarray(fits.length)
    if (fits.length === bytes.length) return
    const rest = bytes.subarray(fits.length)
    // Grows with what has arrived, never with what is announced.
    const block = new Uint8Array(
      Math.max(rest.length, Math.min(LARGEST_BLOCK, SMALLEST_BLOCK << Math.min(10, this.#blocks.length))),
    )
    block.set(rest)
    this.#blocks.push(block)
    this.#free = block.subarray(rest.length)
  }

  join(size: number): Uint8Array {
    const whole = new Uint8Array(size)
    let at = 0
    for (const block of this.#blocks) {
      whole.set(at + block.length <= size ? block : block.subarray(0, size - at), at)
      at += block.length
    }
    return whole
  }
}

/** All parts have arrived. */
function isWhole<H>(transfer: IncomingTransfer<H>): boolean {
  return transfer.expected === transfer.count
}

function waitsForReader<H>(transfer: IncomingTransfer<H>): boolean {
  return transfer.delivery === 'stream' && transfer.taken < transfer.expected
}

/** Memory of a held part beside its bytes. */
const PART_COST = 192
/** Ended transfers remembered, for each that may be active. */
const PAST_PER_SESSION = 4
const SMALLEST_BLOCK = 4096
const LARGEST_BLOCK = 256 * 1024

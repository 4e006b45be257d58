// How frames stand in a stream (docs/language, "Transports and framing"): finding the next one in bytes that have
// arrived, in place, and writing what belongs around one that was encoded. One object for each connection.

import { type Codec, type DecodeOptions, Malformed, type Reader } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { Framing, PrefixReader, PrefixWriter, TransportDescriptor } from './protocol.ts'

/** What `find` said besides its result. */
interface Found {
  /** Offset behind the frame and its framing; on a failure, behind what is skipped (= `at`: nothing can be). */
  next: number
  /** Neither frame nor failure: bytes from `at` that must be there before it is worth another look. */
  needs: number
  /** `needs` is where the frame ends or can be read on exactly, so that no byte beyond it belongs to the frame. */
  exact: boolean
  failure: Malformed | undefined
}

export interface StreamFraming extends Found {
  /** The frame that begins at `at`, or undefined: see `failure`, `needs`. */
  find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined
  /** Bytes in front of a frame of at most `size` bytes, and behind it. */
  head(size: number): number
  readonly tail: number
  /** Writes what belongs around the frame at `start..end`, whose head begins at `at`. Returns the end of it all. */
  wrap(bytes: Uint8Array, at: number, start: number, end: number): number
}

/** `maxFrame` in bytes. */
export function streamFraming(transport: TransportDescriptor, maxFrame: number): StreamFraming {
  const { framing } = transport
  const ignoreTrailing = transport.trailing === 'ignore'
  switch (framing.kind) {
    case 'self':
    case 'packed':
    case 'datagram':
      return new SelfFraming(maxFrame)
    case 'prefix':
      return new PrefixFraming(framing, maxFrame, ignoreTrailing)
    case 'delimiter':
      return new DelimiterFraming(framing.delimiter, maxFrame, ignoreTrailing)
    case 'fixed':
      return new FixedFraming(framing.size, maxFrame, ignoreTrailing)
    case 'raw':
      return new RawFraming(maxFrame)
  }
}

abstract class Base implements StreamFraming {
  next = 0
  needs = 0
  exact = true
  failure: Malformed | undefined = undefined
  readonly tail: number = 0
  protected readonly maxFrame: number

  constructor(maxFrame: number) {
    this.maxFrame = maxFrame
  }

  abstract find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined

  head(_size: number): number {
    return 0
  }

  wrap(_bytes: Uint8Array, _at: number, _start: number, end: number): number {
    return end
  }

  protected wait(needs: number, exact: boolean): undefined {
    this.needs = needs
    this.exact = exact
    this.failure = undefined
  }

  /** A frame whose size is known and whose bytes are all there. */
  protected whole(
    codec: Codec,
    bytes: Uint8Array,
    start: number,
    end: number,
    next: number,
    options: DecodeOptions,
  ): Reader | undefined {
    const reader = codec.decode(bytes, start, end, options)
    this.needs = 0
    this.failure = reader === undefined ? codec.failure : undefined
    this.next = next
    return reader
  }

  protected tooLarge(at: number): undefined {
    this.needs = 0
    this.failure = new Malformed('TooLarge', 0, '')
    this.next = at
  }
}

/** The layout says where a frame ends. */
class SelfFraming extends Base {
  readonly #options: DecodeOptions

  constructor(maxFrame: number) {
    super(maxFrame)
    this.#options = { whole: false, maxFrame }
  }

  find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined {
    const reader = codec.decode(bytes, at, end, this.#options)
    if (reader !== undefined) {
      this.next = reader.byteEnd
      return reader
    }
    const { failure } = codec
    if (failure === undefined) return this.wait(codec.needs, true)
    this.needs = 0
    this.failure = failure
    this.next = at + failure.consumed
    return undefined
  }
}

/** A length stands in front. */
class PrefixFraming extends Base {
  readonly #read: PrefixReader
  readonly #write: PrefixWriter
  readonly #size: (length: number) => number
  readonly #length = { value: 0 }
  readonly #options: DecodeOptions

  constructor(framing: Framing & { kind: 'prefix' }, maxFrame: number, ignoreTrailing: boolean) {
    super(maxFrame)
    this.#read = framing.read
    this.#write = framing.write
    this.#size = framing.size
    this.#options = { whole: true, maxFrame, ignoreTrailing }
  }

  find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined {
    const prefix = this.#read(bytes, at, end, this.#length)
    if (prefix <= 0) return this.wait(end - at + 1, true)
    const length = this.#length.value
    // Decided from the prefix alone: what it announces is not waited for.
    if (length > this.maxFrame) return this.tooLarge(at)
    const start = at + prefix
    if (end - start < length) return this.wait(prefix + length, true)
    return this.whole(codec, bytes, start, start + length, start + length, this.#options)
  }

  override head(size: number): number {
    return this.#size(size)
  }

  override wrap(bytes: Uint8Array, at: number, start: number, end: number): number {
    const length = end - start
    const behind = at + this.#size(length)
    // The frame came out smaller than its estimate, and with it a varint in front of it.
    if (behind !== start) bytes.copyWithin(behind, start, end)
    this.#write(bytes, at, length)
    return behind + length
  }
}

/** Some bytes stand behind each frame, and in none. */
class DelimiterFraming extends Base {
  readonly #delimiter: Uint8Array
  override readonly tail: number
  readonly #options: DecodeOptions
  /** Bytes from the start of the unfinished frame that were searched already. */
  #searched = 0

  constructor(delimiter: Uint8Array, maxFrame: number, ignoreTrailing: boolean) {
    super(maxFrame)
    this.#delimiter = delimiter
    this.tail = delimiter.length
    this.#options = { whole: true, maxFrame, ignoreTrailing }
  }

  find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined {
    const from = Math.max(at, at + this.#searched - this.tail + 1)
    const found = indexOf(bytes, this.#delimiter, from, end)
    if (found < 0) {
      if (end - at >= this.maxFrame + this.tail) return this.tooLarge(at)
      this.#searched = end - at
      return this.wait(end - at + 1, false)
    }
    this.#searched = 0
    return this.whole(codec, bytes, at, found, found + this.tail, this.#options)
  }

  override wrap(bytes: Uint8Array, _at: number, start: number, end: number): number {
    const found = indexOf(bytes, this.#delimiter, start, end)
    if (found >= 0)
      throw new LocalError('BadOption', `the frame holds the delimiter of its transport at byte ${found - start}`)
    bytes.set(this.#delimiter, end)
    return end + this.tail
  }
}

/** All frames have one size. */
class FixedFraming extends Base {
  readonly #frame: number
  readonly #options: DecodeOptions

  constructor(size: number, maxFrame: number, ignoreTrailing: boolean) {
    super(maxFrame)
    this.#frame = size
    this.#options = { whole: true, maxFrame, ignoreTrailing }
  }

  find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined {
    if (end - at < this.#frame) return this.wait(this.#frame, true)
    return this.whole(codec, bytes, at, at + this.#frame, at + this.#frame, this.#options)
  }

  override wrap(_bytes: Uint8Array, _at: number, start: number, end: number): number {
    if (end - start !== this.#frame)
      throw new LocalError('TooLarge', `frames here have ${this.#frame} bytes, this one has ${end - start}`)
    return end
  }
}

/** Whatever a read returned is a frame. */
class RawFraming extends Base {
  readonly #options: DecodeOptions = { whole: true }

  find(codec: Codec, bytes: Uint8Array, at: number, end: number): Reader | undefined {
    const next = Math.min(end, at + this.maxFrame)
    return this.whole(codec, bytes, at, next, next, this.#options)
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number, end: number): number {
  const first = wanted[0]!
  const last = end - wanted.length
  for (let at = bytes.indexOf(first, from); at >= 0 && at <= last; at = bytes.indexOf(first, at + 1)) {
    let i = 1
    while (i < wanted.length && bytes[at + i] === wanted[i]) i++
    if (i === wanted.length) return at
  }
  return -1
}

// Messages without a schema: bytes behind a length, lines, bytes of a fixed number, or whatever a read returned.

import { copyOf } from '../../wire/copy.ts'
import type { CodecFactory, Decoder, Encoder } from './codec.ts'
import { NodeError } from './errors.ts'

/** Both directions of a framing. `max`: largest message, bytes. */
export interface RawFraming {
  readonly decoder: CodecFactory<Decoder<Uint8Array>>
  readonly encoder: CodecFactory<Encoder<Uint8Array>>
}

export type Prefix = 'u8' | 'u16be' | 'u16le' | 'u32be' | 'u32le' | 'varint'

/** A length of the payload in front of it. */
export function prefixed(prefix: Prefix, max: number = MOST[prefix]): RawFraming {
  const most = Math.min(max, MOST[prefix])
  return { decoder: () => new PrefixDecoder(prefix, most), encoder: () => new PrefixEncoder(prefix, most) }
}

/** Text lines, without their ends. */
export function lines(max: number = 65_535): RawFraming {
  return { decoder: () => new LineDecoder(max), encoder: () => new LineEncoder(max) }
}

/** Messages of one size. */
export function fixed(size: number): RawFraming {
  return { decoder: () => new FixedDecoder(size), encoder: () => new FixedEncoder(size) }
}

/** No framing: a message is what a read returned. */
export function unframed(): RawFraming {
  return { decoder: () => new FixedDecoder(undefined), encoder: () => new FixedEncoder(undefined) }
}

/** Messages are views of the bytes: kept ones are copies. */
abstract class Views implements Decoder<Uint8Array> {
  next = 0
  needs = 0
  exact = true

  abstract decode(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined

  keep(message: Uint8Array): Uint8Array {
    return copyOf(message)
  }

  protected more(needs: number, exact: boolean): undefined {
    this.needs = needs
    this.exact = exact
  }
}

export class PrefixDecoder extends Views {
  readonly #prefix: Prefix
  readonly #max: number
  #length = 0

  constructor(prefix: Prefix, max: number) {
    super()
    this.#prefix = prefix
    this.#max = max
  }

  decode(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
    const size = this.#read(bytes, at, end)
    if (size === 0) return this.more(end - at + 1, true)
    const length = this.#length
    if (length > this.#max)
      throw new NodeError('InvalidData', `a message of ${length} bytes, at most ${this.#max} are allowed`)
    const start = at + size
    if (end - start < length) return this.more(size + length, true)
    this.next = start + length
    return bytes.subarray(start, start + length)
  }

  /** Bytes of the prefix, 0 when it is not there whole. */
  #read(b: Uint8Array, at: number, end: number): number {
    const have = end - at
    switch (this.#prefix) {
      case 'u8':
        if (have < 1) return 0
        this.#length = b[at]!
        return 1
      case 'u16be':
      case 'u16le': {
        if (have < 2) return 0
        const [x, y] = [b[at]!, b[at + 1]!]
        this.#length = this.#prefix === 'u16be' ? (x << 8) | y : (y << 8) | x
        return 2
      }
      case 'u32be':
        if (have < 4) return 0
        this.#length = ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0
        return 4
      case 'u32le':
        if (have < 4) return 0
        this.#length = ((b[at + 3]! << 24) | (b[at + 2]! << 16) | (b[at + 1]! << 8) | b[at]!) >>> 0
        return 4
      case 'varint': {
        let value = 0
        for (let i = 0; i < 5; i++) {
          if (i >= have) return 0
          const byte = b[at + i]!
          value += (byte & 0x7f) * 2 ** (7 * i)
          if (byte < 0x80) {
            this.#length = value
            return i + 1
          }
        }
        throw new NodeError('InvalidData', 'a length of more than five bytes')
      }
    }
  }
}

export class PrefixEncoder implements Encoder<Uint8Array> {
  readonly #prefix: Prefix
  readonly #max: number

  constructor(prefix: Prefix, max: number) {
    this.#prefix = prefix
    this.#max = max
  }

  sizeOf(message: Uint8Array): number {
    if (message.length > this.#max)
      throw new NodeError('InvalidInput', `a message of ${message.length} bytes, at most ${this.#max} are allowed`)
    return message.length + 5
  }

  encode(message: Uint8Array, into: Uint8Array, at: number): number {
    const start = this.#write(into, at, message.length)
    into.set(message, start)
    return start + message.length
  }

  #write(b: Uint8Array, at: number, n: number): number {
    switch (this.#prefix) {
      case 'u8':
        b[at] = n
        return at + 1
      case 'u16be':
        b[at] = n >>> 8
        b[at + 1] = n
        return at + 2
      case 'u16le':
        b[at] = n
        b[at + 1] = n >>> 8
        return at + 2
      case 'u32be':
        b[at] = n >>> 24
        b[at + 1] = n >>> 16
        b[at + 2] = n >>> 8
        b[at + 3] = n
        return at + 4
      case 'u32le':
        b[at] = n
        b[at + 1] = n >>> 8
        b[at + 2] = n >>> 16
        b[at + 3] = n >>> 24
        return at + 4
      case 'varint': {
        let to = at
        let rest = n
        for (; rest >= 0x80; rest = Math.floor(rest / 128)) b[to++] = (rest & 0x7f) | 0x80
        b[to++] = rest
        return to
      }
    }
  }
}

class LineDecoder extends Views {
  readonly #max: number
  /** Bytes of the unfinished line that were searched already. */
  #searched = 0

  constructor(max: number) {
    super()
    this.#max = max
  }

  decode(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
    const found = bytes.subarray(0, end).indexOf(NEWLINE, at + this.#searched)
    const length = (found < 0 ? end : found) - at
    if (length > this.#max) throw new NodeError('InvalidData', `a line of more than ${this.#max} bytes`)
    this.#searched = found < 0 ? length : 0
    if (found < 0) return this.more(length + 1, false)
    this.next = found + 1
    return bytes.subarray(at, bytes[found - 1] === RETURN && found > at ? found - 1 : found)
  }
}

class LineEncoder implements Encoder<Uint8Array> {
  readonly #max: number

  constructor(max: number) {
    this.#max = max
  }

  sizeOf(message: Uint8Array): number {
    if (message.length > this.#max) throw new NodeError('InvalidInput', `a line of more than ${this.#max} bytes`)
    if (message.includes(NEWLINE)) throw new NodeError('InvalidInput', 'a line holds the end of a line')
    return message.length + 1
  }

  encode(message: Uint8Array, into: Uint8Array, at: number): number {
    into.set(message, at)
    into[at + message.length] = NEWLINE
    return at + message.length + 1
  }
}

class FixedDecoder extends Views {
  readonly #size: number | undefined

  constructor(size: number | undefined) {
    super()
    this.#size = size
  }

  decode(bytes: Uint8Array, at: number, end: number): Uint8Array | undefined {
    const size = this.#size ?? end - at
    if (end - at < size) return this.more(size, true)
    this.next = at + size
    return bytes.subarray(at, at + size)
  }
}

class FixedEncoder implements Encoder<Uint8Array> {
  readonly #size: number | undefined

  constructor(size: number | undefined) {
    this.#size = size
  }

  sizeOf(message: Uint8Array): number {
    if (this.#size !== undefined && message.length !== this.#size)
      throw new NodeError('InvalidInput', `messages here have ${this.#size} bytes, this one has ${message.length}`)
    return message.length
  }

  encode(message: Uint8Array, into: Uint8Array, at: number): number {
    into.set(message, at)
    return at + message.length
  }
}

/** Largest message of each prefix; 8 MiB where the prefix would allow more than is sane. */
const MOST: Readonly<Record<Prefix, number>> = {
  u8: 0xff,
  u16be: 0xffff,
  u16le: 0xffff,
  u32be: 8 * 1024 * 1024,
  u32le: 8 * 1024 * 1024,
  varint: 8 * 1024 * 1024,
}
const NEWLINE = 10
const RETURN = 13

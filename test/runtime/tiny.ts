// A protocol written by hand, small enough to read, with what the runtime has engines for: requests and answers,
// acknowledgements, pieces, keep-alive, states, learned values, a goodbye. The codec follows docs/adr/0002-decoding.md.
//
//   type u8 | flags u8 | id u32 | piece id u8, index u8, count u8 | length u32 | payload | check u8 (sum of all before)

import type {
  Accessor,
  FrameDescriptor,
  ProtocolDescriptor,
  ReplyDescriptor,
  TransportDescriptor,
} from '../../runtime/core/protocol.ts'
import {
  type Codec,
  type Context,
  type DecodeOptions,
  EncodeError,
  Malformed,
  type Reader,
} from '../../runtime/wire/codec.ts'

export const NAMES = ['Data', 'Ack', 'Ping', 'Pong', 'Ask', 'Tell', 'Bye', 'Err', 'Size'] as const
export const HEAD = 13
export const ACK_BIT = 1
export const PIECE_BIT = 2

export interface TinyValue {
  flags?: number
  id?: number
  piece_id?: number
  piece_index?: number
  piece_count?: number
  payload?: Uint8Array
  length?: number
  check?: number
}

export class TinyReader implements Reader {
  frameName = ''
  frameIndex = 0
  byteSource: Uint8Array = new Uint8Array(0)
  byteStart = 0
  byteEnd = 0

  get flags(): number {
    return this.byteSource[this.byteStart + 1]!
  }

  get id(): number | undefined {
    const id = u32(this.byteSource, this.byteStart + 2)
    return id === 0 ? undefined : id
  }

  get piece_id(): number | undefined {
    return this.#piece(6)
  }

  get piece_index(): number | undefined {
    return this.#piece(7)
  }

  get piece_count(): number | undefined {
    return this.#piece(8)
  }

  get payload(): Uint8Array {
    return this.byteSource.subarray(this.byteStart + HEAD, this.byteEnd - 1)
  }

  toObject(): Record<string, unknown> {
    const { flags, id, piece_id, piece_index, piece_count } = this
    const value: Record<string, unknown> = { flags, payload: this.payload.slice(), length: this.payload.length }
    if (id !== undefined) value.id = id
    if (piece_id !== undefined) Object.assign(value, { piece_id, piece_index, piece_count })
    value.check = this.byteSource[this.byteEnd - 1]
    return value
  }

  #piece(at: number): number | undefined {
    return this.byteSource[this.byteStart + 8] === 0 ? undefined : this.byteSource[this.byteStart + at]
  }
}

export class TinyCodec implements Codec {
  readonly frameNames: readonly string[] = NAMES
  context: Context = NO_CONTEXT
  needs = 0
  failure: Malformed | undefined
  readonly #readers = NAMES.map((name, index) =>
    Object.assign(new TinyReader(), { frameName: name, frameIndex: index }),
  )

  decode(bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Reader | undefined {
    this.failure = undefined
    this.needs = 0
    if (end - start < HEAD) return options.whole ? this.#refuse('Truncated', end - start, 0) : this.#need(HEAD)
    const size = HEAD + u32(bytes, start + 9) + 1
    if (size > (options.maxFrame ?? Number.POSITIVE_INFINITY)) return this.#refuse('TooLarge', 0, 0)
    if (end - start < size) return options.whole ? this.#refuse('Truncated', 9, 0) : this.#need(size)
    if (options.whole && !options.ignoreTrailing && start + size !== end) return this.#refuse('TrailingBytes', size, 0)
    if (sum(bytes, start, start + size - 1) !== bytes[start + size - 1]) return this.#refuse('BadCheck', size - 1, size)
    const index = bytes[start]!
    const reader = this.#readers[index]
    if (reader === undefined || (options.frame !== undefined && options.frame !== reader.frameName))
      return this.#refuse('UnknownFrame', 0, size)
    reader.byteSource = bytes
    reader.byteStart = start
    reader.byteEnd = start + size
    return reader
  }

  sizeOf(frame: string, value: TinyValue): number {
    if (!(NAMES as readonly string[]).includes(frame)) throw new EncodeError('UnknownFrame', '', frame)
    return HEAD + (value.payload?.length ?? 0) + 1
  }

  encode(frame: string, value: TinyValue, into: Uint8Array, at: number): number {
    const payload = value.payload ?? new Uint8Array(0)
    const { id = 0, piece_id = 0, piece_index = 0, piece_count = 0 } = value
    for (const number of [id, piece_id, piece_index, piece_count])
      if (typeof number !== 'number') throw new EncodeError('BadType', '', 'a number is no number')
    if (id > 0xffffffff) throw new EncodeError('OutOfRange', 'id', 'id is too large')
    if (piece_id > 0xff || piece_count > 0xff) throw new EncodeError('OutOfRange', 'piece_id', 'too many pieces')
    if (value.length !== undefined && value.length !== payload.length)
      throw new EncodeError('SizeMismatch', 'length', 'length is not that of the payload')
    into[at] = (NAMES as readonly string[]).indexOf(frame)
    into[at + 1] = value.flags ?? 0
    putU32(into, at + 2, id)
    into[at + 6] = piece_id
    into[at + 7] = piece_index
    into[at + 8] = piece_count
    putU32(into, at + 9, payload.length)
    into.set(payload, at + HEAD)
    const end = at + HEAD + payload.length
    const check = sum(into, at, end)
    if (value.check !== undefined && value.check !== check) throw new EncodeError('BadValue', 'check', 'check is wrong')
    into[end] = check
    return end + 1
  }

  #need(count: number): undefined {
    this.needs = count
  }

  #refuse(code: string, offset: number, consumed: number): undefined {
    this.failure = new Malformed(code, offset, '')
    this.failure.consumed = consumed
  }
}

export const TCP: TransportDescriptor = {
  kind: 'tcp',
  use: 'session',
  framing: { kind: 'self' },
  maxFrame: 8 * 1024 * 1024,
  maxSend: undefined,
  maxReceive: undefined,
  trailing: 'reject',
  port: 7000,
  nodelay: true,
  backlog: undefined,
  reusePort: false,
  connectTimeout: 2000,
  tos: undefined,
  buffers: undefined,
  mtu: undefined,
}
export const TLS: TransportDescriptor = { ...TCP, kind: 'tls' }
export const UDP: TransportDescriptor = {
  ...TCP,
  kind: 'udp',
  framing: { kind: 'datagram' },
  maxFrame: 65_536,
  maxSend: 1200,
}

export const ASKS: ReplyDescriptor = {
  name: 'ask',
  to: ['Ask'],
  any: false,
  when: undefined,
  with: ['Tell'],
  by: { request: field('id'), reply: field('id') },
  copy: [],
  auto: undefined,
  timeout: 1000,
  retry: undefined,
  inFlight: 8,
  ids: 'counter',
  every: undefined,
  only: { transport: undefined, receiver: undefined },
  duplicates: undefined,
  ask: [],
}
export const ACKS: ReplyDescriptor = {
  ...ASKS,
  name: 'ack',
  to: ['Data', 'Bye'],
  when: frame => ((frame as TinyReader).flags & ACK_BIT) !== 0 && (frame as TinyReader).id !== undefined,
  with: ['Ack'],
  auto: 'before-delivery',
  timeout: 200,
  retry: { times: 3, from: 100, to: 400 },
  ids: 'random',
  inFlight: 256,
  duplicates: { window: 64, answerAgain: true },
  ask: [bit('ack', ACK_BIT)],
}
export const PINGS: ReplyDescriptor = {
  ...ASKS,
  name: 'ping',
  to: ['Ping'],
  with: ['Pong'],
  by: undefined,
  auto: 'before-delivery',
  timeout: 3000,
}

/** A descriptor with whatever a test changes. */
export function tiny(changes: Partial<ProtocolDescriptor> = {}): ProtocolDescriptor {
  return { ...BASE, ...changes }
}

export function frame(name: (typeof NAMES)[number], changes: Partial<FrameDescriptor> = {}): FrameDescriptor {
  return {
    name,
    index: NAMES.indexOf(name),
    dirs: [],
    states: [],
    bare: false,
    seal: undefined,
    channel: name === 'Data' ? 'main' : undefined,
    repeat: 1,
    close: name === 'Bye' ? 'after-flush' : undefined,
    learn: [],
    max: undefined,
    secret: [],
    ...changes,
  }
}

export const FRAMES: readonly FrameDescriptor[] = NAMES.map(name => frame(name))

/** Bytes of one frame. */
export function encoded(name: (typeof NAMES)[number], value: TinyValue = {}): Uint8Array {
  const codec = new TinyCodec()
  const bytes = new Uint8Array(codec.sizeOf(name, value))
  codec.encode(name, value, bytes, 0)
  return bytes
}

export const text = (value: string): Uint8Array => new TextEncoder().encode(value)
export const read = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)

function field(name: 'id' | 'piece_id' | 'piece_index' | 'piece_count'): Accessor {
  return {
    path: name,
    get: reader => (reader as TinyReader)[name],
    set: (value, to) => {
      value[name] = to
    },
  }
}

function bit(name: string, mask: number): Accessor {
  return {
    path: `flags.${name}`,
    get: reader => ((reader as TinyReader).flags & mask) !== 0,
    set: (value, to) => {
      const flags = (value.flags as number | undefined) ?? 0
      value.flags = to ? flags | mask : flags & ~mask
    },
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return bytes[at]! * 0x1000000 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!)
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}

function sum(bytes: Uint8Array, start: number, end: number): number {
  let total = 0
  for (let i = start; i < end; i++) total = (total + bytes[i]!) & 0xff
  return total
}

const NO_CONTEXT: Context = {
  param: {},
  session: {},
  key: {},
  peer: {},
  local: {},
  random: n => new Uint8Array(n),
  now: () => 0,
}

const BASE: ProtocolDescriptor = {
  name: 'tiny',
  version: 1,
  doc: undefined,
  profile: undefined,
  insecure: [],
  frames: FRAMES,
  errors: { BadCheck: { text: 'the check is wrong', fatal: true } },
  roles: [
    { name: 'client', transport: 'dials', is: ['client'] },
    { name: 'server', transport: 'accepts', is: ['server'] },
  ],
  params: [],
  session: [],
  transports: [TCP, TLS, UDP],
  states: [],
  replies: [ASKS, ACKS],
  channels: [
    {
      name: 'main',
      id: undefined,
      delivery: 'unreliable',
      priority: 0,
      ack: undefined,
      retransmit: undefined,
      window: 256,
      reorder: { messages: 256, bytes: 512 * 1024 },
      congestion: 'none',
      pace: undefined,
      orderBy: undefined,
      coalesce: undefined,
      fec: undefined,
      fragment: {
        above: 1200,
        cut: 'payload',
        pieces: 255,
        timeout: 5000,
        sessions: 100,
        bytes: 8 * 1024 * 1024,
        bytesPerPeer: 1024 * 1024,
        duplicates: 'ignore',
        full: 'drop-oldest',
        acceptFullCopies: false,
      },
      queue: { in: 256, out: 256, bytes: 1024 * 1024, full: 'backpressure', rejectOversize: true },
    },
  ],
  channelHeader: {
    fragment_id: field('piece_id'),
    fragment_index: field('piece_index'),
    fragment_count: field('piece_count'),
    fragment_flag: bit('piece', PIECE_BIT),
    seqSpace: 'channel',
    ackSweep: undefined,
  },
  limits: {
    connections: 64,
    connectionsPerAddress: 64,
    handshakes: 64,
    handshakesPerAddress: 64,
    overLimit: 'close',
    handshake: 5000,
    idle: 60_000,
    refreshIdle: 'opened',
    rate: {
      packets: Number.POSITIVE_INFINITY,
      bytes: Number.POSITIVE_INFINITY,
      burst: Number.POSITIVE_INFINITY,
      before: 'deliver',
    },
    strikes: undefined,
    queue: { messages: 16, bytes: 1024 * 1024 },
    depth: 32,
    memory: 64 * 1024 * 1024,
  },
  onError: { stream: 'close', datagram: 'drop', tell: { frame: 'Err', on: 'stream' } },
  handshake: undefined,
  seals: [],
  service: undefined,
  metrics: [],
  codec: () => new TinyCodec(),
}

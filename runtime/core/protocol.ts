// The descriptor: what `generated/<name>/protocol.ts` exports and the runtime runs. Plain data with the defaults of the
// language filled in; durations are milliseconds (Infinity = never), sizes bytes, rates per second. The few expressions
// that a machine evaluates are functions over readers, emitted next to the codec.

import type { Codec, Reader } from '../wire/codec.ts'
import type { HandshakeScript } from './handshake-descriptor.ts'
import type { SealDescriptor } from './seal-descriptor.ts'

/** Reads a field of a decoded frame and writes it into a plain value about to be encoded: `headers.msg_id`, `token`. */
export interface Accessor {
  readonly path: string
  /** Undefined when absent. Integers of more than 53 bits are bigint. */
  readonly get: (frame: Reader) => unknown
  readonly set: (value: Record<string, unknown>, to: unknown) => void
}

export interface FrameDescriptor {
  readonly name: string
  readonly index: number
  readonly dirs: readonly { readonly sender: string; readonly receiver: string }[]
  readonly states: readonly string[]
  readonly bare: boolean
  readonly seal: string | undefined
  /** Channel name, or `any`. */
  readonly channel: string | undefined
  readonly repeat: number
  readonly close: 'now' | 'after-flush' | undefined
  /** Session values that this frame teaches. */
  readonly learn: readonly { readonly name: string; readonly value: (frame: Reader) => unknown }[]
  /** Largest size of this frame, where smaller than the transport's. */
  readonly max: number | undefined
  /** Names of fields that must never be printed. */
  readonly secret: readonly string[]
}

export type Framing =
  | { readonly kind: 'datagram' | 'packed' | 'self' | 'raw' }
  /** `read` returns the length, or -1 when more bytes are needed; the prefix took `size(length)` bytes. */
  | {
      readonly kind: 'prefix'
      readonly read: PrefixReader
      readonly write: PrefixWriter
      readonly size: (length: number) => number
    }
  | { readonly kind: 'delimiter'; readonly delimiter: Uint8Array }
  | { readonly kind: 'fixed'; readonly size: number }

/** Reads a length prefix at `at`. Returns the number of bytes of the prefix, or 0 when it is not complete; the length is in `out.value`. */
export type PrefixReader = (bytes: Uint8Array, at: number, end: number, out: { value: number }) => number
/** Writes the prefix for `length` and returns the offset behind it. */
export type PrefixWriter = (bytes: Uint8Array, at: number, length: number) => number

/** A size that may depend on a param. */
export type Size = number | { readonly param: string }

export interface TransportDescriptor {
  readonly kind: 'tcp' | 'tls' | 'udp'
  readonly use: 'session' | 'handshake'
  readonly framing: Framing
  readonly maxFrame: Size
  readonly maxSend: number | undefined
  readonly maxReceive: number | undefined
  readonly trailing: 'reject' | 'ignore'
  readonly port: number | undefined
  readonly nodelay: boolean
  readonly backlog: number | undefined
  readonly reusePort: boolean
  readonly connectTimeout: number
  readonly tos: number | undefined
  readonly buffers: number | undefined
  readonly mtu: number | undefined
}

export interface RoleDescriptor {
  readonly name: string
  readonly transport: 'dials' | 'accepts' | 'both'
  /** Roles it also counts as, itself included. */
  readonly is: readonly string[]
}

export interface ParamDescriptor {
  readonly name: string
  readonly doc: string | undefined
  readonly type: ParamType
  readonly secret: boolean
  readonly for: readonly string[]
  readonly required: boolean
  /** A literal in plain form, or one of the words none, any, generate, target as `{ word }`. */
  readonly fallback: { readonly word: 'none' | 'any' | 'generate' | 'target' } | { readonly value: unknown } | undefined
  readonly min: bigint | undefined
  readonly max: bigint | undefined
}

export type ParamType =
  | { readonly kind: 'int' | 'float' | 'bool' | 'text' }
  | { readonly kind: 'bytes'; readonly size: number | undefined }
  | { readonly kind: 'list'; readonly of: ParamType }

export interface SessionDescriptor {
  readonly name: string
  readonly secret: boolean
  readonly start: unknown
  readonly max: number | undefined
  readonly lifetime: number
}

export interface StateRow {
  readonly name: string
  readonly timeout: number
  /** sender>receiver that is dropped silently in this state. */
  readonly ignore: readonly string[]
  /** Frame name -> the next states, tried in order; one without `when` always fits. */
  readonly frames: Readonly<
    Record<
      string,
      readonly { readonly to: string; readonly when?: (frame: Reader, count: (frame: string) => number) => boolean }[]
    >
  >
}

export interface RetryDescriptor {
  /** Attempts after the first. */
  readonly times: number
  /** Wait before the next attempt: doubles from `from` to `to`. */
  readonly from: number
  readonly to: number
}

export interface ReplyDescriptor {
  readonly name: string
  /** Requests; empty with `any`. */
  readonly to: readonly string[]
  readonly any: boolean
  readonly when: ((frame: Reader) => boolean) | undefined
  readonly with: readonly string[]
  /** The value that is equal in both; `order` = replies come in the order of the requests. */
  readonly by: { readonly request: Accessor; readonly reply: Accessor } | 'order' | undefined
  readonly copy: readonly { readonly from: Accessor; readonly to: Accessor }[]
  readonly auto: 'before-delivery' | 'after-delivery' | 'service' | 'idle' | undefined
  readonly timeout: number
  readonly retry: RetryDescriptor | undefined
  readonly inFlight: number
  readonly ids: 'counter' | 'random'
  readonly every: number | undefined
  readonly only: { readonly transport: string | undefined; readonly receiver: string | undefined }
  readonly duplicates: { readonly window: number; readonly answerAgain: boolean } | undefined
  /** Bits a sender sets to ask for this reply, where `when` is a conjunction of bits and presence: `flags.req_ack`. */
  readonly ask: readonly Accessor[]
}

export interface FragmentDescriptor {
  readonly above: number
  readonly cut: string
  readonly pieces: number
  readonly timeout: number
  readonly sessions: number
  readonly bytes: number
  readonly bytesPerPeer: number
  readonly duplicates: 'ignore' | 'reject'
  readonly full: 'drop-oldest' | 'drop-newest'
  readonly acceptFullCopies: boolean
}

/** Payloads of any length as a row of acknowledged messages: `channels.NAME.transfer`. */
export interface TransferDescriptor {
  /** Payloads longer than this many bytes are sent so, where the frame asks for an acknowledgement. */
  readonly above: number
  /** The field that is cut. */
  readonly cut: string
  /** Payload bytes of one part; undefined: as many as fit into one datagram. */
  readonly part: number | undefined
  /** Number of the transfer, chosen by the sender; place of the part in it, from 0; how many parts there are, written as soon as it is known. */
  readonly id: Accessor
  readonly index: Accessor
  readonly count: Accessor
  /** Parts on the way or held for order, at both sides. */
  readonly window: number
  /** Bounds of the wait before a part is sent again; in between it follows the round-trip time. */
  readonly rto: { readonly from: number; readonly to: number }
  /** Longest time without progress. */
  readonly timeout: number
  /** Receiving: transfers at once, bytes held for all and for one peer, bytes of one that is delivered whole. */
  readonly sessions: number
  readonly bytes: number
  readonly bytesPerPeer: number
  readonly max: number
}

/** On streams: messages laid into frames whose payload has one size. All are names of fields of the frame. */
export interface SplitDescriptor {
  /** The field that holds the message, or a part of it. */
  readonly cut: string
  /** Bytes of it that count; undefined: all. */
  readonly used: string | undefined
  /** Place of the frame in its message, from 0: a message of which a frame is missing is not joined. */
  readonly index: string | undefined
  /** True while the message goes on in the next frame; undefined: every frame is a message. */
  readonly more: string | undefined
  /** The longest message that is joined. */
  readonly max: number
}

export interface ChannelDescriptor {
  readonly name: string
  readonly id: number | string | undefined
  readonly delivery: 'unreliable' | 'unreliable-sequenced' | 'reliable' | 'reliable-ordered' | 'transport'
  readonly priority: number | Accessor
  readonly ack: { readonly frame: string | undefined; readonly after: number; readonly delay: number } | undefined
  readonly retransmit: { readonly from: number; readonly to: number; readonly times: number } | undefined
  readonly window: number
  readonly reorder: { readonly messages: number; readonly bytes: number }
  readonly congestion: 'newreno' | 'cubic' | 'bbr' | 'none'
  readonly pace: number | undefined
  readonly orderBy: Accessor | undefined
  /** Milliseconds that a small message waits for company in its datagram; 0: those of one turn share it. Undefined: off. */
  readonly coalesce: number | undefined
  /** Messages for each parity, and milliseconds after which a group that is not full gets one. */
  readonly fec: { readonly group: number; readonly delay: number } | undefined
  readonly fragment: FragmentDescriptor | undefined
  readonly transfer?: TransferDescriptor | undefined
  readonly split?: SplitDescriptor | undefined
  /** On streams: the field that is true in the last frame; a connection that ends without it was cut. */
  readonly end?: string | undefined
  readonly queue: {
    readonly in: number
    readonly out: number
    readonly bytes: number
    readonly full: 'backpressure' | 'drop-newest' | 'drop-oldest' | 'reject' | 'close'
    readonly rejectOversize: boolean
  }
}

/** Fields the channel engine reads and writes; absent where the schema names none. */
export type ChannelHeader = Readonly<
  Partial<
    Record<
      | 'channel'
      | 'seq'
      | 'ack'
      | 'ack_bits'
      | 'ack_flag'
      | 'message_id'
      | 'fragment_id'
      | 'fragment_index'
      | 'fragment_count'
      | 'fragment_flag'
      | 'reliable_flag'
      | 'ping_flag'
      | 'close_flag'
      | 'parity'
      | 'parity_count'
      | 'parity_length'
      | 'bundle',
      Accessor
    >
  >
> & {
  readonly seqSpace: 'channel' | 'connection'
  readonly ackSweep: number | undefined
  /** The frames that carry parity, and several messages. */
  readonly parityFrame?: string | undefined
  readonly bundleFrame?: string | undefined
}

export interface LimitsDescriptor {
  readonly connections: number
  readonly connectionsPerAddress: number
  readonly handshakes: number
  readonly handshakesPerAddress: number
  readonly overLimit: 'close' | 'wait' | 'drop' | 'drop-oldest'
  readonly handshake: number
  readonly idle: number
  readonly refreshIdle: 'opened' | 'received'
  readonly rate: {
    readonly packets: number
    readonly bytes: number
    readonly burst: number
    readonly before: 'deliver' | 'open'
  }
  readonly strikes:
    | {
        readonly max: number
        readonly window: number
        readonly on: readonly string[]
        readonly then: 'close' | 'drop'
        readonly authenticated: boolean
      }
    | undefined
  readonly queue: { readonly messages: number; readonly bytes: number }
  readonly depth: number
  readonly memory: number
}

export interface TlsDescriptor {
  readonly versions: readonly ('1.2' | '1.3')[]
  readonly alpn: readonly string[]
  /** Names of the params that supply these, or literals. */
  readonly serverName: ParamOr<string> | undefined
  readonly verify: ParamOr<string>
  readonly certificate: ParamOr<string> | undefined
  readonly key: ParamOr<string> | undefined
  readonly clientCertificate: ParamOr<string> | undefined
  readonly tickets: 'use' | 'ignore'
}

export type ParamOr<T> = { readonly param: string } | { readonly value: T }

export interface HandshakeDescriptor {
  readonly transport: string | undefined
  readonly tls: TlsDescriptor | undefined
  readonly timeout: number
  /** What happens beside or inside TLS; undefined where TLS is all. */
  readonly script: HandshakeScript | undefined
  /** Names of keys in the schema's handshake that no engine runs yet; `serve` and `connect` refuse them by name. */
  readonly unbuilt: readonly string[]
}

export interface MetricDescriptor {
  readonly name: string
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly on: string | undefined
  readonly when: ((event: { readonly code: string }) => boolean) | undefined
  readonly add: 'one' | 'size'
  readonly of: string | undefined
  readonly by: readonly string[]
  readonly buckets: readonly number[]
}

export interface ProtocolDescriptor {
  readonly name: string
  readonly version: number
  readonly doc: string | undefined
  readonly profile: string | undefined
  /** Names of the profiles that there are, where this is none of them. */
  readonly profiles?: readonly string[] | undefined
  readonly insecure: readonly string[]
  readonly frames: readonly FrameDescriptor[]
  readonly errors: Readonly<Record<string, { readonly text: string; readonly fatal: boolean | undefined }>>
  /** Built-in error -> the name that the schema gives it. */
  readonly covers?: Readonly<Record<string, string>> | undefined
  readonly roles: readonly RoleDescriptor[]
  readonly params: readonly ParamDescriptor[]
  readonly session: readonly SessionDescriptor[]
  readonly transports: readonly TransportDescriptor[]
  /** Empty: everything is allowed after the handshake. */
  readonly states: readonly StateRow[]
  readonly replies: readonly ReplyDescriptor[]
  readonly channels: readonly ChannelDescriptor[]
  readonly channelHeader: ChannelHeader | undefined
  readonly limits: LimitsDescriptor
  readonly onError: {
    readonly stream: 'close' | 'drop'
    readonly datagram: 'drop' | 'close'
    readonly tell: { readonly frame: string; readonly on: 'stream' | 'any' } | undefined
  }
  readonly handshake: HandshakeDescriptor | undefined
  readonly seals: readonly SealDescriptor[]
  readonly service: Readonly<Record<string, unknown>> | undefined
  readonly metrics: readonly MetricDescriptor[]
  /** Role -> a `switch` over its handlers (runtime/core/typed.ts). Absent where nothing was generated: call `handlers[frame.frameName]`. */
  readonly dispatch?: Readonly<Record<string, (frame: Reader, handlers: object, peer: unknown) => unknown>>
  /** A codec of its own flyweights: one per connection or endpoint. */
  readonly codec: () => Codec
}

// What a protocol does, as data: the behavioural sections of a schema with every default filled in and every
// expression resolved. It mirrors runtime/core/protocol.ts, with expressions where the descriptor has functions, so
// that checks and docs can read it as well as the emitter.

import type {
  ChannelDescriptor,
  FragmentDescriptor,
  HandshakeDescriptor,
  LimitsDescriptor,
  MetricDescriptor,
  ParamDescriptor,
  ReplyDescriptor,
  RoleDescriptor,
  SessionDescriptor,
  StateRow,
  TransferDescriptor,
  TransportDescriptor,
} from '../../runtime/core/protocol.ts'
import type { Expr, Type } from '../model/model.ts'
import type { ScriptData } from './handshake.ts'
import type { SealData } from './seals.ts'

/** The same value in several frames: each with the expression in that frame's scope. */
export interface FramePath {
  /** As written: `headers.msg_id`, `Data.message`. */
  readonly text: string
  /** Frames that have it, in schema order. */
  readonly frames: readonly { readonly frame: string; readonly expr: Expr }[]
}

/** A condition over one of several frames. */
export interface FrameTest {
  readonly text: string
  readonly frames: readonly { readonly frame: string; readonly expr: Expr }[]
}

export type FramingData =
  | { readonly kind: 'datagram' | 'packed' | 'self' | 'raw' }
  | { readonly kind: 'prefix'; readonly type: Type /** The type as written. */; readonly text: string }
  | { readonly kind: 'delimiter'; readonly delimiter: Uint8Array }
  | { readonly kind: 'fixed'; readonly size: number }

export type Transport = Omit<TransportDescriptor, 'framing'> & { readonly framing: FramingData }

export type State = Omit<StateRow, 'frames'> & {
  readonly frames: readonly { readonly frame: string; readonly next: readonly StateStep[] }[]
}

export interface StateStep {
  readonly to: string
  /** Absent: always. */
  readonly when?: Expr
  /** The condition as written. */
  readonly text?: string
}

export type Reply = Omit<ReplyDescriptor, 'when' | 'by' | 'copy' | 'ask'> & {
  readonly when: FrameTest | undefined
  readonly by: { readonly request: FramePath; readonly reply: FramePath } | 'order' | undefined
  readonly copy: readonly { readonly from: FramePath; readonly to: FramePath }[]
  readonly ask: readonly FramePath[]
}

export type Channel = Omit<ChannelDescriptor, 'priority' | 'orderBy' | 'transfer'> & {
  readonly doc: string | undefined
  readonly priority: number | FramePath
  readonly orderBy: FramePath | undefined
  readonly fragment: FragmentDescriptor | undefined
  readonly transfer: Transfer | undefined
}

export type Transfer = Omit<TransferDescriptor, 'id' | 'index' | 'count'> & {
  readonly id: FramePath
  readonly index: FramePath
  readonly count: FramePath
}

export const HEADER_ROLES = [
  'channel',
  'seq',
  'ack',
  'ack_bits',
  'ack_flag',
  'message_id',
  'fragment_id',
  'fragment_index',
  'fragment_count',
  'fragment_flag',
  'reliable_flag',
  'ping_flag',
  'close_flag',
  'parity',
  'parity_count',
  'parity_length',
  'bundle',
] as const

export interface ChannelHeaderData {
  readonly paths: readonly { readonly role: (typeof HEADER_ROLES)[number]; readonly path: FramePath }[]
  readonly seqSpace: 'channel' | 'connection'
  readonly ackSweep: number | undefined
}

export type Metric = Omit<MetricDescriptor, 'when'> & {
  readonly when: Expr | undefined
  readonly whenText: string | undefined
}

export type Handshake = Omit<HandshakeDescriptor, 'script'> & {
  readonly script: ScriptData | undefined
  /** Frames that the handshake itself sends and reads; an application sees none of them. */
  readonly frames: readonly string[]
}

export interface OnError {
  readonly stream: 'close' | 'drop'
  readonly datagram: 'drop' | 'close'
  readonly tell: { readonly frame: string; readonly on: 'stream' | 'any' } | undefined
}

/** A service with its defaults: `echo`, `relay` or `node`, and its keys as the runtime reads them. */
export interface Service {
  readonly kind: 'echo' | 'relay' | 'node'
  /** The role whose frames it handles; undefined: every role. */
  readonly role: string | undefined
  readonly data: Readonly<Record<string, unknown>>
}

export interface Behaviour {
  readonly roles: readonly RoleDescriptor[]
  readonly params: readonly ParamDescriptor[]
  readonly session: readonly SessionDescriptor[]
  readonly transports: readonly Transport[]
  readonly states: readonly State[]
  readonly replies: readonly Reply[]
  readonly channels: readonly Channel[]
  readonly channelHeader: ChannelHeaderData | undefined
  readonly limits: LimitsDescriptor
  readonly onError: OnError
  readonly handshake: Handshake | undefined
  readonly seals: readonly SealData[]
  readonly metrics: readonly Metric[]
  readonly service: Service | undefined
}

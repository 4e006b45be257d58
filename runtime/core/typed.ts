// The types of a protocol, as applications see them: which frames a role may send, what a handler receives, which
// frame answers which, which params a role needs. `generated/<name>/handlers.ts` fills them in; `serve` and `connect`
// take them from the descriptor, so `peer.send('Data', { payload })` is checked against the schema.

import type { Reader } from '../wire/codec.ts'
import type { ConnectionState } from './phases.ts'
import type { ProtocolDescriptor } from './protocol.ts'

/** One frame in its three shapes. */
export interface FrameTypes {
  /** What a handler receives: a flyweight over the bytes, borrowed until the handler returns (or its promise settles). */
  readonly reader: Reader
  /** A plain copy, `reader.toObject()`: may be kept. */
  readonly value: object
  /** What `send` and `encode` take: `value` less what the schema computes or defaults. */
  readonly input: object
}

/** `T` where the fields `K` may be left out: the runtime writes them. */
export type Given<T, K extends string> = Omit<T, K> & Partial<Pick<T, K & keyof T>>

/** One role: names of frames as unions of string literals. */
export interface RoleTypes {
  /** Frames that this role may send. */
  readonly sends: string
  /** Frames that this role may receive. */
  readonly receives: string
  /** Request that this role sends -> frames that answer it. */
  readonly requests: object
  /** One method per frame received; what the runtime does by itself is optional. */
  readonly handlers: object
  /** Params as this role gives them; those with a default are optional. */
  readonly params: object
}

/** A whole protocol. `frames` maps names to FrameTypes, `roles` to RoleTypes. */
export interface ProtocolTypes {
  readonly frames: object
  readonly roles: object
  /** The role that `connect` takes when none is named. */
  readonly dials: string
  /** The role that `serve` takes when none is named. */
  readonly accepts: string
}

/** A protocol of which only the schema is known: any frame name, any object. */
export interface AnyTypes extends ProtocolTypes {
  readonly frames: Readonly<Record<string, { reader: Reader; value: Record<string, unknown>; input: object }>>
  readonly roles: Readonly<Record<string, AnyRole>>
}

interface AnyRole extends RoleTypes {
  readonly requests: Readonly<Record<string, string>>
  // biome-ignore lint/suspicious/noExplicitAny: handlers of an unknown protocol take whatever frame arrives
  readonly handlers: Readonly<Record<string, (frame: any, peer: any) => unknown>>
  readonly params: Readonly<Record<string, unknown>>
}

/** A descriptor that carries its types. `types` never has a value. */
export interface TypedProtocol<T extends ProtocolTypes = AnyTypes> extends ProtocolDescriptor {
  readonly types?: T
}

export type RoleName<T extends ProtocolTypes> = keyof T['roles'] & string

type RoleOf<T extends ProtocolTypes, R> = R extends keyof T['roles']
  ? T['roles'][R] extends RoleTypes
    ? T['roles'][R]
    : never
  : never

type FrameOf<T extends ProtocolTypes, K> = K extends keyof T['frames']
  ? T['frames'][K] extends FrameTypes
    ? T['frames'][K]
    : never
  : never

/** Frames that role `R` may send. */
export type Sends<T extends ProtocolTypes, R> = RoleOf<T, R>['sends']
/** Requests that role `R` may send. */
export type Requests<T extends ProtocolTypes, R> = keyof RoleOf<T, R>['requests'] & string
/** What `send` takes for frame `K`. */
export type InputOf<T extends ProtocolTypes, K> = FrameOf<T, K>['input']
/** What a handler of frame `K` receives. */
export type ReaderOf<T extends ProtocolTypes, K> = FrameOf<T, K>['reader']
/** The plain copy of frame `K`. */
export type ValueOf<T extends ProtocolTypes, K> = FrameOf<T, K>['value']
/** What answers request `K`: a plain copy of the reply. */
export type ReplyOf<T extends ProtocolTypes, R, K> = K extends keyof RoleOf<T, R>['requests']
  ? ValueOf<T, RoleOf<T, R>['requests'][K]>
  : never
export type HandlersOf<T extends ProtocolTypes, R> = RoleOf<T, R>['handlers']
export type ParamsOf<T extends ProtocolTypes, R> = RoleOf<T, R>['params']

export interface SendOptions {
  /** Which channel carries it, for a frame whose schema says `channel: any`. */
  readonly channel?: string | undefined
  /** Ends the wait (for room in a queue, for a reply). */
  readonly signal?: AbortSignal | undefined
}

/** The value may be left out where every field has one by itself. */
export type SendArguments<Input> = object extends Input
  ? [value?: Input, options?: SendOptions]
  : [value: Input, options?: SendOptions]

/** The other side of a connection, as seen by role `R`. */
export interface Peer<T extends ProtocolTypes = AnyTypes, R extends string = RoleName<T>> {
  /** `host:port`. */
  readonly address: string
  /** `connecting`, `connected`, `disconnecting`, `disconnected`. */
  readonly state: ConnectionState
  /** Settles when the frame was taken: written or queued. Rejects with the reason when it was not. */
  send<K extends Sends<T, R>>(frame: K, ...value: SendArguments<InputOf<T, K>>): Promise<void>
  /** Sends a request and settles with its reply. Rejects when none came in time. */
  request<K extends Requests<T, R>>(frame: K, ...value: SendArguments<InputOf<T, K>>): Promise<ReplyOf<T, R, K>>
  /** Ends the connection; what was taken by `send` is written first. */
  close(reason?: string): Promise<void>
}

/**
 * Calls the handler of a decoded frame. Returns what the handler returned: undefined, a promise, or (for requests that
 * the application answers) the reply. A frame without a handler returns undefined.
 */
export type Dispatch = (frame: Reader, handlers: object, peer: unknown) => unknown

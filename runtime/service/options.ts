// What `serve` and `connect` take, and how it becomes a plan, params and shared state.

import type { PeerError } from '../core/errors.ts'
import type { Meter } from '../core/meter.ts'
import { resolveParams } from '../core/params.ts'
import type { ConnectionState } from '../core/phases.ts'
import { chooseRole, type Plan, plan } from '../core/plan.ts'
import type { LimitsDescriptor, ProtocolDescriptor, TransportDescriptor } from '../core/protocol.ts'
import type { AnyTypes, HandlersOf, ParamsOf, Peer, ProtocolTypes } from '../core/typed.ts'
import { randomBytes } from '../drivers/random.ts'
import type { DatagramOptions } from '../drivers/udp.ts'
import type { Reader } from '../wire/codec.ts'
import type { Hub } from './relay/hub.ts'
import type { QueueLimits } from './relay/queue.ts'

/** For both sides. `T` are the types of the protocol, `R` the role that this side takes. */
export interface CommonOptions<T extends ProtocolTypes, R extends string> {
  /** Which role this side takes. Default: the first that fits. */
  readonly role?: R | undefined
  /** Values that the schema asks for. Secrets are never printed. */
  readonly params?: ParamsOf<T, R> | undefined
  readonly onOpen?: ((peer: Peer<T, R>) => void) | undefined
  readonly onClose?: ((peer: Peer<T, R>, reason: string, error: PeerError | undefined) => void) | undefined
  /**
   * How far a connection is has changed: to `connected` right before `onOpen`, `disconnecting`, and `disconnected` right before
   * `onClose`. Only for looking: nothing may be sent from there.
   */
  readonly onState?: ((peer: Peer<T, R>, state: ConnectionState) => void) | undefined
  /**
   * What peers did wrong (PeerError), and errors thrown by handlers (LocalError HandlerFailed with its cause), which also
   * end that connection. Without it the latter become warnings of the process.
   */
  readonly onError?: ((error: Error, peer: Peer<T, R> | undefined, address: string) => void) | undefined
  /** Sees every frame in both directions, also those that the runtime answers by itself. Borrowed until it returns. */
  readonly tap?: ((direction: 'in' | 'out', frame: Reader, peer: Peer<T, R>) => void) | undefined
  /** Sends frames without a handler back, as `service: { echo: {} }` does. */
  readonly echo?: boolean | undefined
  /** Other limits than those of the schema. */
  readonly limits?: Partial<LimitsDescriptor> | undefined
  /** When the outbound queue is full: `wait` (default) lets `send` wait, `reject` rejects it with LimitExceeded. */
  readonly overflow?: 'wait' | 'reject' | undefined
  /** How long a graceful close may take, milliseconds. Default 5000. */
  readonly closeTimeout?: number | undefined
  /** Values for payload structs of the handshake, by their name. */
  readonly payloads?: Readonly<Record<string, object>> | undefined
  /** Other queues of subscribers than `service.relay.queue` of the schema. */
  readonly relayQueue?: Partial<QueueLimits> | undefined
  /** Where a relay keeps its groups. Default: in this process. */
  readonly hub?: Hub | undefined
  /** Of UDP sockets: to do without the accelerator, or to poll the processor for the lowest latency. */
  readonly datagram?: DatagramOptions | undefined
  /** Counts what happens; `new Metrics(..).meter`. */
  readonly meter?: Meter | undefined
  /** Ends everything: an attempt to connect, the connection, the server. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What is done with the frames that arrive. Handlers that are given are complete: one method for each frame that this
 * role may receive and that nothing else answers, so that a new frame in the schema is a compile error here. Who wants
 * only some of them says what happens to the rest: `onFrame`.
 */
export type Handling<T extends ProtocolTypes, R extends string> = Handled<T, R> | SomeHandled<T, R>

interface Handled<T extends ProtocolTypes, R extends string> {
  /**
   * One method per frame. A handler is called during the read, with a frame that is borrowed until it returns or the
   * promise it returns settles; meanwhile the frames behind it wait, and when too many do the peer is not read. Of a
   * request it returns the reply.
   */
  readonly handlers?: HandlersOf<T, R> | undefined
  readonly onFrame?: undefined
}

interface SomeHandled<T extends ProtocolTypes, R extends string> {
  /** As above, but frames without a handler go to `onFrame`. */
  readonly handlers?: Partial<HandlersOf<T, R>> | undefined
  /** Frames without a handler of their own, borrowed as above. */
  readonly onFrame: (frame: Reader, peer: Peer<T, R>) => unknown
}

/** The same, once types have done their work. */
export interface AnyOptions extends CommonOptions<AnyTypes, string> {
  readonly handlers?: Partial<HandlersOf<AnyTypes, string>> | undefined
  readonly onFrame?: ((frame: Reader, peer: Peer) => unknown) | undefined
}

/** A protocol with the limits of the options. */
export function limited(
  protocol: ProtocolDescriptor,
  limits: Partial<LimitsDescriptor> | undefined,
): ProtocolDescriptor {
  if (limits === undefined) return protocol
  const given = Object.fromEntries(Object.entries(limits).filter(([, value]) => value !== undefined))
  return { ...protocol, limits: { ...protocol.limits, ...given } }
}

/** Works out the role, the params and the plan. Throws LocalError. */
export function prepare(
  protocol: ProtocolDescriptor,
  side: 'dials' | 'accepts',
  options: Pick<AnyOptions, 'role' | 'params' | 'limits'>,
  target: string | undefined,
): { plan: (transport: TransportDescriptor) => Plan; params: Record<string, unknown> } {
  const role = chooseRole(protocol, side, options.role)
  const params = resolveParams(protocol, role, options.params ?? {}, { target, random: randomBytes })
  const changed = limited(protocol, options.limits)
  return { plan: transport => plan(changed, transport, { side, role: role.name, params }), params }
}

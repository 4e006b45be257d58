// The parts that serving and connecting share: from options to the state of an endpoint, and TLS settings.

import { LocalError } from '../core/errors.ts'
import type { KeyScope } from '../core/handshake-descriptor.ts'
import type { Plan } from '../core/plan.ts'
import type { Session } from '../core/session.ts'
import { type Shared, shared } from '../core/shared.ts'
import { StreamConnection } from '../core/stream.ts'
import { parseProtocolName } from '../crypto/noise/pattern.ts'
import { loop } from '../drivers/loop.ts'
import { randomBytes } from '../drivers/random.ts'
import { StreamLink } from '../drivers/stream-link.ts'
import type { TlsSettings } from '../drivers/tls.ts'
import type { Connected } from '../drivers/transport.ts'
import { chooseProvider } from '../native/choose.ts'
import { Application } from './application.ts'
import type { FrameQueue, Received } from './frame-queue.ts'
import type { LivePeer } from './live-peer.ts'
import type { AnyOptions } from './options.ts'
import { overflowOf, relayOf, relayPlan } from './relay/config.ts'
import { RelayMember } from './relay/member.ts'
import { RelayServer } from './relay/server.ts'
import type { SessionService } from './session-service.ts'

export interface Side {
  readonly application: Application
  readonly shared: Shared
}

/** What all connections of one transport have in common. */
export function side(
  plan: Plan,
  params: Readonly<Record<string, unknown>>,
  options: AnyOptions,
  queue: FrameQueue<Received<LivePeer>>,
  peerOf: (session: Session) => LivePeer,
): Side {
  const service = serviceOf(plan, params, options)
  const application = new Application(plan, options, queue, peerOf, service)
  return {
    application,
    shared: shared({
      plan,
      sink: application,
      params,
      random: randomBytes,
      crypto: chooseProvider(),
      epoch: loop.epoch,
      meter: options.meter,
      overflow: options.overflow,
      closeTimeout: options.closeTimeout,
      payloads: options.payloads,
    }),
  }
}

/** What the schema's service does on this side. */
function serviceOf(
  plan: Plan,
  params: Readonly<Record<string, unknown>>,
  options: AnyOptions,
): SessionService | undefined {
  const relay = relayOf(plan)
  if (relay === undefined) return undefined
  const made = relayPlan(overflowOf(relay, options), plan)
  return plan.role.is.includes(relay.hub)
    ? new RelayServer(made, params, options.meter, options.hub)
    : new RelayMember(made, params)
}

/** Puts a machine on a stream connection, and begins. `makePeer` may make another object of the peer. */
export function drive<P extends LivePeer>(
  { shared: state }: Side,
  connected: Connected,
  makePeer: (session: Session, link: StreamLink) => P,
): { link: StreamLink; peer: P } {
  const connection = new StreamConnection(state, connected.address, loop.now())
  const link = new StreamLink(connection, events => connected.port(events))
  const peer = makePeer(connection.session, link)
  connection.session.owner = peer
  link.open()
  connected.start()
  return { link, peer }
}

/** The peer of a stream session was made with its link. */
export const ownPeer = (session: Session): LivePeer => session.owner as LivePeer

/** The public half of the static key of this side; undefined where its handshake has none that outlives a connection. */
export function staticPublicKey({ plan, params, crypto }: Shared): Uint8Array | undefined {
  const { noise } = plan.protocol.handshake?.script ?? {}
  if (noise === undefined || typeof noise.static !== 'function') return undefined
  const secret = noise.static({ param: params } as KeyScope)
  if (!(secret instanceof Uint8Array)) return undefined
  return crypto.curve(parseProtocolName(noise.suite).curve).publicKey(secret)
}

export function tlsSettings(plan: Plan, params: Readonly<Record<string, unknown>>): TlsSettings {
  const { handshake, name, profiles } = plan.protocol
  if (handshake?.tls === undefined)
    throw new LocalError('BadTarget', `${name} has a tls transport but no \`handshake.tls\` that says whom to trust`)
  return { tls: handshake.tls, timeout: handshake.timeout, params, profiles }
}

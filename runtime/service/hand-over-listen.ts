// Listening at both ends of a handshake that hands sessions over: a stream, and datagrams at the same port number.

import { CarriedEndpoint } from '../core/carried.ts'
import { datagramEndpoint } from '../core/endpoint.ts'
import { LocalError } from '../core/errors.ts'
import type { HandOverPlaces } from '../core/hand-over-places.ts'
import type { Plan } from '../core/plan.ts'
import type { TransportDescriptor } from '../core/protocol.ts'
import { SecureEndpoint } from '../core/secure-endpoint.ts'
import { listenTcp } from '../drivers/tcp.ts'
import { listenTls } from '../drivers/tls.ts'
import type { Endpoint, Listener } from '../drivers/transport.ts'
import {
  bindDatagram,
  type DatagramLink,
  type DatagramOptions,
  type DatagramSocket,
  datagramLink,
} from '../drivers/udp.ts'
import { HandOverServer } from './hand-over-server.ts'
import { LivePeer } from './live-peer.ts'
import { tlsSettings } from './parts.ts'
import type { Listening, MakeSide } from './serve.ts'

export interface HandOverParts {
  readonly plan: (transport: TransportDescriptor) => Plan
  readonly params: Readonly<Record<string, unknown>>
  readonly make: MakeSide
  /** How the sockets for datagrams are. */
  readonly sockets: DatagramOptions | undefined
}

/** `datagrams`: the port for them, where it is to be another one. */
export async function listenHandOver(
  at: Endpoint,
  datagrams: number | undefined,
  places: HandOverPlaces,
  { plan, params, make, sockets }: HandOverParts,
): Promise<Listening> {
  const stage = plan(places.from)
  let link: DatagramLink | undefined
  const side = make(session => new LivePeer(session, link as DatagramLink))
  const endpoint = datagramEndpoint(side.shared, true)
  if (!(endpoint instanceof SecureEndpoint))
    throw new LocalError('NotBuilt', `${stage.protocol.name}: keys are handed out, but nothing is sealed with them`)
  const socket = await bindDatagram({ host: at.host, port: datagrams ?? at.port }, places.to, sockets)
  const carried = places.script.continuation?.fallback === undefined ? undefined : new CarriedEndpoint(endpoint)
  link = datagramLink(socket, carried ?? endpoint)
  const server = new HandOverServer({
    places,
    shared: { ...side.shared, plan: stage },
    timeout: stage.protocol.handshake?.timeout ?? Number.POSITIVE_INFINITY,
    endpoint,
    carried,
    link,
    port: socket.port,
  })
  const listening = (port: number): Promise<Listener> => listen({ host: at.host, port }, places, stage, params, server)
  let listener: Listener
  try {
    listener = at.port === 0 ? await beside(socket, listening) : await listening(at.port)
  } catch (error) {
    link.destroy()
    throw error
  }
  return {
    at: [
      { transport: places.from.kind, host: listener.host, port: listener.port },
      { transport: places.to.kind, host: socket.host, port: socket.port },
    ],
    side,
    close: async () => {
      server.close()
      // Streams that carry packets end with their sessions.
      const stopped = listener.close()
      endpoint.close(link.now())
      link.soon()
      await link.closed
      await stopped
    },
  }
}

function listen(
  at: Endpoint,
  places: HandOverPlaces,
  stage: Plan,
  params: Readonly<Record<string, unknown>>,
  server: HandOverServer,
): Promise<Listener> {
  const accept = server.accept.bind(server)
  if (places.from.kind === 'tcp') return listenTcp(at, places.from, accept)
  return listenTls(at, places.from, tlsSettings(stage, params), {
    begin: server.begin.bind(server),
    accept,
    failed: server.failed.bind(server),
  })
}

/** At the number that the datagrams have, where nobody else listens there. */
async function beside(socket: DatagramSocket, listening: (port: number) => Promise<Listener>): Promise<Listener> {
  try {
    return await listening(socket.port)
  } catch (error) {
    if ((error as { cause?: { code?: string } }).cause?.code !== 'EADDRINUSE') throw error
    return listening(0)
  }
}

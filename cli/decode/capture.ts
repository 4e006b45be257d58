// From a capture file to inputs for the decoder: each UDP datagram, each direction of each TCP connection, with the
// framing that its transport has and the direction that the schema's ports tell.

import type { Protocol } from '../../generator/model/model.ts'
import type { Transport } from '../../generator/normalize/behaviour.ts'
import { type Flow, readFlows } from '../capture/flow.ts'
import { readSegments, type Segment } from '../capture/packet.ts'
import { readCapture } from '../capture/pcap.ts'
import type { Cutting } from './frames.ts'

export interface CapturedInput {
  readonly bytes: Uint8Array
  readonly cutting: Cutting
  /** Sender and receiver, where the port says which end accepts. */
  readonly dir: string | undefined
  /** Where and when the bytes at `offset` were seen, for output. */
  readonly about: (offset: number) => Record<string, unknown>
}

/** Traffic of `port`; without one, of the schema's ports if there is any, otherwise all of it. */
export function captureInputs(
  file: Uint8Array,
  protocol: Protocol,
  transports: readonly Transport[],
  port: number | undefined,
): CapturedInput[] {
  const { segments } = readSegments(readCapture(file))
  const udp = transports.find(({ kind }) => kind === 'udp')
  const tcp = transports.find(({ kind }) => kind === 'tcp')
  const ports = port === undefined ? portsOf(transports) : new Set([port])
  const wanted = (end: Ends): boolean => ports.has(end.fromPort) || ports.has(end.toPort)
  const some = <T extends Ends>(all: T[]): T[] => (port !== undefined || all.some(wanted) ? all.filter(wanted) : all)
  const datagrams = udp
    ? some(segments.filter(({ transport, payload }) => transport === 'udp' && payload.length > 0))
    : []
  const flows = tcp ? some(readFlows(segments)) : []
  const direction = (ends: Ends): string | undefined => directionOf(ends, ports, protocol)
  return [
    ...datagrams.map(segment => datagramInput(segment, udp!, direction(segment))),
    ...flows.map(flow => flowInput(flow, tcp!, direction(flow))),
  ]
}

type Ends = Pick<Segment, 'from' | 'to' | 'fromPort' | 'toPort'>

function datagramInput(
  { payload, from, to, time }: Segment,
  { framing, trailing }: Transport,
  dir: string | undefined,
): CapturedInput {
  const cutting: Cutting =
    framing.kind === 'datagram' ? { kind: 'whole', ignoreTrailing: trailing === 'ignore' } : framing
  return { bytes: payload, cutting, dir, about: () => ({ ...at(time), transport: 'udp', from, to }) }
}

function flowInput({ bytes, from, to, timeAt }: Flow, { framing }: Transport, dir: string | undefined): CapturedInput {
  return { bytes, cutting: framing, dir, about: offset => ({ ...at(timeAt(offset)), transport: 'tcp', from, to }) }
}

function at(time: number | undefined): { time?: string } {
  return time === undefined ? {} : { time: new Date(time).toISOString() }
}

function portsOf(transports: readonly Transport[]): Set<number> {
  return new Set(transports.flatMap(({ port }) => (port === undefined ? [] : [port])))
}

/** The end at a known port accepts. Nothing is said where roles are not two, or both ends could be it. */
function directionOf({ fromPort, toPort }: Ends, ports: ReadonlySet<number>, { roles }: Protocol): string | undefined {
  const dials = [...roles.values()].filter(({ transport }) => transport === 'dials')
  const accepts = [...roles.values()].filter(({ transport }) => transport === 'accepts')
  if (dials.length !== 1 || accepts.length !== 1 || ports.has(fromPort) === ports.has(toPort)) return undefined
  const [dialer, acceptor] = [dials[0]!.name, accepts[0]!.name]
  return ports.has(toPort) ? `${dialer}>${acceptor}` : `${acceptor}>${dialer}`
}

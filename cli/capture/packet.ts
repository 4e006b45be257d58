// From a captured packet to its UDP or TCP segment: link layer, IPv4 (RFC 791) with its fragments put together, IPv6
// (RFC 8200), UDP (RFC 768), TCP (RFC 9293). What is something else, or cut short, is left out.

import { hostPort } from '../input/host-port.ts'
import type { CapturedPacket } from './pcap.ts'

export interface Segment {
  readonly transport: 'udp' | 'tcp'
  readonly time: number | undefined
  /** `host:port`. */
  readonly from: string
  readonly to: string
  readonly fromPort: number
  readonly toPort: number
  readonly payload: Uint8Array
  /** TCP only. */
  readonly sequence: number
  readonly syn: boolean
  readonly fin: boolean
  readonly reset: boolean
}

export interface Segments {
  readonly segments: readonly Segment[]
  /** Packets that carry no UDP or TCP, or were cut short by the capture. */
  readonly skipped: number
}

/** The UDP datagrams and TCP segments in `packets`, in their order. */
export function readSegments(packets: readonly CapturedPacket[]): Segments {
  const fragments = new Map<string, Uint8Array[]>()
  const segments: Segment[] = []
  for (const packet of packets) {
    const segment = packet.cut === 0 ? readPacket(packet, fragments) : undefined
    if (segment) segments.push(segment)
  }
  return { segments, skipped: packets.length - segments.length }
}

function readPacket(packet: CapturedPacket, fragments: Map<string, Uint8Array[]>): Segment | undefined {
  const bytes = networkLayer(packet)
  if (!bytes || bytes.length < 20) return undefined
  const version = bytes[0]! >> 4
  if (version === 4) return readIPv4(bytes, packet.time, fragments)
  if (version === 6) return readIPv6(bytes, packet.time)
  return undefined
}

/** Strips the link layer by LINKTYPE. */
function networkLayer({ link, data }: CapturedPacket): Uint8Array | undefined {
  switch (link) {
    case 0: // BSD loopback: family in host order
    case 108: // OpenBSD loopback
      return data.subarray(4)
    case 1:
      return ethernet(data)
    case 12:
    case 14:
    case 101:
    case 228:
    case 229:
      return data // raw IP
    case 113:
      return data.subarray(16) // Linux cooked v1
    case 276:
      return data.subarray(20) // Linux cooked v2
    default:
      return undefined
  }
}

/** Ethernet II, with any number of VLAN tags (IEEE 802.1Q and 802.1ad). */
function ethernet(data: Uint8Array): Uint8Array | undefined {
  let at = 12
  for (;;) {
    if (at + 2 > data.length) return undefined
    const type = u16(data, at)
    if (type === 0x8100 || type === 0x88a8) at += 4
    else return type === 0x0800 || type === 0x86dd ? data.subarray(at + 2) : undefined
  }
}

function readIPv4(
  bytes: Uint8Array,
  time: number | undefined,
  fragments: Map<string, Uint8Array[]>,
): Segment | undefined {
  const header = (bytes[0]! & 15) * 4
  // 0 = segmentation was left to the network card: the packet is as long as the capture says.
  const total = u16(bytes, 2) || bytes.length
  if (header < 20 || total < header || total > bytes.length) return undefined
  const source = [...bytes.subarray(12, 16)].join('.')
  const target = [...bytes.subarray(16, 20)].join('.')
  const protocol = bytes[9]!
  let payload: Uint8Array | undefined = bytes.subarray(header, total)
  const offset = (u16(bytes, 6) & 0x1fff) * 8
  const more = (bytes[6]! & 0x20) !== 0
  if (offset > 0 || more) {
    payload = joinFragment(fragments, `${source} ${target} ${protocol} ${u16(bytes, 4)}`, offset, more, payload)
  }
  return payload && transportLayer(protocol, payload, source, target, time)
}

/** Keeps pieces in order of arrival; complete when they follow each other from 0 to the one without `more`. */
function joinFragment(
  fragments: Map<string, Uint8Array[]>,
  key: string,
  offset: number,
  more: boolean,
  piece: Uint8Array,
): Uint8Array | undefined {
  const pieces = fragments.get(key) ?? []
  const have = pieces.reduce((sum, part) => sum + part.length, 0)
  if (offset !== have) {
    // Out of order or lost: such a datagram is given up, a new first piece starts over.
    fragments.delete(key)
    if (offset !== 0) return undefined
    fragments.set(key, [piece])
    return undefined
  }
  pieces.push(piece)
  fragments.set(key, pieces)
  if (more) return undefined
  fragments.delete(key)
  return Buffer.concat(pieces)
}

function readIPv6(bytes: Uint8Array, time: number | undefined): Segment | undefined {
  if (bytes.length < 40) return undefined
  const end = Math.min(bytes.length, 40 + u16(bytes, 4))
  let next = bytes[6]!
  let at = 40
  // Hop-by-hop, routing and destination options; fragments (44) are not put together.
  while ((next === 0 || next === 43 || next === 60) && at + 8 <= end) {
    next = bytes[at]!
    at += (bytes[at + 1]! + 1) * 8
  }
  return at <= end
    ? transportLayer(next, bytes.subarray(at, end), formatIPv6(bytes, 8), formatIPv6(bytes, 24), time)
    : undefined
}

function transportLayer(
  protocol: number,
  bytes: Uint8Array,
  source: string,
  target: string,
  time: number | undefined,
): Segment | undefined {
  if (bytes.length < 8) return undefined
  const fromPort = u16(bytes, 0)
  const toPort = u16(bytes, 2)
  const ends = { time, from: hostPort(source, fromPort), to: hostPort(target, toPort), fromPort, toPort }
  if (protocol === 17) {
    const length = u16(bytes, 4)
    if (length < 8 || length > bytes.length) return undefined
    return {
      transport: 'udp',
      ...ends,
      payload: bytes.subarray(8, length),
      sequence: 0,
      syn: false,
      fin: false,
      reset: false,
    }
  }
  if (protocol !== 6 || bytes.length < 20) return undefined
  const header = (bytes[12]! >> 4) * 4
  if (header < 20 || header > bytes.length) return undefined
  const flags = bytes[13]!
  const sequence = u16(bytes, 4) * 65_536 + u16(bytes, 6)
  const payload = bytes.subarray(header)
  return { transport: 'tcp', ...ends, payload, sequence, syn: !!(flags & 2), fin: !!(flags & 1), reset: !!(flags & 4) }
}

/** As RFC 5952 writes it; the URL parser does the shortening. */
function formatIPv6(bytes: Uint8Array, at: number): string {
  const groups = Array.from({ length: 8 }, (_, i) => u16(bytes, at + 2 * i).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!
}

// Capture files for the tests of the dissector: payloads as UDP datagrams or as segments of one TCP connection between
// two made-up hosts (pcap 2.4, link type 101: raw IP).

export interface Packet {
  readonly payload: Uint8Array
  readonly transport: 'udp' | 'tcp'
  /** The server's port. */
  readonly port: number
  /** From the dialling side to the server's port, or back. */
  readonly up: boolean
}

export function capture(packets: readonly Packet[]): Uint8Array {
  const next = new Map<string, number>()
  const records = packets.map(({ payload, transport, port, up }, at) => {
    const [from, to] = up ? [CLIENT_PORT, port] : [port, CLIENT_PORT]
    const [key, back] = [`${from} ${to}`, `${to} ${from}`]
    const sequence = next.get(key) ?? 1
    next.set(key, sequence + payload.length)
    const segment = transport === 'udp' ? udp(from, to, payload) : tcp(from, to, sequence, next.get(back) ?? 1, payload)
    return record(at, ip(transport === 'udp' ? 17 : 6, up, segment))
  })
  return concat([u32le(0xa1b2c3d4), u16le(2), u16le(4), u32le(0), u32le(0), u32le(0xffff), u32le(101), ...records])
}

function record(at: number, packet: Uint8Array): Uint8Array {
  return concat([u32le(1_700_000_000), u32le(at), u32le(packet.length), u32le(packet.length), packet])
}

/** IPv4, RFC 791. Checksums stay zero: they are not looked at unless asked for. */
function ip(protocol: number, up: boolean, segment: Uint8Array): Uint8Array {
  const [from, to] = up ? [0x0a000001, 0x0a000002] : [0x0a000002, 0x0a000001]
  const head = [
    Uint8Array.of(0x45, 0),
    u16(20 + segment.length),
    u32(0),
    Uint8Array.of(64, protocol),
    u16(0),
    u32(from),
    u32(to),
  ]
  return concat([...head, segment])
}

function udp(from: number, to: number, payload: Uint8Array): Uint8Array {
  return concat([u16(from), u16(to), u16(8 + payload.length), u16(0), payload])
}

/** RFC 9293: a header of five words, ACK and PSH set. */
function tcp(from: number, to: number, sequence: number, ack: number, payload: Uint8Array): Uint8Array {
  return concat([u16(from), u16(to), u32(sequence), u32(ack), Uint8Array.of(0x50, 0x18), u16(0xffff), u32(0), payload])
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts))
}

function u16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff)
}

function u32(value: number): Uint8Array {
  return concat([u16(value >>> 16), u16(value & 0xffff)])
}

function u16le(value: number): Uint8Array {
  return u16(value).reverse()
}

function u32le(value: number): Uint8Array {
  return u32(value).reverse()
}

const CLIENT_PORT = 40_000

// Writes capture files and the packets in them, for tests.

interface IpOptions {
  readonly id?: number
  readonly offset?: number
  readonly more?: boolean
  /** From 10.0.0.2 to 10.0.0.1. */
  readonly swap?: boolean
}

/** Seconds and microseconds of every packet. */
const TIME = [1_700_000_000, 123_000] as const

export function pcap(
  link: number,
  packets: readonly Uint8Array[],
  { little = true, nano = false, cut = 0 }: { little?: boolean; nano?: boolean; cut?: number } = {},
): Buffer {
  const u32 = number32(little)
  const u16 = number16(little)
  const head = Buffer.concat([
    u32(nano ? 0xa1b2_3c4d : 0xa1b2_c3d4),
    u16(2),
    u16(4),
    u32(0),
    u32(0),
    u32(65_535),
    u32(link),
  ])
  const records = packets.flatMap(packet => [
    u32(TIME[0]),
    u32(nano ? TIME[1] * 1000 : TIME[1]),
    u32(packet.length - cut),
    u32(packet.length),
    packet.subarray(0, packet.length - cut),
  ])
  return Buffer.concat([head, ...records])
}

export function pcapng(link: number, packets: readonly Uint8Array[], little: boolean): Buffer {
  const u32 = number32(little)
  const u16 = number16(little)
  const block = (type: number, ...body: Uint8Array[]) => {
    const content = Buffer.concat(body)
    const padding = Buffer.alloc((4 - (content.length % 4)) % 4)
    const length = u32(12 + content.length + padding.length)
    return Buffer.concat([u32(type), length, content, padding, length])
  }
  // if_tsresol 9: nanoseconds.
  const resolution = Buffer.concat([u16(9), u16(1), Buffer.from([9, 0, 0, 0]), u16(0), u16(0)])
  const time = BigInt(TIME[0]) * 1_000_000_000n + BigInt(TIME[1]) * 1000n
  return Buffer.concat([
    block(0x0a0d_0d0a, u32(0x1a2b_3c4d), u16(1), u16(0), u32(0xffff_ffff), u32(0xffff_ffff)),
    block(1, u16(link), u16(0), u32(0), resolution),
    ...packets.map(packet =>
      block(
        6,
        u32(0),
        u32(Number(time >> 32n)),
        u32(Number(time & 0xffff_ffffn)),
        u32(packet.length),
        u32(packet.length),
        packet,
      ),
    ),
  ])
}

export function ethernet(packet: Uint8Array, tag: readonly number[] = []): Buffer {
  const type = packet[0]! >> 4 === 6 ? 0x86dd : 0x0800
  return Buffer.concat([Buffer.alloc(12), ...tag.map(be16), be16(type), packet])
}

export function ipv4(protocol: number, payload: Uint8Array, options: IpOptions = {}): Buffer {
  const { id = 0, offset = 0, more = false, swap = false } = options
  const source = Buffer.from([10, 0, 0, swap ? 2 : 1])
  const target = Buffer.from([10, 0, 0, swap ? 1 : 2])
  const head = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0])
  head.writeUInt16BE(20 + payload.length, 2)
  head.writeUInt16BE(id, 4)
  head.writeUInt16BE((more ? 0x2000 : 0) | (offset / 8), 6)
  return Buffer.concat([head, source, target, payload])
}

export function ipv6(source: string, target: string, next: number, payload: Uint8Array): Buffer {
  const head = Buffer.from([0x60, 0, 0, 0, 0, 0, next, 64])
  head.writeUInt16BE(payload.length, 4)
  return Buffer.concat([head, address(source), address(target), payload])
}

export function udp(from: number, to: number, payload: Uint8Array): Buffer {
  return Buffer.concat([be16(from), be16(to), be16(8 + payload.length), be16(0), payload])
}

export function tcp(
  from: number,
  to: number,
  sequence: number,
  payload: Uint8Array,
  flags: { syn?: boolean } = {},
): Buffer {
  const numbers = Buffer.alloc(8)
  numbers.writeUInt32BE(sequence, 0)
  return Buffer.concat([
    be16(from),
    be16(to),
    numbers,
    Buffer.from([0x50, flags.syn ? 2 : 0x18, 0, 0, 0, 0, 0, 0]),
    payload,
  ])
}

function address(text: string): Buffer {
  const [left = '', right = ''] = text.split('::')
  const head = left.split(':').filter(Boolean)
  const tail = right.split(':').filter(Boolean)
  const groups = [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail]
  return Buffer.concat(groups.map(group => be16(Number.parseInt(group, 16))))
}

function be16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

const number32 = (little: boolean) => (value: number) => {
  const bytes = Buffer.alloc(4)
  little ? bytes.writeUInt32LE(value) : bytes.writeUInt32BE(value)
  return bytes
}

const number16 = (little: boolean) => (value: number) => {
  const bytes = Buffer.alloc(2)
  little ? bytes.writeUInt16LE(value) : bytes.writeUInt16BE(value)
  return bytes
}

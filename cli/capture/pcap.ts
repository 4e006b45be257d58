// Reads capture files: classic pcap (microseconds and nanoseconds, either byte order) and pcapng, as tcpdump and
// Wireshark write them (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng). Gives the captured packets; what is in
// them is for packet.ts.

import { Failure } from '../failure.ts'

export interface CapturedPacket {
  /** LINKTYPE of the interface. */
  readonly link: number
  /** Unix milliseconds, undefined where the file has no time for it. */
  readonly time: number | undefined
  readonly data: Uint8Array
  /** Bytes of the packet that the capture did not keep (snap length). */
  readonly cut: number
}

/** Packets in the order of the file. A file that ends in the middle of a packet gives those before it. */
export function readCapture(file: Uint8Array): CapturedPacket[] {
  if (file.length < 24) throw notCapture()
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (view.getUint32(0) === SECTION) return readNext(view, file)
  const magic = view.getUint32(0, true)
  const classic = CLASSIC.find(kind => kind.magic === magic)
  if (!classic) throw notCapture()
  return readClassic(view, file, classic.little, classic.tick)
}

function readClassic(view: DataView, file: Uint8Array, little: boolean, tick: number): CapturedPacket[] {
  const link = view.getUint32(20, little) & 0x0fff_ffff
  const packets: CapturedPacket[] = []
  for (let at = 24; at + 16 <= file.length; ) {
    const kept = view.getUint32(at + 8, little)
    const end = at + 16 + kept
    if (end > file.length) break
    const time = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) * tick
    const cut = Math.max(0, view.getUint32(at + 12, little) - kept)
    packets.push({ link, time, data: file.subarray(at + 16, end), cut })
    at = end
  }
  return packets
}

interface Interface {
  readonly link: number
  /** Milliseconds a unit of the time stamp. */
  readonly tick: number
}

function readNext(view: DataView, file: Uint8Array): CapturedPacket[] {
  const packets: CapturedPacket[] = []
  let interfaces: Interface[] = []
  let little = false
  for (let at = 0; at + 12 <= file.length; ) {
    const type = view.getUint32(at, little)
    if (type === SECTION) {
      little = view.getUint32(at + 8, true) === BYTE_ORDER
      interfaces = []
    }
    const length = view.getUint32(at + 4, little)
    if (length < 12 || length % 4 !== 0 || at + length > file.length) break
    const end = at + length - 4
    if (type === INTERFACE && length >= 20) interfaces.push(readInterface(view, at, end, little))
    else if (type === ENHANCED && length >= 32) {
      const from = interfaces[view.getUint32(at + 8, little)]
      const kept = view.getUint32(at + 20, little)
      if (from && at + 28 + kept <= end) {
        const time = (view.getUint32(at + 12, little) * 2 ** 32 + view.getUint32(at + 16, little)) * from.tick
        const cut = Math.max(0, view.getUint32(at + 24, little) - kept)
        packets.push({ link: from.link, time, data: file.subarray(at + 28, at + 28 + kept), cut })
      }
    } else if (type === SIMPLE && interfaces[0]) {
      const size = view.getUint32(at + 8, little)
      const kept = Math.min(size, end - at - 12)
      packets.push({
        link: interfaces[0].link,
        time: undefined,
        data: file.subarray(at + 12, at + 12 + kept),
        cut: size - kept,
      })
    }
    at += length
  }
  return packets
}

/** Interface description block; option 9 (if_tsresol) is a power of ten, or of two with the top bit. */
function readInterface(view: DataView, at: number, end: number, little: boolean): Interface {
  let tick = 1e-3
  for (let option = at + 16; option + 4 <= end; ) {
    const code = view.getUint16(option, little)
    const length = view.getUint16(option + 2, little)
    if (code === 0) break
    if (code === 9 && length === 1 && option + 4 < end) {
      const resolution = view.getUint8(option + 4)
      tick = 1000 * (resolution & 0x80 ? 2 ** -(resolution & 0x7f) : 10 ** -resolution)
    }
    option += 4 + length + ((4 - (length % 4)) % 4)
  }
  return { link: view.getUint16(at + 8, little), tick }
}

function notCapture(): Failure {
  return new Failure('invalid', 'BadCapture', 'this is no capture file: neither pcap nor pcapng')
}

const SECTION = 0x0a0d_0d0a
const BYTE_ORDER = 0x1a2b_3c4d
const INTERFACE = 1
const SIMPLE = 3
const ENHANCED = 6
/** Magic numbers as read little endian; tick = milliseconds a unit of the fraction. */
const CLASSIC = [
  { magic: 0xa1b2_c3d4, little: true, tick: 1e-3 },
  { magic: 0xd4c3_b2a1, little: false, tick: 1e-3 },
  { magic: 0xa1b2_3c4d, little: true, tick: 1e-6 },
  { magic: 0x4d3c_b2a1, little: false, tick: 1e-6 },
] as const

// Hand-written codec on one permanent DataView: what a careful programmer writes for these two messages and no others. It
// refuses what the others refuse too: numbers that do not fit, unknown kinds, malformed text, wrong lengths.
import { isUtf8 } from 'node:buffer'
import { KINDS, type Packet, type Report, type Subject } from '../messages.ts'

const slab = new Uint8Array(4096)
const out = new DataView(slab.buffer)

function encodePacket(m: Packet, at: number): number {
  const { flags, session, sequence, ack, payload } = m
  if (!(payload instanceof Uint8Array)) throw new TypeError('payload')
  const length = payload.length
  if (length > 0xffff) throw new RangeError('payload too long')
  if (flags !== (flags & 0xff)) throw new RangeError('flags')
  if (session !== session >>> 0 || sequence !== sequence >>> 0 || ack !== ack >>> 0) throw new RangeError('u32')
  out.setUint8(at, 1)
  out.setUint8(at + 1, flags)
  out.setUint16(at + 2, length)
  out.setUint32(at + 4, session)
  out.setUint32(at + 8, sequence)
  out.setUint32(at + 12, ack)
  slab.set(payload, at + 16)
  return at + 16 + length
}

function decodePacket(bytes: Uint8Array): number {
  if (bytes.length < 16) throw new RangeError('truncated')
  if (bytes[0] !== 1) throw new RangeError('type')
  const length = (bytes[2]! << 8) | bytes[3]!
  if (bytes.length !== 16 + length) throw new RangeError('length')
  const flags = bytes[1]!
  const session = ((bytes[4]! << 24) | (bytes[5]! << 16) | (bytes[6]! << 8) | bytes[7]!) >>> 0
  const sequence = ((bytes[8]! << 24) | (bytes[9]! << 16) | (bytes[10]! << 8) | bytes[11]!) >>> 0
  const ack = ((bytes[12]! << 24) | (bytes[13]! << 16) | (bytes[14]! << 8) | bytes[15]!) >>> 0
  return flags + session + sequence + ack + length + bytes[16]! + bytes[127]!
}

const FLOAT = new Float32Array(1)
const FLOAT_WORD = new Int32Array(FLOAT.buffer)

function writeText(text: string, at: number): number {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c > 0x7f) return at + Buffer.from(slab.buffer).write(text, at, 'utf8')
    slab[at + i] = c
  }
  return at + text.length
}

function readText(bytes: Uint8Array, at: number, end: number): string {
  if (end > bytes.length) throw new RangeError('truncated')
  if (end - at > 16) return readLong(bytes, at, end)
  let text = ''
  for (let i = at; i < end; i++) {
    const c = bytes[i]!
    if (c > 0x7f) return readLong(bytes, at, end)
    text += String.fromCharCode(c)
  }
  return text
}

function readLong(bytes: Uint8Array, at: number, end: number): string {
  let all = 0
  for (let i = at; i < end; i++) all |= bytes[i]!
  if (all > 0x7f && !isUtf8(bytes.subarray(at, end))) throw new RangeError('text')
  return (bytes as Buffer).toString('utf8', at, end)
}

function readFloat(bytes: Uint8Array, at: number): number {
  FLOAT_WORD[0] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  return FLOAT[0]!
}

function encodeReport(m: Report, at: number): number {
  const kind = KINDS.indexOf(m.kind)
  if (kind < 0) throw new RangeError('kind')
  const { health, sector, score, tick, serial } = m
  if (health !== (health & 0xff) || sector !== (sector & 0xffff)) throw new RangeError('health or sector')
  if (score !== (score | 0) || tick !== tick >>> 0) throw new RangeError('score or tick')
  if (serial.lo !== serial.lo >>> 0 || serial.hi !== serial.hi >>> 0) throw new RangeError('serial')
  out.setUint8(at, 1)
  out.setUint8(at + 1, kind)
  out.setUint8(at + 2, m.health)
  out.setUint16(at + 3, m.sector, true)
  out.setInt32(at + 5, m.score, true)
  out.setUint32(at + 9, m.tick, true)
  out.setUint32(at + 13, m.serial.lo, true)
  out.setUint32(at + 17, m.serial.hi, true)
  out.setFloat32(at + 21, m.x, true)
  out.setFloat32(at + 25, m.y, true)
  out.setFloat32(at + 29, m.z, true)
  out.setFloat32(at + 33, m.vx, true)
  out.setFloat32(at + 37, m.vy, true)
  out.setFloat32(at + 41, m.vz, true)
  out.setFloat32(at + 45, m.heading, true)
  out.setFloat32(at + 49, m.fuel, true)
  let end = writeText(m.name, at + 54)
  if (end - at - 54 > 0xff) throw new RangeError('name too long')
  out.setUint8(at + 53, end - at - 54)
  const status = end
  end = writeText(m.status, status + 2)
  if (end - status - 2 > 0xffff) throw new RangeError('status too long')
  out.setUint16(status, end - status - 2, true)
  return end
}

function decodeReport(bytes: Uint8Array): number {
  if (bytes.length < 54) throw new RangeError('truncated')
  if (bytes[0] !== 1) throw new RangeError('type')
  const kind = KINDS[bytes[1]!]
  if (kind === undefined) throw new RangeError('kind')
  const health = bytes[2]!
  const sector = bytes[3]! | (bytes[4]! << 8)
  const score = bytes[5]! | (bytes[6]! << 8) | (bytes[7]! << 16) | (bytes[8]! << 24)
  const tick = (bytes[9]! | (bytes[10]! << 8) | (bytes[11]! << 16) | (bytes[12]! << 24)) >>> 0
  const low = (bytes[13]! | (bytes[14]! << 8) | (bytes[15]! << 16) | (bytes[16]! << 24)) >>> 0
  const high = (bytes[17]! | (bytes[18]! << 8) | (bytes[19]! << 16) | (bytes[20]! << 24)) >>> 0
  const serial = { hi: high, lo: low }
  const nameEnd = 54 + bytes[53]!
  const name = readText(bytes, 54, nameEnd)
  const statusAt = nameEnd + 2
  const statusEnd = statusAt + (bytes[nameEnd]! | (bytes[nameEnd + 1]! << 8))
  const status = readText(bytes, statusAt, statusEnd)
  return (
    KINDS.indexOf(kind) +
    health +
    sector +
    score +
    tick +
    serial.lo +
    readFloat(bytes, 21) +
    readFloat(bytes, 25) +
    readFloat(bytes, 29) +
    readFloat(bytes, 33) +
    readFloat(bytes, 37) +
    readFloat(bytes, 41) +
    readFloat(bytes, 45) +
    readFloat(bytes, 49) +
    name.length +
    status.length +
    name.charCodeAt(7)
  )
}

export const subject: Subject = {
  name: 'hand-written',
  note: 'DataView and byte shifts, no library',
  packet: { encode: m => encodePacket(m, 0), wire: m => slab.slice(0, encodePacket(m, 0)), decode: decodePacket },
  report: { encode: m => encodeReport(m, 0), wire: m => slab.slice(0, encodeReport(m, 0)), decode: decodeReport },
}

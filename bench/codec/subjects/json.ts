// JSON.stringify and JSON.parse, bytes as base64, u64 as text: what people do without a tool.
import { KINDS, type Packet, type Report, type Subject } from '../messages.ts'

const encodePacket = (m: Packet): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      ...m,
      payload: Buffer.from(m.payload.buffer, m.payload.byteOffset, m.payload.length).toString('base64'),
    }),
  )
const encodeReport = (m: Report): Uint8Array => Buffer.from(JSON.stringify(m))

function decodePacket(bytes: Uint8Array): number {
  const m = JSON.parse((bytes as Buffer).toString()) as Omit<Packet, 'payload'> & { payload: string }
  const payload = Buffer.from(m.payload, 'base64')
  return m.flags + m.session + m.sequence + m.ack + payload.length + payload[0]! + payload[111]!
}

function decodeReport(bytes: Uint8Array): number {
  const m = JSON.parse((bytes as Buffer).toString()) as Report
  return (
    KINDS.indexOf(m.kind) +
    m.health +
    m.sector +
    m.score +
    m.tick +
    m.serial.lo +
    m.x +
    m.y +
    m.z +
    m.vx +
    m.vy +
    m.vz +
    m.heading +
    m.fuel +
    m.name.length +
    m.status.length +
    m.name.charCodeAt(7)
  )
}

export const subject: Subject = {
  name: 'JSON',
  note: 'JSON.parse and JSON.stringify, payload as base64',
  packet: { encode: encodePacket, wire: encodePacket, decode: decodePacket },
  report: { encode: encodeReport, wire: encodeReport, decode: decodeReport },
}

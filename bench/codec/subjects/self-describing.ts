// The self-describing formats: msgpackr (with shared records, its fast mode) and cbor-x (with shared structures).
import { Encoder } from 'cbor-x'
import { Packr } from 'msgpackr'
import { KINDS, low, type Packet, type Report, type Subject, withBig } from '../messages.ts'

function sumPacket(m: Packet): number {
  return m.flags + m.session + m.sequence + m.ack + m.payload.length + m.payload[0]! + m.payload[111]!
}

function sumReport(m: Report): number {
  return (
    KINDS.indexOf(m.kind) +
    m.health +
    m.sector +
    m.score +
    m.tick +
    low(m.serial as unknown as bigint) +
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

function over(
  name: string,
  note: string,
  encode: (m: object) => Uint8Array,
  decode: (bytes: Uint8Array) => unknown,
): Subject {
  return {
    name,
    note,
    packet: { encode, wire: m => Buffer.from(encode(m)), decode: bytes => sumPacket(decode(bytes) as Packet) },
    report: {
      prepare: m => withBig(m) as never,
      encode,
      wire: m => Buffer.from(encode(m)),
      decode: bytes => sumReport(decode(bytes) as Report),
    },
  }
}

const packr = new Packr({ structures: [], int64AsType: 'bigint' })
const cbor = new Encoder({ structures: [], useRecords: true })

export const msgpackr: Subject = over(
  'msgpackr',
  'Packr with shared structures',
  m => packr.pack(m),
  b => packr.unpack(b),
)
export const cborx: Subject = over(
  'cbor-x',
  'Encoder with shared structures',
  m => cbor.encode(m),
  b => cbor.decode(b as Buffer),
)

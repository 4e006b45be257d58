// flatbuffers: builder and accessors as its compiler would emit them for two tables, strings decoded as text.
import { Builder, ByteBuffer } from 'flatbuffers'
import { KINDS, low, type Packet, type Report, type Subject, withBig } from '../messages.ts'

const builder = new Builder(1024)

function encodePacket(m: Packet): Uint8Array {
  builder.clear()
  const payload = builder.createByteVector(m.payload)
  builder.startObject(5)
  builder.addFieldInt8(0, m.flags, 0)
  builder.addFieldInt32(1, m.session, 0)
  builder.addFieldInt32(2, m.sequence, 0)
  builder.addFieldInt32(3, m.ack, 0)
  builder.addFieldOffset(4, payload, 0)
  builder.finish(builder.endObject())
  return builder.asUint8Array()
}

function decodePacket(bytes: Uint8Array): number {
  const bb = new ByteBuffer(bytes)
  const at = bb.readInt32(bb.position()) + bb.position()
  const field = (slot: number) => bb.__offset(at, 4 + 2 * slot)
  const o = field(4)
  const payload = new Uint8Array(bytes.buffer, bytes.byteOffset + bb.__vector(at + o), bb.__vector_len(at + o))
  const flags = field(0)
  const sequence = field(2)
  const ack = field(3)
  return (
    (flags ? bb.readUint8(at + flags) : 0) +
    bb.readUint32(at + field(1)) +
    (sequence ? bb.readUint32(at + sequence) : 0) +
    (ack ? bb.readUint32(at + ack) : 0) +
    payload.length +
    payload[0]! +
    payload[111]!
  )
}

function encodeReport(m: Report): Uint8Array {
  builder.clear()
  const name = builder.createString(m.name)
  const status = builder.createString(m.status)
  builder.startObject(16)
  builder.addFieldInt64(5, m.serial as unknown as bigint, 0n)
  builder.addFieldInt32(3, m.score, 0)
  builder.addFieldInt32(4, m.tick, 0)
  builder.addFieldFloat32(6, m.x, 0)
  builder.addFieldFloat32(7, m.y, 0)
  builder.addFieldFloat32(8, m.z, 0)
  builder.addFieldFloat32(9, m.vx, 0)
  builder.addFieldFloat32(10, m.vy, 0)
  builder.addFieldFloat32(11, m.vz, 0)
  builder.addFieldFloat32(12, m.heading, 0)
  builder.addFieldFloat32(13, m.fuel, 0)
  builder.addFieldOffset(14, name, 0)
  builder.addFieldOffset(15, status, 0)
  builder.addFieldInt16(2, m.sector, 0)
  builder.addFieldInt8(0, KINDS.indexOf(m.kind), 0)
  builder.addFieldInt8(1, m.health, 0)
  builder.finish(builder.endObject())
  return builder.asUint8Array()
}

function decodeReport(bytes: Uint8Array): number {
  const bb = new ByteBuffer(bytes)
  const at = bb.readInt32(bb.position()) + bb.position()
  const u8 = (slot: number) => {
    const o = bb.__offset(at, 4 + 2 * slot)
    return o ? bb.readUint8(at + o) : 0
  }
  const float = (slot: number) => {
    const o = bb.__offset(at, 4 + 2 * slot)
    return o ? bb.readFloat32(at + o) : 0
  }
  const sector = bb.__offset(at, 8)
  const score = bb.__offset(at, 10)
  const tick = bb.__offset(at, 12)
  const serial = bb.readUint64(at + bb.__offset(at, 14))
  const name = bb.__string(at + bb.__offset(at, 32)) as string
  const status = bb.__string(at + bb.__offset(at, 34)) as string
  return (
    u8(0) +
    u8(1) +
    (sector ? bb.readUint16(at + sector) : 0) +
    (score ? bb.readInt32(at + score) : 0) +
    (tick ? bb.readUint32(at + tick) : 0) +
    low(serial) +
    float(6) +
    float(7) +
    float(8) +
    float(9) +
    float(10) +
    float(11) +
    float(12) +
    float(13) +
    name.length +
    status.length +
    name.charCodeAt(7)
  )
}

export const subject: Subject = {
  name: 'flatbuffers',
  note: 'builder and accessors as the compiler emits them',
  packet: { encode: encodePacket, wire: m => encodePacket(m).slice(), decode: decodePacket },
  report: {
    prepare: m => withBig(m) as never,
    encode: encodeReport,
    wire: m => encodeReport(m).slice(),
    decode: decodeReport,
  },
}

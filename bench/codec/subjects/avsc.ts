// avsc: Avro types compiled at start; fixed-width fields as its int/long/float, bytes and strings as Avro's.
import avro from 'avsc'
import { KINDS, low, type Packet, type Report, type Subject, withBig } from '../messages.ts'

const long = avro.types.LongType.__with({
  fromBuffer: (b: Buffer) => b.readBigInt64LE(),
  toBuffer: (n: bigint) => {
    const b = Buffer.alloc(8)
    b.writeBigInt64LE(n)
    return b
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (n: unknown) => typeof n === 'bigint',
  compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
})
const packetType = avro.Type.forSchema({
  type: 'record',
  name: 'Packet',
  fields: [
    { name: 'flags', type: 'int' },
    { name: 'session', type: 'long' },
    { name: 'sequence', type: 'int' },
    { name: 'ack', type: 'int' },
    { name: 'payload', type: 'bytes' },
  ],
})
const reportType = avro.Type.forSchema(
  {
    type: 'record',
    name: 'Report',
    fields: [
      { name: 'kind', type: { type: 'enum', name: 'Kind', symbols: [...KINDS] } },
      { name: 'health', type: 'int' },
      { name: 'sector', type: 'int' },
      { name: 'score', type: 'int' },
      { name: 'tick', type: 'int' },
      { name: 'serial', type: 'long' },
      ...['x', 'y', 'z', 'vx', 'vy', 'vz', 'heading', 'fuel'].map(name => ({ name, type: 'float' as const })),
      { name: 'name', type: 'string' },
      { name: 'status', type: 'string' },
    ],
  },
  { registry: { long } as never },
)

const slab = Buffer.alloc(4096)
function decodePacket(bytes: Uint8Array): number {
  const m = packetType.fromBuffer(bytes as Buffer) as Packet
  return m.flags + m.session + m.sequence + m.ack + m.payload.length + m.payload[0]! + m.payload[111]!
}

function decodeReport(bytes: Uint8Array): number {
  const m = reportType.fromBuffer(bytes as Buffer) as Report
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

export const subject: Subject = {
  name: 'avsc',
  note: 'compiled Avro types, encoded into a slab, long as bigint',
  packet: {
    prepare: m => ({ ...m, payload: Buffer.from(m.payload) }) as never,
    encode: m => packetType.encode(m, slab, 0),
    wire: m => packetType.toBuffer(m),
    decode: decodePacket,
  },
  report: {
    prepare: m => withBig(m) as never,
    encode: m => reportType.encode(m, slab, 0),
    wire: m => reportType.toBuffer(m),
    decode: decodeReport,
  },
}

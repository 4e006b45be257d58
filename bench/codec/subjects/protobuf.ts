// The two protobuf libraries: protobufjs (reflection that compiles code) and protobuf-es (descriptor driven, as its
// generated code is). Both from the same descriptor: fixed-width where the message is fixed, u64 as fixed64.
import { create, createFileRegistry, type DescMessage, fromBinary, toBinary } from '@bufbuild/protobuf'
import {
  FieldDescriptorProto_Label,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Type as T,
} from '@bufbuild/protobuf/wkt'
import protobufjs from 'protobufjs'
import { KINDS, low, type Packet, type Report, type Subject, withBig } from '../messages.ts'

const PACKET_FIELDS = [
  ['flags', T.UINT32],
  ['session', T.FIXED32],
  ['sequence', T.FIXED32],
  ['ack', T.FIXED32],
  ['payload', T.BYTES],
] as const
const REPORT_FIELDS = [
  ['kind', T.UINT32],
  ['health', T.UINT32],
  ['sector', T.UINT32],
  ['score', T.SINT32],
  ['tick', T.FIXED32],
  ['serial', T.FIXED64],
  ['x', T.FLOAT],
  ['y', T.FLOAT],
  ['z', T.FLOAT],
  ['vx', T.FLOAT],
  ['vy', T.FLOAT],
  ['vz', T.FLOAT],
  ['heading', T.FLOAT],
  ['fuel', T.FLOAT],
  ['name', T.STRING],
  ['status', T.STRING],
] as const
const JS_TYPES: Record<number, string> = {
  [T.UINT32]: 'uint32',
  [T.FIXED32]: 'fixed32',
  [T.SINT32]: 'sint32',
  [T.FIXED64]: 'fixed64',
  [T.FLOAT]: 'float',
  [T.STRING]: 'string',
  [T.BYTES]: 'bytes',
}

const file = create(FileDescriptorProtoSchema, {
  name: 'bench.proto',
  syntax: 'proto3',
  messageType: (
    [
      ['Packet', PACKET_FIELDS],
      ['Report', REPORT_FIELDS],
    ] as const
  ).map(([name, fields]) => ({
    name,
    field: fields.map(([field, type], i) => ({
      name: field,
      number: i + 1,
      type,
      label: FieldDescriptorProto_Label.OPTIONAL,
      jsonName: field,
    })),
  })),
})
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }))
const packetDesc = registry.getMessage('Packet') as DescMessage
const reportDesc = registry.getMessage('Report') as DescMessage

const root = new protobufjs.Root()
for (const [name, fields] of [
  ['Packet', PACKET_FIELDS],
  ['Report', REPORT_FIELDS],
] as const) {
  const type = new protobufjs.Type(name)
  fields.forEach(([field, kind], i) => {
    type.add(new protobufjs.Field(field, i + 1, JS_TYPES[kind]!))
  })
  root.add(type)
}
const packetJs = root.lookupType('Packet')
const reportJs = root.lookupType('Report')

const kindNumber = (m: Report) => ({ ...m, kind: KINDS.indexOf(m.kind) })

type Numbers = Omit<Report, 'kind' | 'serial'> & { kind: number; serial: unknown }
function sumReport(m: Numbers, serial: number): number {
  return (
    m.kind +
    m.health +
    m.sector +
    m.score +
    m.tick +
    serial +
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
function sumPacket(m: Packet): number {
  return m.flags + m.session + m.sequence + m.ack + m.payload.length + m.payload[0]! + m.payload[111]!
}

const esPacket = (m: Packet) => toBinary(packetDesc, m as never)
const esReport = (m: Report) => toBinary(reportDesc, m as never)
const jsPacket = (m: Packet) => packetJs.encode(m as never).finish()
const jsReport = (m: Report) => reportJs.encode(m as never).finish()

export const protobufEs: Subject = {
  name: 'protobuf-es',
  note: '@bufbuild/protobuf, fixed-width fields',
  packet: {
    prepare: m => create(packetDesc, m as never) as never,
    encode: esPacket,
    wire: esPacket,
    decode: b => sumPacket(fromBinary(packetDesc, b) as never),
  },
  report: {
    prepare: m => create(reportDesc, { ...kindNumber(m), serial: withBig(m).serial } as never) as never,
    encode: esReport,
    wire: esReport,
    decode: b => {
      const m = fromBinary(reportDesc, b) as unknown as Numbers
      return sumReport(m, low(m.serial as bigint))
    },
  },
}

export const protobufJs: Subject = {
  name: 'protobufjs',
  note: 'reflection with compiled encoders, fixed-width fields',
  packet: {
    prepare: m => packetJs.create(m as never) as never,
    encode: jsPacket,
    wire: jsPacket,
    decode: b => sumPacket(packetJs.decode(b) as never),
  },
  report: {
    // Pairs, the form in which this library reads and writes 64 bits without its optional Long.
    prepare: m =>
      reportJs.create({ ...kindNumber(m), serial: { low: m.serial.lo, high: m.serial.hi, unsigned: true } }) as never,
    encode: jsReport,
    wire: jsReport,
    decode: b => {
      const m = reportJs.decode(b) as unknown as Numbers
      const { serial } = m
      return sumReport(m, typeof serial === 'number' ? serial % 0x1_0000_0000 : (serial as { low: number }).low >>> 0)
    },
  },
}

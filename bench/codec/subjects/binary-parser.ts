// binary-parser: decodes our own wire format from a declaration; it cannot encode, so the hand-written encoder stands in
// and its encode figure is not reported.
import { Parser } from 'binary-parser/dist/binary_parser.js'
import { low, type Packet, type Report, type Subject } from '../messages.ts'
import { subject as hand } from './hand.ts'

const packetParser = new Parser()
  .endianess('big')
  .uint8('type', { assert: 1 })
  .uint8('flags')
  .uint16('length')
  .uint32('session')
  .uint32('sequence')
  .uint32('ack')
  .buffer('payload', { length: 'length' })
const reportParser = new Parser()
  .endianess('little')
  .uint8('type', { assert: 1 })
  .uint8('kind')
  .uint8('health')
  .uint16('sector')
  .int32('score')
  .uint32('tick')
  .uint64('serial')
  .floatle('x')
  .floatle('y')
  .floatle('z')
  .floatle('vx')
  .floatle('vy')
  .floatle('vz')
  .floatle('heading')
  .floatle('fuel')
  .uint8('nameLength')
  .string('name', { length: 'nameLength' })
  .uint16('statusLength')
  .string('status', { length: 'statusLength' })

function decodePacket(bytes: Uint8Array): number {
  const m = packetParser.parse(bytes as Buffer) as unknown as Packet
  return m.flags + m.session + m.sequence + m.ack + m.payload.length + m.payload[0]! + m.payload[111]!
}

function decodeReport(bytes: Uint8Array): number {
  const m = reportParser.parse(bytes as Buffer) as unknown as Omit<Report, 'kind'> & { kind: number }
  return (
    m.kind +
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
  name: 'binary-parser',
  note: 'decodes only',
  packet: { ...hand.packet, decode: decodePacket },
  report: { ...hand.report, decode: decodeReport },
}

// The generated codec: made from bench/schema by the generator of this checkout, written to a temporary folder and loaded
// from there, exactly as `proto gen` would make it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Codec } from '../../../runtime/wire/codec.ts'
import { KINDS, type Packet, type Report, type Subject } from '../messages.ts'

const WHOLE = { whole: true } as const

interface PacketModule {
  readonly BenchPacketCodec: new () => Codec
  readonly encodePacket: (value: Packet, into: Uint8Array, at: number) => number
}
interface PacketFrame extends Packet {
  readonly payloadAt: number
  readonly payloadLength: number
  readonly byteSource: Uint8Array
}
interface ReportModule {
  readonly BenchRecordCodec: new () => Codec
  readonly encodeReport: (value: Report, into: Uint8Array, at: number) => number
}

const folder = mkdtempSync(join(tmpdir(), 'bench-'))
execFileSync(process.execPath, ['--import', 'tsx', fileURLToPath(new URL('../generate.ts', import.meta.url)), folder])
const { BenchPacketCodec, encodePacket } = await load<PacketModule>('bench-packet')
const { BenchRecordCodec, encodeReport } = await load<ReportModule>('bench-record')
rmSync(folder, { recursive: true, force: true })
const packetCodec = new BenchPacketCodec()
const reportCodec = new BenchRecordCodec()
const slab = new Uint8Array(4096)

function decodePacket(bytes: Uint8Array): number {
  const m = packetCodec.decode(bytes, 0, bytes.length, WHOLE) as unknown as PacketFrame
  const at = m.payloadAt
  return m.flags + m.session + m.sequence + m.ack + m.payloadLength + m.byteSource[at]! + m.byteSource[at + 111]!
}

function decodeReport(bytes: Uint8Array): number {
  const m = reportCodec.decode(bytes, 0, bytes.length, WHOLE) as unknown as Report
  const name = m.name
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
    name.length +
    m.status.length +
    name.charCodeAt(7)
  )
}

export const subject: Subject = {
  name: 'generated',
  note: 'flyweight reader and encoder into a slab, made by proto gen',
  packet: {
    encode: m => encodePacket(m, slab, 0),
    wire: m => slab.slice(0, encodePacket(m, slab, 0)),
    decode: decodePacket,
  },
  report: {
    encode: m => encodeReport(m, slab, 0),
    wire: m => slab.slice(0, encodeReport(m, slab, 0)),
    decode: decodeReport,
  },
}

async function load<M>(name: string): Promise<M> {
  return (await import(pathToFileURL(join(folder, name, 'codec.js')).href)) as M
}

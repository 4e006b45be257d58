// The generated codec: made from bench/schema by the generator of this checkout, written to a temporary folder and loaded
// from there, exactly as `proto gen` would make it.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { generate } from '../../../generator/generate.ts'
import { transpile } from '../../../generator/transpile.ts'
import type { Codec } from '../../../runtime/wire/codec.ts'
import { KINDS, type Packet, type Report, type Subject } from '../messages.ts'

const RUNTIME = new URL('../../../runtime/codegen/v1.ts', import.meta.url).href
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

const { BenchPacketCodec, encodePacket } = await load<PacketModule>('bench-packet')
const { BenchRecordCodec, encodeReport } = await load<ReportModule>('bench-record')
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
  const root = fileURLToPath(new URL('../../..', import.meta.url))
  const read = (path: string) =>
    existsSync(resolve(root, path)) ? readFileSync(resolve(root, path), 'utf8') : undefined
  const { files, diagnostics } = await generate([`bench/schema/${name}.yaml`], { read, emit: ['ts'], runtime: RUNTIME })
  if (diagnostics.some(d => d.severity === 'error')) throw new Error(JSON.stringify(diagnostics))
  const folder = mkdtempSync(join(tmpdir(), 'bench-'))
  for (const [path, text] of await transpile(files, RUNTIME)) {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
  }
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
  try {
    return (await import(pathToFileURL(join(folder, name, 'codec.js')).href)) as M
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

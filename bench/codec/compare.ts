// The codec comparison: every subject in its own process, several processes each in turn so that a slow minute of the
// machine meets everybody, the median of the processes as the figure.
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { table } from '../results.ts'
import { subjects } from './subjects/index.ts'

interface Figures {
  readonly name: string
  readonly note: string
  readonly bytes: { readonly packet: number; readonly report: number }
  readonly packet: { readonly encode: number; readonly decode: number }
  readonly report: { readonly encode: number; readonly decode: number }
}
type Operation = 'packet.decode' | 'packet.encode' | 'report.decode' | 'report.encode'

const OPERATIONS: readonly Operation[] = ['packet.decode', 'packet.encode', 'report.decode', 'report.encode']
const TURNS = 5

export async function run(): Promise<string> {
  const runs = new Map<string, Figures[]>(Object.keys(subjects).map(name => [name, []]))
  for (let turn = 0; turn < TURNS; turn++) for (const [name, figures] of runs) figures.push(measure(name))
  const middle = new Map([...runs].map(([name, figures]) => [name, median(figures)]))
  const ours = middle.get('generated')!
  const hand = middle.get('hand')!
  const libraries = [...middle].filter(([name]) => name !== 'generated' && name !== 'hand')
  const rows = [...middle.values()].map(f => [
    f.name,
    ...OPERATIONS.map(op =>
      canDo(f.name, op) ? `${pick(f, op).toFixed(0)} (${(pick(f, op) / pick(ours, op)).toFixed(2)}x)` : 'no',
    ),
    String(f.bytes.packet),
    String(f.bytes.report),
  ])
  const verdict = OPERATIONS.map(op => {
    const [best, figures] = libraries
      .filter(([, f]) => canDo(f.name, op))
      .reduce((a, b) => (pick(b[1], op) < pick(a[1], op) ? b : a))
    return [op, (pick(ours, op) / pick(hand, op)).toFixed(2), (pick(figures, op) / pick(ours, op)).toFixed(2), best]
  })
  return [
    '## codec',
    '',
    'Nanoseconds for one message (and how many times the generated codec needs), all fields read or written.',
    'packet: 16-byte header and 112 bytes of payload. report: 2 strings, an enum, 5 integers with a u64, 8 floats.',
    '',
    table(['codec', 'decode packet', 'encode packet', 'decode report', 'encode report', 'bytes', 'bytes'], rows),
    '',
    table(['operation', 'generated / hand-written', 'fastest library / generated', 'fastest library'], verdict),
  ].join('\n')
}

function measure(name: string): Figures {
  const worker = fileURLToPath(new URL('./worker.ts', import.meta.url))
  const out = execFileSync(process.execPath, ['--import', 'tsx', worker, name], { encoding: 'utf8', timeout: 120_000 })
  return JSON.parse(out) as Figures
}

function median(all: readonly Figures[]): Figures {
  const mid = (op: Operation) => all.map(f => pick(f, op)).sort((a, b) => a - b)[all.length >> 1]!
  return {
    ...all[0]!,
    packet: { decode: mid('packet.decode'), encode: mid('packet.encode') },
    report: { decode: mid('report.decode'), encode: mid('report.encode') },
  }
}

function pick(f: Figures, op: Operation): number {
  const [message, what] = op.split('.') as ['packet' | 'report', 'decode' | 'encode']
  return f[message][what]
}

function canDo(name: string, op: Operation): boolean {
  return name !== 'binary-parser' || op.endsWith('decode')
}

// Measures one subject in a process of its own: nanoseconds per operation, the best eighth of many short rounds, which
// other work on the machine disturbs least. First checks that the subject decodes what it encoded, so that nobody is
// measured doing nothing. Prints one JSON line.
import { packetSum, packets, reportSum, reports, type Subject } from './messages.ts'
import { subjects } from './subjects/index.ts'

const [name = '', rounds = '25'] = process.argv.slice(2)
const load = subjects[name]
if (!load) throw new Error(`no subject named ${name}; there are ${Object.keys(subjects).join(', ')}`)
const subject: Subject = await load()
process.stdout.write(
  `${JSON.stringify({ name: subject.name, note: subject.note, ...measure(subject, Number(rounds)) })}\n`,
)

function measure(subject: Subject, rounds: number) {
  const [plainPackets, plainReports] = [packets(64), reports(64)]
  const p = plainPackets.map(m => subject.packet.prepare?.(m) ?? m)
  const r = plainReports.map(m => subject.report.prepare?.(m) ?? m)
  const packetWires = p.map(m => Buffer.from(subject.packet.wire(m)))
  const reportWires = r.map(m => Buffer.from(subject.report.wire(m)))
  plainPackets.forEach((m, i) => expectSum('packet', subject.packet.decode(packetWires[i]!), packetSum(m)))
  plainReports.forEach((m, i) => expectSum('report', subject.report.decode(reportWires[i]!), reportSum(m)))
  return {
    bytes: { packet: packetWires[0]!.length, report: reportWires[0]!.length },
    packet: {
      encode: nanoseconds(p, subject.packet.encode, rounds),
      decode: nanoseconds(packetWires, subject.packet.decode, rounds),
    },
    report: {
      encode: nanoseconds(r, subject.report.encode, rounds),
      decode: nanoseconds(reportWires, subject.report.decode, rounds),
    },
  }
}

function expectSum(what: string, got: number, want: number): void {
  if (Math.abs(got - want) > 1e-3) throw new Error(`${name} decoded the ${what} wrongly: sum ${got}, expected ${want}`)
}

function nanoseconds<M>(messages: readonly M[], run: (m: M) => unknown, rounds: number): number {
  let sink = 0
  const pass = (times: number): number => {
    const from = process.hrtime.bigint()
    for (let t = 0; t < times; t++) {
      for (let i = 0; i < 64; i++) {
        const out = run(messages[i]!)
        sink += typeof out === 'number' ? out : (out as Uint8Array).length
      }
    }
    return Number(process.hrtime.bigint() - from) / (times * 64)
  }
  let times = 16
  while (pass(times) * times * 64 < 8e6) times *= 2
  for (let i = 0; i < 5; i++) pass(times)
  const figures = Array.from({ length: rounds }, () => pass(times)).sort((a, b) => a - b)
  if (Number.isNaN(sink)) throw new Error('the sink is not a number')
  return figures[rounds >> 3]!
}

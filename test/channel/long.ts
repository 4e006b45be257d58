// `npm run test:long`: what the channel engine has to show over long runs, each with its figures. Exits 1 when one fails.
import { BAD, pair, run } from './delivery.ts'
import { channel, fragment } from './peer.ts'

let failed = 0

function report(name: string, ok: boolean, figures: object): void {
  if (!ok) failed++
  process.stdout.write(`figure: ${name}: ${ok ? 'ok' : 'FAILED'} ${JSON.stringify(figures)}\n`)
}

for (const seed of [1, 2]) {
  const total = 1_000_000
  const from = Date.now()
  const made = pair(seed, BAD, [channel('ordered', 'reliable-ordered')])
  const outcome = run(made, total, () => 16)
  const ok =
    outcome.delivered === total &&
    outcome.repeated + outcome.broken + outcome.late === 0 &&
    outcome.failure === undefined
  report('1,000,000 ordered messages at 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption', ok, {
    seed,
    ...outcome,
    ...made.a.set.counters,
    seconds: (Date.now() - from) / 1000,
  })
}

{
  const total = 10_000
  const from = Date.now()
  const queue = { in: 256, out: 256, bytes: 4 * 1024 ** 2, full: 'backpressure' as const, rejectOversize: true }
  const made = pair(3, BAD, [channel('ordered', 'reliable-ordered', { fragment: fragment(), queue })])
  const outcome = run(made, total, n => 1024 + ((n * 104_729) % (63 * 1024)))
  const ok =
    outcome.delivered === total &&
    outcome.repeated + outcome.broken + outcome.late === 0 &&
    outcome.failure === undefined
  report('10,000 ordered messages of 1 to 64 KiB on the same network', ok, {
    ...outcome,
    ...made.a.set.counters,
    seconds: (Date.now() - from) / 1000,
  })
}

process.exit(failed === 0 ? 0 : 1)

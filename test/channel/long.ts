// `npm run test:long`: what the channel engine has to show over long runs, each with its figures. Exits 1 when one fails.
import { BAD, pair, run } from './delivery.ts'
import { bulk, shared } from './flows.ts'
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
    ...made.a.set.counters,
    ...outcome,
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
    ...made.a.set.counters,
    ...outcome,
    seconds: (Date.now() - from) / 1000,
  })
}

for (const congestion of ['cubic', 'newreno'] as const)
  for (const queue of [15_000, 31_250, 62_500, 125_000]) {
    const runs = [1, 2].map(seed => shared(congestion, queue, seed, 20, 80))
    // What has to be shown is shown with CUBIC; NewReno gets less than a CUBIC flow where queues are long, as anywhere.
    const least = congestion === 'cubic' ? 0.9 : 0.75
    const ok = runs.every(run => run.failure === undefined && run.utilisation >= 0.9 && run.jain >= least)
    report(`two ${congestion} flows and a CUBIC TCP-like one, 10 Mb/s, 50 ms, ${queue} bytes of queue`, ok, runs)
  }

for (const congestion of ['cubic', 'newreno'] as const)
  for (const loss of [0, 0.01]) {
    const runs = [1, 2, 3, 4, 5].map(seed => bulk(congestion, loss, seed))
    const most = congestion === 'cubic' ? 1.5 : 2.5
    const ok = runs.every(run => run.failure === undefined && run.ratio <= most)
    report(`10 MB, ${congestion}, 100 Mb/s, 20 ms, ${loss * 100} % loss: times of what the link needs`, ok, runs)
  }

process.exit(failed === 0 ? 0 : 1)

// `npm run bench [-- NAME...]`: runs the named comparisons (default all), prints them, and rewrites their sections of
// bench/results.md. Figures are ratios between subjects of the same run; absolute times only describe this machine.
import { cpus, loadavg } from 'node:os'
import { writeSection } from './results.ts'

const BENCHES: Readonly<Record<string, () => Promise<{ run: () => Promise<string> }>>> = {
  channels: () => import('./channels/compare.ts'),
  codec: () => import('./codec/compare.ts'),
  fastnet: () => import('./fastnet/compare.ts'),
  intentra: () => import('./intentra/compare.ts'),
  seal: () => import('./seal/compare.ts'),
  native: () => import('./native/compare.ts'),
  p2p: () => import('./p2p/compare.ts'),
  vstp: () => import('./vstp/compare.ts'),
  relay: () => import('./relay/compare.ts'),
}

const names = process.argv.slice(2).filter(a => !a.startsWith('-'))
const unknown = names.filter(n => !(n in BENCHES))
if (unknown.length > 0) {
  process.stderr.write(`no benchmark named ${unknown.join(', ')}; there are ${Object.keys(BENCHES).join(', ')}\n`)
  process.exit(2)
}
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) {
  const before = loadavg()[0]!.toFixed(2)
  const text = await (await BENCHES[name]!()).run()
  const machine = `Node ${process.version}, ${cpus().length} cores (${cpus()[0]!.model.trim()}), load ${before} before and ${loadavg()[0]!.toFixed(2)} after.`
  const section = `${text}\n\n${machine}\n`
  process.stdout.write(`${section}\n`)
  writeSection(name, section)
}

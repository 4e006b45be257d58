// Keeps bench/results.md: one section a benchmark between markers, replaced by each run of it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

const FILE = new URL('./results.md', import.meta.url)
const HEAD =
  '# Benchmark results\n\nWritten by `npm run bench`; do not edit. Compare ratios, not times: the machine is shared.\n'

export function writeSection(name: string, text: string): void {
  const before = existsSync(FILE) ? readFileSync(FILE, 'utf8') : HEAD
  const from = `<!-- ${name} -->`
  const to = `<!-- /${name} -->`
  const section = `${from}\n${text.trimEnd()}\n${to}`
  const start = before.indexOf(from)
  const end = before.indexOf(to)
  const after =
    start >= 0 && end > start
      ? before.slice(0, start) + section + before.slice(end + to.length)
      : `${before.trimEnd()}\n\n${section}\n`
  writeFileSync(FILE, after)
}

/** A Markdown table; the first column is text, the others are aligned to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map(r => r[i]!.length)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((c, i) => (i === 0 ? c.padEnd(widths[i]!) : c.padStart(widths[i]!))).join(' | ')} |`
  return [
    line(head),
    `| ${widths.map((w, i) => (i === 0 ? '-'.repeat(w) : `${'-'.repeat(w - 1)}:`)).join(' | ')} |`,
    ...rows.map(line),
  ].join('\n')
}

// The rows of an annotated dump as aligned columns: offset, bytes, field, value, line of the schema.
import type { ExplainRow } from './explain.ts'

/** Text for a terminal, one row a line, without colour; a failure has carets under the bytes that are wrong. */
export function formatExplain(rows: readonly ExplainRow[]): string {
  const cells = rows.map((row, i) => cellsOf(row, rows[i - 1]))
  const widths = [0, 1, 2, 3].map(column => Math.max(0, ...cells.map(line => [...line[column]!].length)))
  const lines = cells.map(line =>
    line
      .map((cell, column) => (column < widths.length ? cell + ' '.repeat(widths[column]! - [...cell].length) : cell))
      .join('  ')
      .trimEnd(),
  )
  return lines.join('\n')
}

function cellsOf(row: ExplainRow, before: ExplainRow | undefined): readonly string[] {
  if (row.kind === 'error') return [`${offset(row)}`, carets(row, before), row.path, row.value, '']
  const where = row.place ? `${row.place.file}:${row.place.line}` : ''
  const line = row.line === undefined ? where : `${where}  ${row.line}`
  const bits = row.bits === undefined ? '' : `:${row.bit}+${row.bits}`
  return [`${offset(row)}${bits}`, bytes(row), label(row), row.value, line]
}

function offset(row: ExplainRow): string {
  return row.offset.toString(16).padStart(4, '0')
}

function bytes({ hex }: ExplainRow): string {
  const pairs = hex.match(/../g) ?? []
  if (pairs.length <= MOST) return pairs.join(' ')
  return `${pairs.slice(0, MOST - 1).join(' ')} … ${pairs.length} bytes`
}

function label({ kind, path }: ExplainRow): string {
  switch (kind) {
    case 'prefix':
      return `${path} (prefix)`
    case 'delimiter':
      return `${path} (delimiter)`
    case 'raw':
      return '(not decoded)'
    case 'trailing':
      return '(trailing)'
    default:
      return path
  }
}

/** Under the bytes of the row above, where they can be seen there. */
function carets(row: ExplainRow, before: ExplainRow | undefined): string {
  const count = Math.max(1, Math.min(row.length, MOST))
  const marks = Array.from({ length: count }, () => '^^').join('^')
  if (!before) return marks
  const column = row.offset - before.offset
  return column >= 0 && column < Math.min(before.length, MOST) ? ' '.repeat(column * 3) + marks : marks
}

/** Bytes shown in one row. */
const MOST = 16

// The byte layout of a record as a picture: rows of 32 bits, as RFCs draw them, as far as offsets are fixed, then a
// line for each part of varying size.

import type { Body } from '../../model/model.ts'
import { type Placed, placed, sizeText } from '../layout.ts'

/** Lines of a drawing; none when nothing of the record is fixed. */
export function diagram(body: Body): string[] {
  const parts = placed(body).filter(part => part.node.kind === 'field' && part.onWire)
  const fixedEnd = parts.findIndex(part => part.offset === undefined || part.bits === undefined)
  const fixed = fixedEnd < 0 ? parts : parts.slice(0, fixedEnd)
  const others = fixedEnd < 0 ? [] : parts.slice(fixedEnd)
  if (fixed.length === 0) return []
  return [...RULER, ...rows(fixed), ...others.flatMap(variable)]
}

interface Cell {
  readonly name: string
  readonly bits: number
}

/** Cells cut at the ends of rows. */
function rows(parts: readonly Placed[]): string[] {
  const lines: string[] = []
  let row: Cell[] = []
  let room = ROW
  const flush = (): void => {
    if (row.length > 0) lines.push(drawn(row), border(row))
    row = []
    room = ROW
  }
  for (const part of parts) {
    let bits = part.bits!
    const whole = Math.floor(bits / ROW)
    if (room === ROW && whole > MOST_ROWS) {
      lines.push(
        drawn([{ name: `${part.node.name} (${bits / 8} bytes)`, bits: ROW }]),
        border([{ name: '', bits: ROW }]),
      )
      bits %= ROW
    }
    for (let first = true; bits > 0; first = false) {
      const taken = Math.min(bits, room)
      row.push({ name: first ? part.node.name : '…', bits: taken })
      bits -= taken
      room -= taken
      if (room === 0) flush()
    }
  }
  flush()
  return lines
}

function drawn(cells: readonly Cell[]): string {
  const text = cells.map(cell => {
    const width = cell.bits * 2 - 1
    const name = cell.name.length > width ? cell.name.slice(0, width) : cell.name
    const left = Math.floor((width - name.length) / 2)
    return `${' '.repeat(left)}${name}${' '.repeat(width - left - name.length)}`
  })
  return `|${text.join('|')}|`
}

function border(cells: readonly Cell[]): string {
  return '+-'.repeat(cells.reduce((sum, cell) => sum + cell.bits, 0)).concat('+')
}

function variable(part: Placed): string[] {
  const text = `${part.node.name} (${sizeText(part)})`
  const width = ROW * 2 - 1
  return [
    drawn([{ name: text.length > width ? `${text.slice(0, width - 1)}…` : text, bits: ROW }]),
    border([{ name: '', bits: ROW }]),
  ]
}

const ROW = 32
/** A field of more rows is drawn as one. */
const MOST_ROWS = 4
const RULER: readonly string[] = [
  ' 0                   1                   2                   3',
  ' 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1',
  '+-'.repeat(ROW).concat('+'),
]

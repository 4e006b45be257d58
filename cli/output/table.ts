// Aligned columns, two spaces apart, no borders.

export interface Column {
  readonly title: string
  readonly right?: boolean
  /** Applied after padding, so that colour does not count as width. */
  readonly paint?: (text: string) => string
}

/** The table as lines. The last column is not padded; empty trailing cells leave no blanks. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  head?: (text: string) => string,
): string {
  const widths = columns.map((column, i) => Math.max(width(column.title), ...rows.map(row => width(row[i] ?? ''))))
  const titles = columns.map((column, i) =>
    pad(column.title, widths[i]!, column.right === true, i === columns.length - 1),
  )
  const lines = rows.map(row =>
    columns
      .map((column, i) => {
        const text = pad(row[i] ?? '', widths[i]!, column.right === true, i === columns.length - 1)
        return column.paint ? column.paint(text) : text
      })
      .join('  ')
      .trimEnd(),
  )
  const header = titles.join('  ').trimEnd()
  return [...(header === '' ? [] : [head ? head(header) : header]), ...lines].join('\n')
}

/** Cells that a terminal uses for the text: wide East Asian characters and emoji take two, combining marks none. */
export function width(text: string): number {
  let cells = 0
  for (const char of text) {
    const code = char.codePointAt(0)!
    if (code < 0x300) cells += 1
    else if (/\p{Mark}/u.test(char)) continue
    else cells += WIDE.test(char) ? 2 : 1
  }
  return cells
}

function pad(text: string, to: number, right: boolean, last: boolean): string {
  const blanks = ' '.repeat(Math.max(0, to - width(text)))
  if (right) return blanks + text
  return last ? text : text + blanks
}

const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u

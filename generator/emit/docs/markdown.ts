// Markdown as the docs emitter writes it.

/** A table whose columns are as wide as their longest cell. No rows: nothing. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const used = head.map((_, column) => rows.some(row => (row[column] ?? '') !== ''))
  const cells = [head, ...rows].map(row =>
    head.map((_, column) => cell(row[column] ?? '')).filter((_, column) => used[column]),
  )
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map(row => row[column]!.length), 3))
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`
  return [line(cells[0]!), `| ${widths.map(width => '-'.repeat(width)).join(' | ')} |`, ...cells.slice(1).map(line), '']
}

/** A section: nothing at all when its content is empty. */
export function section(level: number, title: string, content: readonly string[]): string[] {
  return content.length === 0 ? [] : [`${'#'.repeat(level)} ${title}`, '', ...content]
}

export function paragraph(text: string | undefined): string[] {
  return text === undefined || text === '' ? [] : [text, '']
}

export function bullets(items: readonly string[]): string[] {
  return items.length === 0 ? [] : [...items.map(item => `- ${item}`), '']
}

export function code(text: string): string {
  return text === '' ? '' : `\`${text}\``
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}

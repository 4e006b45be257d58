// Each file of this folder has one mistake. Its first lines say where it is found, under which code, and a piece of what
// is said about it: `# expect: LINE:COLUMN [warning] CODE` and `# hint: TEXT`.

import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatDiagnostic, loadProtocol } from '../../../generator/index.ts'
import { reading } from '../files.ts'

const FOLDER = 'test/generator/bad'
const files = readdirSync(FOLDER).filter(name => name.endsWith('.yaml'))

test.each(files)('%s is found where it is, and explained', name => {
  const path = `${FOLDER}/${name}`
  const text = readFileSync(path, 'utf8')
  const expected = /^# expect: (\d+:\d+) (warning )?(\w+)$/m.exec(text)!
  const { diagnostics } = loadProtocol(path, { read: reading() })
  const severity = expected[2] ? 'warning' : 'error'
  const same = diagnostics.filter(diagnostic => diagnostic.severity === severity)
  const wanted = severity === 'error' ? same : same.filter(diagnostic => diagnostic.code === expected[3])
  expect(wanted.map(({ line, column, code }) => `${line}:${column} ${code}`)).toEqual([`${expected[1]} ${expected[3]}`])
  const shown = formatDiagnostic(wanted[0]!, text)
  expect(shown).toContain(/^# hint: (.+)$/m.exec(text)![1])
  if (severity === 'warning') expect(diagnostics.filter(diagnostic => diagnostic.severity === 'error')).toEqual([])
})

test.each(files)('%s is shown with its line and a caret under the mistake, without a stack trace', name => {
  const path = `${FOLDER}/${name}`
  const text = readFileSync(path, 'utf8')
  for (const diagnostic of loadProtocol(path, { read: reading() }).diagnostics) {
    const [head, line, caret] = formatDiagnostic(diagnostic, text).split('\n')
    expect(head).toMatch(/^\S+:\d+:\d+: (error|warning)\[\w+\] \S/)
    expect(head).not.toMatch(/\bat .*\.ts|undefined|\[object|NaN/)
    expect(line).toContain(text.split('\n')[diagnostic.line - 1])
    const at = caret!.indexOf('^') - caret!.indexOf('|') - 1
    expect(at).toBe(diagnostic.column)
  }
})

test('there are at least forty of them', () => {
  expect(files.length).toBeGreaterThanOrEqual(40)
})

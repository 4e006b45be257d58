// How a diagnostic is printed: exactly as the command line promises.

import { expect, test } from 'vitest'
import { formatDiagnostic, loadProtocol, sortDiagnostics } from '../../../generator/index.ts'
import { reading } from '../files.ts'

test('a diagnostic names its place and shows the line with a caret under the mistake', () => {
  const text = 'protocol: x\nversion: 1\nframes:\n  Say:\n    id: 1\n    close: nwo\n'
  const { diagnostics } = loadProtocol('schema/x.yaml', { read: reading({ 'schema/x.yaml': text }) })
  expect(diagnostics.map(one => formatDiagnostic(one, text))).toEqual([
    [
      'schema/x.yaml:6:12: error[enum] expected one of now, after-flush - did you mean "now"?',
      '   6 |     close: nwo',
      '     |            ^^^',
    ].join('\n'),
  ])
})

test('tabs before the caret stay tabs, and a line number takes the room it needs', () => {
  const diagnostic = {
    file: 'a',
    line: 12_345,
    column: 3,
    width: 2,
    severity: 'warning',
    code: 'b',
    message: 'c',
  } as const
  const source = `${'\n'.repeat(12_344)}\t\txy`
  expect(formatDiagnostic(diagnostic, source)).toBe('a:12345:3: warning[b] c\n12345 | \t\txy\n      | \t\t^^')
})

test('without the source only the first line is printed', () => {
  const diagnostic = {
    file: 'a',
    line: 1,
    column: 1,
    width: 1,
    severity: 'error',
    code: 'b',
    message: 'c',
    hint: 'd',
  } as const
  expect(formatDiagnostic(diagnostic)).toBe('a:1:1: error[b] c - d')
})

test('diagnostics are sorted by place, equal ones once', () => {
  const one = (line: number, message: string) =>
    ({ file: 'a', line, column: 1, width: 1, severity: 'error', code: 'b', message }) as const
  expect(sortDiagnostics([one(3, 'x'), one(1, 'y'), one(3, 'x')]).map(({ message }) => message)).toEqual(['y', 'x'])
})

// Damaged schemas: whatever is deleted, doubled or garbled, loading returns in time with diagnostics that have a place.

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { loadProtocol } from '../../../generator/index.ts'
import { reading, SHIPPED } from '../files.ts'

const read = reading()
const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const runs = Number(process.env.FUZZ_RUNS ?? 60)

test('a line that is deleted, doubled, moved or garbled never makes loading throw or hang', () => {
  const damage = fc.record({
    file: fc.constantFrom(...SHIPPED),
    line: fc.nat(),
    column: fc.nat(),
    how: fc.constantFrom('delete', 'double', 'indent', 'cut', 'insert', 'swap'),
    text: fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 8 })),
  })
  fc.assert(
    fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), all => {
      const { file } = all[0]!
      const damaged = all.reduce((lines, one) => apply(lines, one), read(file)!.split('\n')).join('\n')
      const started = performance.now()
      const { diagnostics, protocol } = loadProtocol(file, { read: reading({ [file]: damaged }) })
      expect(performance.now() - started, 'milliseconds').toBeLessThan(5000)
      if (!protocol) expect(diagnostics.length).toBeGreaterThan(0)
      for (const { line, column, width, message } of diagnostics) {
        expect(line).toBeGreaterThan(0)
        expect(column).toBeGreaterThan(0)
        expect(width).toBeGreaterThan(0)
        expect(message).not.toMatch(/\[object|Cannot read|is not a function/)
      }
    }),
    { seed, numRuns: runs },
  )
})

test('a random text never makes loading throw', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...PIECES), fc.string({ maxLength: 12 })), { maxLength: 40 }),
      pieces => {
        const { protocol, diagnostics } = loadProtocol('x.yaml', { read: reading({ 'x.yaml': pieces.join('') }) })
        expect(protocol !== undefined || diagnostics.length > 0).toBe(true)
      },
    ),
    { seed, numRuns: runs },
  )
})

interface Damage {
  readonly line: number
  readonly column: number
  readonly how: string
  readonly text: string
}

function apply(lines: readonly string[], { line, column, how, text }: Damage): string[] {
  const at = line % lines.length
  const old = lines[at]!
  const place = column % (old.length + 1)
  const with_ = (...replacement: string[]): string[] => [...lines.slice(0, at), ...replacement, ...lines.slice(at + 1)]
  if (how === 'delete') return with_()
  if (how === 'double') return with_(old, old)
  if (how === 'indent') return with_(`  ${old}`)
  if (how === 'cut') return with_(old.slice(0, place))
  if (how === 'swap') return with_(lines[at + 1] ?? '', old)
  return with_(old.slice(0, place) + text + old.slice(place))
}

const PIECES = [
  '{',
  '}',
  '[',
  ']',
  '(',
  ')',
  ',',
  ':',
  ' ',
  '\n',
  '  ',
  '- ',
  '"',
  "'",
  '&a ',
  '*a',
  '<<: ',
  '|',
  '>',
  '#',
  '? ',
  '%',
  '\t',
  'u8',
  'bytes',
  'frame',
  'id(u8)',
  'null',
  '~',
  'fields',
  '$replace: true',
  '1e400',
  '0x',
  '..',
  'if',
  'in(',
  '-1',
  '99999999999999999999',
  '__proto__',
  'constructor',
  'toString',
  'protocol: x\n',
  'version: 1\n',
  'frames:\n',
  'import: [ x ]\n',
  'é',
  '\u0000',
  '\ud800',
]

// The parsers: what they read, and what they say about what they cannot read.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { ExprSyntax } from '../../../generator/language/ast.ts'
import { parseExpr, parseField, parseRule, parseType } from '../../../generator/language/parse.ts'
import { SyntaxProblem } from '../../../generator/language/problem.ts'
import { show } from '../../../generator/language/show.ts'

describe('value expressions', () => {
  test.each([
    ['a or b and c', '(a or (b and c))'],
    ['not a == b', '(not (a == b))'],
    ['a + b * c ^ d ^ e', '(a + (b * (c ^ (d ^ e))))'],
    ['a - b - c', '((a - b) - c)'],
    ['a & 3 == 3', '((a & 3) == 3)'],
    ['a | b xor c & d << 1', '((a | b) xor (c & (d << 1)))'],
    ['-a ^ 2', '((-a) ^ 2)'],
    ['if a then b else if c then d else e', '(if a then b else (if c then d else e))'],
    ['x in (1, 4..6, red)', '(x in (1..1, 4..6, red..red))'],
    ['x in (low..high)', '(x in (low..high))'],
    ['prev.n or 0', '(prev.n or 0)'],
    ['items[0].flags.ack', 'items[0].flags.ack'],
    ['crc32(..) xor 0x5354554e', '(crc32(..) xor 1398035790)'],
    ['sha256(a.., ..b, parent.x..parent.y)', 'sha256(a.., ..b, parent.x..parent.y)'],
    ['version..ack', 'version..ack'],
    ['0b1010 + 1_000 + 64KiB', '((10 + 1000) + 65536)'],
    [String.raw`"a\n\x41\u00e9\u{1f600}"`, '"a\\nAé😀"'],
    ['x"00 ff"', 'x"00ff"'],
  ])('%s is read as %s', (text, shown) => {
    expect(show(parseExpr(text))).toBe(shown)
  })

  test.each([
    ['a && b', 2, 4, 'write "and"'],
    ['a || b', 2, 4, 'write "or"'],
    ['a = b', 2, 3, 'equality is written "=="'],
    ['a < b < c', 6, 7, 'write "a < b and b < c"'],
    ['a; ', 1, 2, 'a line needs no ending, leave the semicolon out'],
    ["'a'", 0, 1, 'text stands in double quotes: "text"'],
    ['if a then b', 11, 11, 'an "if" in an expression always has an "else"'],
    ['x in 3', 5, 6, 'the values stand in parentheses: "x in (1, 4..6)"'],
    ['f(x)..b', 0, 4, 'as in "a..b", "a..", "..b", ".."'],
    ['"\\xff"', 1, 5, 'write bytes: x"ff"'],
    ['x"0"', 0, 4, 'as in x"00 ff"'],
  ])('%s is refused at %i..%i', (text, start, end, hint) => {
    const problem = problemOf(() => parseExpr(text))
    expect(problem.span).toEqual({ start, end })
    expect(problem.hint).toBe(hint)
  })

  test('shown as text, an expression reads as itself', () => {
    fc.assert(
      fc.property(expressions, expr => {
        const text = show(expr)
        expect(show(parseExpr(text))).toBe(text)
      }),
    )
  })

  test('every part of a tree spans the text it was read from', () => {
    const text = 'if flags.ack then size(a) + 2 else 0'
    const tree = parseExpr(text)
    expect(tree.is).toBe('if')
    if (tree.is !== 'if') return
    expect(text.slice(tree.test.start, tree.test.end)).toBe('flags.ack')
    expect(text.slice(tree.yes.start, tree.yes.end)).toBe('size(a) + 2')
    expect(text.slice(tree.no.start, tree.no.end)).toBe('0')
  })
})

describe('field lines', () => {
  test('suffixes are found in any order', () => {
    const field = parseField('u32 else Bad = crc32(..) if flags.crc')
    expect(field.type).toMatchObject({ is: 'int', bits: 32, signed: false })
    expect(field.error).toBe('Bad')
    expect(show(field.value!)).toBe('crc32(..)')
    expect(show(field.if!)).toBe('flags.crc')
  })

  test('what stands behind a type applies from the left', () => {
    expect(parseType('Entry* in(len)')).toMatchObject({ is: 'region', of: { is: 'list', count: { by: 'rest' } } })
    expect(parseType('(u8*4)*(n-1)')).toMatchObject({ is: 'list', of: { is: 'list' }, count: { by: 'count' } })
    expect(parseType('string(u16)')).toMatchObject({ is: 'region', of: { is: 'text' }, extent: { by: 'prefix' } })
    expect(parseType('Sealed sealed(packet)')).toMatchObject({ is: 'sealed', seal: 'packet', of: { name: 'Sealed' } })
  })

  test('a literal behind until delimits, a condition ends a list', () => {
    expect(parseType(String.raw`T* until("\n")`)).toMatchObject({ is: 'delimited', of: { is: 'list' } })
    expect(parseType('T* until(item.last)')).toMatchObject({ is: 'list', count: { by: 'until' } })
    expect(parseType('T* while(next(leb128(2)) != 0)')).toMatchObject({ is: 'list', count: { by: 'while' } })
  })

  test('a list to the end may be followed by a suffix', () => {
    expect(parseField('T* if x')).toMatchObject({ type: { is: 'list', count: { by: 'rest' } }, if: { name: 'x' } })
  })

  test.each([
    ['u8[4]', 2, 3, 'a list is written "T*4", "T*n" or "T*"; fixed bytes are "bytes(4)"'],
    ['bytes[4]', 5, 6, 'write "bytes(4)"'],
    ['uint32', 0, 6, 'did you mean "u32"?'],
    ['u23q', 0, 4, 'did you mean "u23"?'],
    ['strng(u8)', 0, 5, 'did you mean "string"?'],
    ['entry', 0, 5, 'a type of your own begins with a capital letter: "Entry"'],
    ['u65', 0, 3, 'longer numbers are bytes(n)'],
    ['u8 == 1', 3, 5, 'a value that the field must have is written "= value"'],
    ['u8 | u16', 3, 4, 'a field has one type; alternatives are a union'],
    ['u8 while(x)', 3, 8, 'write "T* while(condition)"'],
    ['u8 if a if b', 8, 10, 'join them with "and"'],
    ['struct { a: u8 }', 0, 0, undefined],
  ])('%s is refused', (text, start, end, hint) => {
    const problem = problemOf(() => parseField(text))
    if (hint === undefined) expect(problem.message).toContain('unexpected "{"')
    else expect([problem.span, problem.hint]).toEqual([{ start, end }, hint])
  })
})

test('a rule is a condition and the error for when it does not hold', () => {
  const rule = parseRule('payload_len > 0 else MalformedPacket')
  expect([show(rule.test), rule.error]).toEqual(['(payload_len > 0)', 'MalformedPacket'])
  expect(parseRule('a == b').error).toBeUndefined()
})

test('whatever the text, a problem points into it', () => {
  const words = [
    'u8',
    'bytes',
    '(',
    ')',
    '*',
    'in',
    'until',
    'if',
    '=',
    '?=',
    'else',
    '..',
    ',',
    '"a',
    'x"0',
    '0x',
    '&&',
    'next',
  ]
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 3 })), { maxLength: 12 }),
      parts => {
        const text = parts.join(' ')
        for (const parse of [parseField, parseType, parseExpr, parseRule]) {
          try {
            parse(text)
          } catch (thrown) {
            if (!(thrown instanceof SyntaxProblem)) throw thrown
            expect(thrown.span.start).toBeGreaterThanOrEqual(0)
            expect(thrown.span.end).toBeGreaterThanOrEqual(thrown.span.start)
            expect(thrown.span.end).toBeLessThanOrEqual(text.length)
          }
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test.each([
  '('.repeat(500),
  'not '.repeat(500),
  '1 ^ '.repeat(500),
  'f('.repeat(500),
  '- '.repeat(500),
  'if a then b else '.repeat(500),
])('nesting without end is refused (%#)', text => {
  expect(problemOf(() => parseExpr(`${text}1`)).message).toBe('this is nested too deeply')
})

test('a type has few layers and a line an end', () => {
  expect(problemOf(() => parseType(`u8${' *'.repeat(99)}`)).message).toBe('this is nested too deeply')
  expect(problemOf(() => parseExpr('1 + '.repeat(4000))).message).toBe('this line is too long')
})

test('a long line is no deep one', () => {
  expect(parseExpr(`1${' + 1'.repeat(2000)}`).is).toBe('binary')
})

function problemOf(work: () => unknown): SyntaxProblem {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof SyntaxProblem) return thrown
    throw thrown
  }
  throw new Error('nothing was wrong')
}

const span = { start: 0, end: 0 }
const names = fc.constantFrom('a', 'b', 'flags', 'payload_len')
const operators = fc.constantFrom('or', 'and', '==', '<', '|', 'xor', '&', '<<', '+', '-', '*', '/', '^')

const { expressions } = fc.letrec<{ expressions: ExprSyntax }>(tie => ({
  expressions: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    names.map((name): ExprSyntax => ({ is: 'name', name, ...span })),
    fc.bigInt(0n, 1n << 70n).map((value): ExprSyntax => ({ is: 'int', value, ...span })),
    fc.string({ unit: 'grapheme' }).map((value): ExprSyntax => ({ is: 'text', value, ...span })),
    fc
      .tuple(operators, tie('expressions'), tie('expressions'))
      .map(([operator, left, right]) => ({ is: 'binary', operator, left, right, ...span }) as ExprSyntax),
    tie('expressions').map((of): ExprSyntax => ({ is: 'not', of, ...span })),
    fc
      .tuple(tie('expressions'), tie('expressions'), tie('expressions'))
      .map(([test, yes, no]): ExprSyntax => ({ is: 'if', test, yes, no, ...span })),
    fc
      .array(tie('expressions'), { maxLength: 3 })
      .map((args): ExprSyntax => ({ is: 'call', name: 'f', args, ...span })),
  ),
}))

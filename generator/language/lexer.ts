// Words of the two one-line languages. Common habits from other languages are recognised here, so that the message can
// name what to write instead.

import type { Span } from './ast.ts'
import { SyntaxProblem } from './problem.ts'

export type Token = Span &
  (
    | { readonly kind: 'int'; readonly value: bigint }
    | { readonly kind: 'float'; readonly value: number }
    | { readonly kind: 'text'; readonly value: string }
    | { readonly kind: 'bytes'; readonly value: Uint8Array }
    | { readonly kind: 'name'; readonly value: string }
    | { readonly kind: 'sign'; readonly value: string }
    | { readonly kind: 'end'; readonly value: '' }
  )

/** Cuts a line into tokens; the last one is `end`. Throws SyntaxProblem. */
export function lex(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  for (;;) {
    while (at < text.length && /\s/.test(text[at]!)) at++
    if (at === text.length) break
    const token = scan(text, at)
    tokens.push(token)
    at = token.end
  }
  tokens.push({ kind: 'end', value: '', start: text.length, end: text.length })
  return tokens
}

function scan(text: string, start: number): Token {
  const char = text[start]!
  if (char >= '0' && char <= '9') return number(text, start)
  if (char === '"') return string(text, start)
  if (char === 'x' && text[start + 1] === '"') return hex(text, start)
  if (/[A-Za-z_]/.test(char)) return word(text, start)
  return sign(text, start)
}

function number(text: string, start: number): Token {
  const match = matchAt(/0x[0-9a-fA-F_]+|0b[01_]+|\d[\d_]*(?:\.\d+(?:[eE][+-]?\d+)?)?/y, text, start)!
  const unit = matchAt(/(KiB|MiB|GiB|B)?(\w*)/y, text, start + match[0].length)!
  const end = start + match[0].length + unit[0].length
  if (unit[2]) {
    throw new SyntaxProblem(`"${text.slice(start, end)}" is neither a number nor a name`, { start, end })
  }
  const digits = match[0].replaceAll('_', '')
  if (match[0].includes('.')) return { kind: 'float', value: Number(digits), start, end }
  return { kind: 'int', value: BigInt(digits) << (UNIT_SHIFT[unit[1] ?? ''] ?? 0n), start, end }
}

function string(text: string, start: number): Token {
  let value = ''
  let at = start + 1
  while (at < text.length && text[at] !== '"') {
    if (text[at] !== '\\') {
      value += text[at++]
      continue
    }
    const found = matchAt(/\\(?:([nrt0"\\/])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\})/y, text, at)
    const span = { start: at, end: Math.min(at + (found?.[0].length ?? 2), text.length) }
    if (!found) throw new SyntaxProblem('unknown escape', span, 'known are \\n \\r \\t \\0 \\" \\\\ \\xHH \\uHHHH')
    const code = Number.parseInt(found[2] ?? found[3] ?? found[4] ?? '0', 16)
    if (found[2] && code > 0x7f) {
      throw new SyntaxProblem('text is UTF-8, this escape is a byte', span, `write bytes: x"${found[2]}"`)
    }
    if (code > 0x10ffff) throw new SyntaxProblem('no such character', span)
    value += found[1] === undefined ? String.fromCodePoint(code) : ESCAPES[found[1]]!
    at = span.end
  }
  if (at === text.length) throw new SyntaxProblem('text without its closing quote', { start, end: at })
  return { kind: 'text', value, start, end: at + 1 }
}

function hex(text: string, start: number): Token {
  const close = text.indexOf('"', start + 2)
  if (close < 0) throw new SyntaxProblem('bytes without their closing quote', { start, end: text.length })
  const span = { start, end: close + 1 }
  const digits = text.slice(start + 2, close).replace(/\s/g, '')
  if (!/^(?:[0-9a-fA-F]{2})*$/.test(digits)) {
    throw new SyntaxProblem('bytes are pairs of hexadecimal digits', span, 'as in x"00 ff"')
  }
  const value = Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  )
  return { kind: 'bytes', value, ...span }
}

function word(text: string, start: number): Token {
  const value = matchAt(/[A-Za-z_]\w*/y, text, start)![0]
  return { kind: 'name', value, start, end: start + value.length }
}

function sign(text: string, start: number): Token {
  const value = matchAt(/\?=|==|!=|<=|>=|<<|>>|\.\.|[-+*/%^&|<>=().,[\]]/y, text, start)?.[0]
  const foreign = FOREIGN.find(([written]) => text.startsWith(written, start))
  if (foreign)
    throw new SyntaxProblem(`unexpected "${foreign[0]}"`, { start, end: start + foreign[0].length }, foreign[1])
  if (value !== undefined) return { kind: 'sign', value, start, end: start + value.length }
  throw new SyntaxProblem(`unexpected "${text[start]}"`, { start, end: start + 1 })
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '0': '\0',
  '"': '"',
  '\\': '\\',
  '/': '/',
}

const UNIT_SHIFT: Readonly<Record<string, bigint>> = { KiB: 10n, MiB: 20n, GiB: 30n }

/** Signs of other languages and what is written here. */
const FOREIGN: readonly (readonly [string, string])[] = [
  ['===', 'write "=="'],
  ['!==', 'write "!="'],
  ['&&', 'write "and"'],
  ['||', 'write "or"'],
  ['**', 'write "^" for a power'],
  ['=>', 'write "if a then b else c"'],
  [';', 'a line needs no ending, leave the semicolon out'],
  ['{', 'this language has no braces: group with "( )"; a struct is a type with a name of its own'],
  ['}', 'this language has no braces: group with "( )"'],
  ["'", 'text stands in double quotes: "text"'],
  ['`', 'text stands in double quotes: "text"'],
  ['~', 'write "x xor 0xff.."'],
  [':', 'write "if a then b else c"'],
  ['...', 'write ".."'],
]

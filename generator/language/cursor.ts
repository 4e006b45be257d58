// A position in a line of tokens, with the few moves that both parsers need.

import type { Span } from './ast.ts'
import { lex, type Token } from './lexer.ts'
import { SyntaxProblem } from './problem.ts'

export class Cursor {
  readonly text: string
  readonly #tokens: Token[]
  #at = 0
  #depth = 0

  constructor(text: string) {
    if (text.length > LONGEST) throw new SyntaxProblem('this line is too long', { start: LONGEST, end: text.length })
    this.text = text
    this.#tokens = lex(text)
  }

  get token(): Token {
    return this.#tokens[this.#at]!
  }

  /** The token `ahead` places further on. */
  peek(ahead: number): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)]!
  }

  /** Offset behind the last token that was taken. */
  get end(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0
  }

  /** True when the next token is this sign or word (and not text that reads the same). */
  is(value: string): boolean {
    const token = this.token
    return (token.kind === 'sign' || token.kind === 'name') && token.value === value
  }

  take(): Token {
    const token = this.token
    if (token.kind !== 'end') this.#at++
    return token
  }

  eat(value: string): boolean {
    const found = this.is(value)
    if (found) this.#at++
    return found
  }

  expect(value: string, hint?: string): void {
    if (!this.eat(value)) this.fail(`expected "${value}"`, hint)
  }

  name(what: string): string {
    const token = this.token
    if (token.kind !== 'name') this.fail(`expected ${what}`)
    this.#at++
    return token.value as string
  }

  /** Reads something that can contain itself: so deep that it cannot be meant is refused, before the stack ends. */
  deeper<T>(read: () => T): T {
    if (++this.#depth > MOST_NESTING) throw new SyntaxProblem('this is nested too deeply', this.token)
    const value = read()
    this.#depth--
    return value
  }

  /** The whole line must have been read. */
  finish(hint?: (token: Token) => string | undefined): void {
    const token = this.token
    if (token.kind !== 'end') throw new SyntaxProblem(`unexpected "${this.slice(token)}"`, token, hint?.(token))
  }

  fail(expected: string, hint?: string): never {
    const token = this.token
    const found = token.kind === 'end' ? 'the end of the line' : `"${this.slice(token)}"`
    throw new SyntaxProblem(`${expected}, found ${found}`, token, hint)
  }

  slice(span: Span): string {
    return this.text.slice(span.start, span.end)
  }
}

const MOST_NESTING = 100
const LONGEST = 10_000

// `proto format`: one way to lay a schema out. Works on the tokens of the YAML, so that comments, quotes, the order of
// keys and columns that somebody aligned stay as they are. What changes is white space alone:
// two spaces a level, lists one level in, `{ a: b, c: [ d, e ] }`, one space behind a colon unless values of
// one block share a column, one space behind `#`, at most one empty line, none at the ends.

import { CST, Parser, parseDocument } from 'yaml'
import { Aligned } from './aligned.ts'

/** The text laid out. Text that is no YAML comes back as it is: its mistakes are for `lint`. */
export function formatSchema(text: string): string {
  const unified = text.replace(/\r\n?/g, '\n').replace(/^\uFEFF/, '')
  if (parseDocument(unified, { logLevel: 'silent' }).errors.length > 0) return text
  const tokens = [...new Parser().parse(unified)]
  const layout = new Layout(new Aligned(unified))
  for (const token of tokens) layout.token(token)
  const laid = tokens.map(token => CST.stringify(token)).join('')
  return tidy(laid)
}

type Item = CST.CollectionItem
type Run = CST.SourceToken[]

class Layout {
  readonly #aligned: Aligned

  constructor(aligned: Aligned) {
    this.#aligned = aligned
  }

  token(token: CST.Token): void {
    if (token.type !== 'document') return
    this.#lines(token.start, 0)
    if (token.value) this.#value(token.value, 0)
    if (token.end) this.#lines(token.end, 0)
  }

  /** `indent`: spaces in front of the line that the value begins on, or of its items where it is a block. */
  #value(token: CST.Token, indent: number): void {
    switch (token.type) {
      case 'block-map':
      case 'block-seq': {
        for (const item of token.items) this.#item(item, indent)
        token.indent = indent
        return
      }
      case 'flow-collection':
        this.#flow(token, indent)
        return
      case 'block-scalar':
        this.#blockScalar(token, indent)
        return
      case 'scalar':
      case 'single-quoted-scalar':
      case 'double-quoted-scalar':
        token.source = token.source.replace(/\n[ \t]*(?=\S)/g, `\n${' '.repeat(indent + STEP)}`)
        if (token.end) this.#behind(token.end, indent)
        return
      case 'alias':
        if (token.end) this.#behind(token.end, indent)
        return
      default:
    }
  }

  /** `key: value` or `- value` of a block. */
  #item(item: Item, indent: number): void {
    this.#lines(item.start, indent)
    const isList = item.start.some(token => token.type === 'seq-item-ind')
    if (isList && item.value === undefined && item.key === undefined) return
    if (item.key) this.#value(item.key, indent)
    if (item.sep) this.#separator(item.sep, item.value ?? undefined, indent)
    if (item.value) this.#value(item.value, this.#innerIndent(item, indent, isList))
  }

  /** A block inside stands one level further in; behind `- ` it begins on the same line. */
  #innerIndent(item: Item, indent: number, isList: boolean): number {
    const { value } = item
    const isBlock = value?.type === 'block-map' || value?.type === 'block-seq'
    return isBlock || (isList && value?.type !== 'block-scalar') ? indent + STEP : indent
  }

  /** Between a key and its value. */
  #separator(sep: Run, value: CST.Token | undefined, indent: number): void {
    const isBlock = value?.type === 'block-map' || value?.type === 'block-seq'
    const breaks = sep.some(token => token.type === 'newline')
    if (breaks) {
      this.#lines(sep, isBlock ? indent + STEP : indent + STEP)
      return
    }
    for (const [i, token] of sep.entries()) {
      if (token.type !== 'space' || sep[i - 1]?.type !== 'map-value-ind') continue
      if (!this.#aligned.has(token.offset + token.source.length)) token.source = ' '
    }
  }

  /** Spaces at the beginning of lines become the indent; comments get a space behind their sign. */
  #lines(run: Run, indent: number): void {
    let isStart = run[0] !== undefined && this.#aligned.startsLine(run[0].offset)
    for (let i = 0; i < run.length; i++) {
      const token = run[i]!
      if (token.type === 'space' && isStart) token.source = run[i + 1]?.type === 'newline' ? '' : ' '.repeat(indent)
      else if (isStart && token.type !== 'newline' && indent > 0) {
        run.splice(i, 0, { type: 'space', offset: token.offset, indent, source: ' '.repeat(indent) })
        i++
      }
      if (token.type === 'space' && run[i - 1]?.type === 'seq-item-ind') token.source = ' '
      comment(token)
      isStart = token.type === 'newline'
    }
  }

  /** What stands behind a value on its line, and lines of comments up to the next one. */
  #behind(run: Run, indent: number): void {
    const first = run.findIndex(token => token.type === 'newline')
    for (const token of first < 0 ? run : run.slice(0, first)) comment(token)
    if (first < 0) return
    const rest = run.slice(first + 1)
    this.#lines(rest, indent)
    run.splice(first + 1, run.length, ...rest)
  }

  #flow(token: CST.FlowCollection, indent: number): void {
    const isEmpty = token.items.every(item => !item.key && !item.value)
    for (const [i, item] of token.items.entries()) {
      spaced(item.start, i === 0 ? (isEmpty ? '' : ' ') : ' ', indent + STEP)
      if (item.key) this.#value(item.key, indent)
      if (item.sep) spaced(item.sep, item.value ? ' ' : '', indent + STEP)
      if (item.value) this.#value(item.value, indent)
      for (const inner of [item.key, item.value]) if (inner) withoutGap(inner)
    }
    const end = token.end.findIndex(one => one.source === '}' || one.source === ']')
    const before = token.end.slice(0, Math.max(0, end))
    spaced(before, isEmpty ? '' : ' ', indent)
    const after = token.end.slice(Math.max(0, end))
    for (const one of after) comment(one)
    const breaks = after.findIndex(one => one.type === 'newline')
    const rest = breaks < 0 ? [] : after.slice(breaks + 1)
    this.#lines(rest, indent)
    token.end = [...before, ...(breaks < 0 ? after : after.slice(0, breaks + 1)), ...rest]
  }

  #blockScalar(token: CST.BlockScalar, indent: number): void {
    const lines = token.source.split('\n')
    const own = Math.min(...lines.filter(line => line.trim() !== '').map(line => /^ */.exec(line)![0].length))
    const explicit = token.props.some(one => one.type === 'block-scalar-header' && /\d/.test(one.source))
    if (explicit || !Number.isFinite(own)) return
    token.source = lines.map(line => (line.trim() === '' ? '' : ' '.repeat(indent + STEP) + line.slice(own))).join('\n')
  }
}

/** Inside a flow collection: nothing before a comma, `gap` behind it and around what it holds. */
function spaced(run: Run, gap: string, indent: number): void {
  const kept: Run = []
  let afterBreak = false
  for (const token of run) {
    if (token.type === 'space') {
      if (afterBreak) kept.push({ ...token, source: ' '.repeat(indent) })
      continue
    }
    comment(token)
    if (token.type === 'comment' && !afterBreak) kept.push(space(token, ' '))
    kept.push(token)
    afterBreak = token.type === 'newline'
  }
  const last = kept.at(-1)
  if (gap !== '' && last?.type !== 'newline' && !(last?.type === 'space'))
    kept.push(space(last ?? run[0] ?? { offset: 0, indent }, gap))
  run.splice(0, run.length, ...kept)
}

/** Space behind a value inside a flow collection belongs to what follows, which has its own. */
function withoutGap(token: CST.Token): void {
  if (!('end' in token) || !Array.isArray(token.end)) return
  while (token.end.at(-1)?.type === 'space') token.end.pop()
}

function space({ offset, indent }: { offset: number; indent: number }, source: string): CST.SourceToken {
  return { type: 'space', offset, indent, source }
}

function comment(token: CST.SourceToken): void {
  if (token.type === 'comment') token.source = token.source.replace(/^#(?=[^\s#!])/, '# ').trimEnd()
}

/** No white space at the ends of lines, no two empty lines in a row, one line break at the end. */
function tidy(text: string): string {
  return `${text
    .replace(/[ \t]+$/gm, '')
    .replace(/\n{3,}/g, '\n\n')
    .replace(/^\n+/, '')
    .replace(/\n*$/, '')}\n`
}

/** Spaces of a level. */
const STEP = 2

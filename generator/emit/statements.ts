// Statements of generated methods: written into memory, with short names for what they use often.
import { CodeBlockWriter } from 'ts-morph'
import { withoutUnused } from './unit.ts'

export function render(write: (writer: CodeBlockWriter) => void): string {
  const writer = new CodeBlockWriter(WRITER)
  write(writer)
  return writer.toString()
}

/** Statements with the short names that they use in front: `b` the bytes, `at` the first byte, `end` what is there. */
export function preludes(text: string, from: 'input' | 'this'): (writer: CodeBlockWriter) => void {
  const body = withoutUnused(text)
  const bytes = count(body, WORDS.b)
  const at = count(body, WORDS.at)
  const end = count(body, WORDS.end)
  return writer => {
    if (from === 'this' && bytes <= 1 && at <= 1 && end === 0) {
      writer.write(body.replace(WORDS.b, 'this.byteSource').replace(WORDS.at, 'this.byteStart'))
      return
    }
    if (bytes > 0) writer.writeLine(`const b = ${from === 'input' ? 'input.bytes' : 'this.byteSource'}`)
    if (at > 0) writer.writeLine(`const at = ${from === 'input' ? 'input.start' : 'this.byteStart'}`)
    if (end > 0) writer.writeLine(`const end = ${from === 'input' ? 'input.have' : 'this.byteEnd'}`)
    if (from === 'input') {
      writer.write(body)
      return
    }
    // An offset that a getter uses often gets a short name too.
    const often = [...new Set(body.match(/this\.\w+(?:End|PlainAt)\b/g))].filter(name => body.split(name).length > 3)
    for (const name of often) writer.writeLine(`const ${name.slice(5)} = ${name}`)
    writer.write(often.reduce((text, name) => text.replaceAll(name, name.slice(5)), body))
  }
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

const WORDS = {
  b: /(?<![\w.'])b(?![\w:'])/g,
  at: /(?<![\w.'])at(?![\w:'])/g,
  end: /(?<![\w.'])end(?![\w:'])/g,
}
export const WRITER: { readonly indentNumberOfSpaces: 2; readonly useSingleQuote: true } = {
  indentNumberOfSpaces: 2,
  useSingleQuote: true,
}

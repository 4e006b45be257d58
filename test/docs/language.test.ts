// Runs the reference: every YAML block in docs/language must load and its examples must hold; a block marked with an
// error must fail with exactly that one.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadProtocol } from '../../generator/index.ts'
import { FUNCTIONS } from '../../generator/language/functions.ts'

const FOLDER = new URL('../../docs/language/', import.meta.url)
const SCHEMA_FOLDER = new URL('../../schema/', import.meta.url)

interface Block {
  readonly page: string
  readonly line: number
  readonly error: string | undefined
  readonly text: string
}

const pages = readdirSync(FOLDER).filter(name => name.endsWith('.md'))
const blocks = pages.flatMap(blocksOf)

describe.each(pages)('docs/language/%s', page => {
  test.each(blocks.filter(b => b.page === page && b.error === undefined))(
    'the schema at line $line loads and its examples hold',
    block => {
      expect(problems(block)).toEqual([])
    },
  )

  const wrong = blocks.filter(b => b.page === page && b.error !== undefined)
  if (wrong.length > 0) {
    test.each(wrong)('the schema at line $line is refused with $error', block => {
      expect(problems(block).map(p => /error\[([\w-]+)\]/.exec(p)?.[1])).toContain(block.error)
    })
  }
})

test('the reference names every function of the language', () => {
  const page = readFileSync(new URL('expressions.md', FOLDER), 'utf8')
  expect([...FUNCTIONS.keys()].filter(name => !page.includes(name))).toEqual([])
})

function problems(block: Block): string[] {
  const { diagnostics } = loadProtocol('schema/example.yaml', { read: path => read(path, block.text) })
  return diagnostics
    .filter(d => d.severity === 'error')
    .map(d => `${block.page}:${block.line + d.line}: error[${d.code}] ${d.message}${d.hint ? ` (${d.hint})` : ''}`)
}

function read(path: string, text: string): string | undefined {
  if (path.endsWith('example.yaml')) return text
  try {
    return readFileSync(new URL(path.replace(/^.*schema\//, ''), SCHEMA_FOLDER), 'utf8')
  } catch {
    return undefined
  }
}

function blocksOf(page: string): Block[] {
  const lines = readFileSync(new URL(page, FOLDER), 'utf8').split('\n')
  const found: Block[] = []
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```yaml(?: error=([\w-]+))?$/.exec(lines[i]!)
    if (!fence) continue
    const end = lines.indexOf('```', i)
    const body = lines.slice(i + 1, end).join('\n')
    const head = body.includes('protocol:') ? '' : 'protocol: example\nversion: 1\n'
    found.push({ page, line: i + 1 - (head === '' ? 0 : 2), error: fence[1], text: `${head}${body}\n` })
    i = end
  }
  return found
}

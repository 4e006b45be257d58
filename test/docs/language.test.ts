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

test('checks.md names every code, and no other', () => {
  const page = readFileSync(new URL('checks.md', FOLDER), 'utf8')
  const named = [...page.matchAll(/^\| ((?:`\w+`(?: · )?)+) +\|/gm)].flatMap(row => row[1]!.match(/\w+/g)!)
  expect(named.toSorted()).toEqual([...codes()].toSorted())
})

test('the reference names every function of the language', () => {
  const page = readFileSync(new URL('expressions.md', FOLDER), 'utf8')
  expect([...FUNCTIONS.keys()].filter(name => !page.includes(name))).toEqual([])
})

/** The codes that the sources report, and those that the corpus of mistakes expects. */
function codes(): Set<string> {
  const found = new Set<string>()
  for (const folder of ['language', 'load', 'model', 'check', 'normalize']) {
    for (const [, text] of textsIn(new URL(`../../generator/${folder}/`, import.meta.url))) {
      for (const spelling of CODES) for (const match of text.matchAll(spelling)) found.add(match[1]!)
    }
  }
  for (const [name, text] of textsIn(new URL('../generator/bad/', import.meta.url))) {
    const expected = /^# expect: \S+ (?:warning )?(\w+)$/m.exec(text)
    if (name.endsWith('.yaml') && expected) found.add(expected[1]!)
  }
  return found
}

function textsIn(folder: URL): [name: string, text: string][] {
  return readdirSync(folder).map(name => [name, readFileSync(new URL(name, folder), 'utf8')])
}

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
    const head = /^protocol:/m.test(body) ? '' : 'protocol: example\nversion: 1\n'
    found.push({ page, line: i + 1 - (head === '' ? 0 : 2), error: fence[1], text: `${head}${body}\n` })
    i = end
  }
  return found
}

const CODES: readonly RegExp[] = [
  /code: '([a-z]+)'/g,
  /Mistake\(\s*'([a-z]+)'/g,
  /\.error\(\s*(?:\[[^\]]*\]|[\w.!]+),\s*'([a-z]+)'/g,
]

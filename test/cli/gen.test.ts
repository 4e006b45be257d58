// gen: what is written, what --check finds, what --watch survives.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import Gen from '../../cli/commands/gen.ts'
import { build, start } from './built.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-gen-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SCHEMA = `protocol: tiny
version: 1
insecure: [ it is a test ]
frames:
  Note: { id: 1, fields: { text: string(u8) } }
transports: { tcp: { framing: prefix(u16), max_frame: 1KiB } }
`
const schema = join(folder, 'tiny.yaml')
const out = join(folder, 'generated')
writeFileSync(schema, SCHEMA)

describe('gen', () => {
  test('writes a folder for the protocol, the second time nothing', async () => {
    const { code, json } = await run(Gen, schema, '--out', out, '--json')
    expect(code).toBe(0)
    expect(json.written).toContain(join(out, 'tiny/codec.ts'))
    expect(readdirSync(join(out, 'tiny'))).toEqual(
      expect.arrayContaining([
        'codec.ts',
        'docs.md',
        'dissector.lua',
        'handlers.ts',
        'index.ts',
        'protocol.ts',
        'types.ts',
        'vectors.json',
      ]),
    )
    expect(readFileSync(join(out, 'tiny/codec.ts'), 'utf8')).toContain("from 'framewright/codegen/v1'")
    const before = statSync(join(out, 'tiny/codec.ts')).mtimeMs
    const again = await run(Gen, schema, '--out', out, '--json')
    expect(again.json.written).toEqual([])
    expect(statSync(join(out, 'tiny/codec.ts')).mtimeMs).toBe(before)
  })

  test('--check finds nothing in a fresh folder', async () => {
    const { code, json } = await run(Gen, schema, '--out', out, '--check', '--json')
    expect({ code, json }).toEqual({ code: 0, json: { fresh: true, stale: [] } })
  })

  test('--check exits with 100, lists stale, missing and left-over files, and says how to mend them', async () => {
    writeFileSync(join(out, 'tiny/types.ts'), '// edited\n')
    rmSync(join(out, 'tiny/docs.md'))
    writeFileSync(join(out, 'tiny/old.ts'), '')
    const { code, json } = await run(Gen, schema, '--out', out, '--check', '--json')
    expect(code).toBe(100)
    expect(json.stale.sort()).toEqual(['docs.md', 'old.ts', 'types.ts'].map(file => join(out, 'tiny', file)))
    expect(json.mend).toBe(`proto gen ${schema} --out ${out}`)
    const plain = await run(Gen, schema, '--out', out, '--check')
    expect(plain.code).toBe(100)
    expect(plain.stdout).toContain(`Mend with: proto gen ${schema} --out ${out}`)
    expect(readFileSync(join(out, 'tiny/types.ts'), 'utf8')).toBe('// edited\n')
  })

  test('the next gen mends it', async () => {
    await run(Gen, schema, '--out', out)
    expect((await run(Gen, schema, '--out', out, '--check')).code).toBe(0)
    expect(existsSync(join(out, 'tiny/old.ts'))).toBe(false)
  })

  test('--emit writes only what is asked for', async () => {
    const { json } = await run(Gen, schema, '--out', join(folder, 'docs'), '--emit', 'docs', '--json')
    expect(json.written.filter((file: string) => !file.endsWith('manifest.json'))).toEqual([
      join(folder, 'docs/tiny/docs.md'),
    ])
  })

  test('--runtime is what generated code imports', async () => {
    await run(Gen, schema, '--out', join(folder, 'other'), '--runtime', '@me/runtime')
    expect(readFileSync(join(folder, 'other/tiny/codec.ts'), 'utf8')).toContain("from '@me/runtime'")
  })

  test.each([
    [[join(folder, 'nope.yaml')], 66],
    [['tinny'], 66],
    [[schema, '--emit', 'docs,pdf'], 2],
    [[schema, '--check', '--watch'], 2],
  ])('%j exits with %i', async (argv, exit) => {
    expect((await run(Gen, ...argv, '--out', out)).code).toBe(exit)
    expect((await run(Gen, ...argv, '--out', out, '--json')).json.error.message).toBeTruthy()
  })

  test('a wrong schema exits with 65 and leaves what was generated alone', async () => {
    const wrong = join(folder, 'wrong.yaml')
    writeFileSync(wrong, SCHEMA.replace('string(u8)', 'strin(u8)'))
    const before = readFileSync(join(out, 'tiny/codec.ts'), 'utf8')
    const { code, stderr } = await run(Gen, wrong, '--out', out)
    expect({ code, stderr }).toEqual({ code: 65, stderr: expect.stringMatching(/wrong\.yaml:5:\d+: error/) })
    expect(readFileSync(join(out, 'tiny/codec.ts'), 'utf8')).toBe(before)
  })
})

describe('as a process', () => {
  beforeAll(build, 60_000)

  test('--watch outlives a bad schema, prints one line a cycle, and ends with 130', async () => {
    const project = join(folder, 'project')
    mkdirSync(join(project, 'schema'), { recursive: true })
    const file = join(project, 'schema/tiny.yaml')
    writeFileSync(file, SCHEMA)
    const watcher = start(['gen', '--watch', '--json'], { cwd: project })
    await watcher.line(line => line.event === 'generated')
    writeFileSync(file, SCHEMA.replace('string(u8)', 'strin(u8)'))
    await watcher.line(line => line.error?.line === 5)
    writeFileSync(file, SCHEMA.replace('Note', 'Letter'))
    await watcher.line(
      line =>
        line.event === 'generated' &&
        line.written.length > 0 &&
        line.written[0] !== undefined &&
        readText(project).includes('Letter'),
    )
    watcher.kill('SIGINT')
    const { code, stderr } = await watcher.exited
    expect({ code, stderr }).toMatchObject({ code: 130, stderr: expect.not.stringMatching(/\n {4}at /) })
  })

  test('a folder without schemas is missing input', async () => {
    const empty = join(folder, 'empty')
    mkdirSync(empty)
    expect((await start(['gen'], { cwd: empty }).exited).code).toBe(66)
  })
})

function readText(project: string): string {
  return readFileSync(join(project, 'generated/tiny/types.ts'), 'utf8')
}

// lint and schema: right and wrong schemas, with and without --json.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import Breaking from '../../cli/commands/breaking.ts'
import Format from '../../cli/commands/format.ts'
import Lint from '../../cli/commands/lint.ts'
import New from '../../cli/commands/new.ts'
import Schema from '../../cli/commands/schema.ts'
import { shippedSchemas } from '../../cli/package.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-schema-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string): string => {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}
const wrong = write(
  'wrong.yaml',
  'protocol: wrong\nversion: 1\nframes:\n  Data: { id: 1, fields: { len: u23x, body: bytes(len) } }\n',
)

describe('lint', () => {
  test.each(shippedSchemas().map(({ name }) => name))('the shipped schema %s is valid', async name => {
    const { code, json } = await run(Lint, name, '--json')
    expect(json.error, JSON.stringify(json.diagnostics)).toBeUndefined()
    expect([0, 100]).toContain(code)
  })

  test('what proto new writes has no findings', async () => {
    await run(New, 'fresh', '--out', folder)
    const { code, stdout } = await run(Lint, join(folder, 'fresh.yaml'))
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringContaining('2 frames, 1 example') })
  })

  test('a wrong schema is shown with line, caret and hint, and exits with 65', async () => {
    const { code, stdout, stderr } = await run(Lint, wrong)
    expect(code).toBe(65)
    expect(stdout).toMatch(/wrong\.yaml:4:\d+: error\[\w+\] .+\n +4 \|.+\n +\| +\^+/)
    expect(stdout + stderr).not.toMatch(/\n {4}at /)
  })

  test('the same with --json has file, line, column, code and message', async () => {
    const { code, json } = await run(Lint, wrong, '--json')
    expect(code).toBe(65)
    expect(json.diagnostics[0]).toMatchObject({ file: wrong, line: 4, column: expect.any(Number), severity: 'error' })
    expect(json.error).toEqual(json.diagnostics[0])
  })

  test('warnings alone exit with 100', async () => {
    const file = write(
      'warn.yaml',
      'protocol: warn\nversion: 1\nframes: { Key: { id: 1 } }\ntransports: { tcp: { framing: prefix(u16), max_frame: 1KiB } }\n',
    )
    const { code, json } = await run(Lint, file, '--json')
    expect({ code, errors: json.errors }).toEqual({ code: 100, errors: 0 })
    expect(json.warnings).toBeGreaterThan(0)
  })

  test('several schemas are checked in one run, one bad one decides', async () => {
    const { code, json } = await run(Lint, 'vstp', wrong, '--json')
    expect(code).toBe(65)
    expect(json.schemas.map((schema: { valid: boolean }) => schema.valid)).toEqual([true, false])
  })
})

describe('schema', () => {
  test('lists frames with ids, sizes, directions, channels and answers', async () => {
    const { code, json } = await run(Schema, 'vstp', '--json')
    expect(code).toBe(0)
    expect(json.frames.map((frame: { name: string }) => frame.name)).toEqual([
      'Hello',
      'Welcome',
      'Data',
      'Ping',
      'Pong',
      'Bye',
      'Ack',
      'Err',
    ])
    expect(json.frames[2]).toMatchObject({ id: [3], size: { min: 15 }, channel: 'messages', answers: ['Ack'] })
    expect(json.frames[1].dir).toEqual(['server>client'])
    expect(json.transports[0]).toEqual({ kind: 'tcp', framing: 'self', port: 6969, max_frame: 8_388_608 })
  })

  test('is a table for people', async () => {
    const { stdout } = await run(Schema, 'vstp')
    expect(stdout).toMatch(/^frame +id +bytes +direction +channel +answered by +what$/m)
    expect(stdout).toMatch(/^Data +3 +15\+ +both ways +messages +Ack$/m)
  })

  test('a profile changes it', async () => {
    const { json } = await run(Schema, 'vstp', '--profile', 'crate-0.2.1', '--json')
    expect(json.profile).toBe('crate-0.2.1')
    expect(json.transports.map((transport: { kind: string }) => transport.kind)).toEqual(['tcp', 'udp'])
  })

  test('states are shown with what comes next', async () => {
    const { json } = await run(Schema, 'potato', '--json')
    expect(json.states[0]).toMatchObject({ name: 'hello', frames: { Name: ['open'] } })
  })

  test('one frame is shown with its fields', async () => {
    const { stdout } = await run(Schema, 'vstp', 'data')
    expect(stdout).toMatch(/^header_len +u16le +2$/m)
  })

  test.each([
    [['vtsp'], 66, 'did you mean "vstp"?'],
    [['no/such.yaml'], 66, 'no such file'],
    [[folder], 66, 'is a directory'],
    [['vstp', 'Dta'], 2, 'did you mean "Data"?'],
    [['vstp', '--profile', 'crate-0.2'], 2, 'did you mean "crate-0.2.1"?'],
    [[wrong], 65, 'wrong.yaml:4:'],
    [[write('empty.yaml', '')], 65, 'empty.yaml'],
    [[write('broken.yaml', 'a: [1, 2')], 65, 'broken.yaml:1:'],
    [[write('binary.yaml', '\u0000\u0001\u0002')], 65, 'binary.yaml'],
  ])('%j exits with %i', async (argv, exit, text) => {
    const plain = await run(Schema, ...argv)
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: exit, stdout: '' })
    expect(plain.stderr).toContain(text)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
    const { code, json } = await run(Schema, ...argv, '--json')
    expect(code).toBe(exit)
    expect(json.error).toMatchObject({ code: expect.any(String), message: expect.any(String) })
  })
})

describe('breaking', () => {
  const older = 'protocol: demo\nversion: 1\nframes: { Ping: { id: 1 }, Pong: { id: 2 } }\ntransports: { udp: {} }\n'

  test('what breaks is told with its line, and exits with 100', async () => {
    const before = write('before.yaml', older)
    const after = write('after.yaml', older.replace('Pong: { id: 2 }', 'Pong: { id: 3 }'))
    const { code, stdout } = await run(Breaking, after, '--against', before)
    expect(code).toBe(100)
    expect(stdout).toMatch(/after\.yaml:3:\d+ wire\[id\] frame Pong had the id 2, has 3\n/)
    const { json } = await run(Breaking, after, '--against', before, '--json')
    expect(json).toMatchObject({ wire: 1, source: 0, findings: [{ breaks: 'wire', code: 'id', line: 3 }] })
  })

  test('a schema against itself exits with 0, and a commit that does not exist with 66', async () => {
    const same = write('same.yaml', older)
    expect((await run(Breaking, same, '--against', same)).code).toBe(0)
    expect((await run(Breaking, 'vstp', '--against', 'git:no-such-commit')).code).toBe(66)
    expect((await run(Breaking, same, '--against', join(folder, 'absent.yaml'))).code).toBe(66)
  })
})

describe('format', () => {
  const untidy = 'protocol:  demo\nversion: 1\nframes: {Ping: {id: 1}}   # one\n'
  const tidy = 'protocol: demo\nversion: 1\nframes: { Ping: { id: 1 } }   # one\n'

  test('the text goes to stdout, the file with --write, and --check exits with 100 until it is laid out', async () => {
    const file = write('untidy.yaml', untidy)
    expect(await run(Format, file)).toMatchObject({ code: 0, stdout: tidy })
    expect((await run(Format, file, '--check')).code).toBe(100)
    const { json } = await run(Format, file, '--write', '--json')
    expect(json).toMatchObject({ changed: 1, files: [{ changed: true }] })
    expect(readFileSync(file, 'utf8')).toBe(tidy)
    expect((await run(Format, file, '--check')).code).toBe(0)
  })

  test('text that is no YAML is refused with its line, and stays as it is', async () => {
    const file = write('broken.yaml', 'protocol: demo\nframes: { a: [1, 2 }\n')
    const { code, stderr } = await run(Format, file, '--write')
    expect(code).toBe(65)
    expect(stderr).toMatch(/broken\.yaml:2:\d+: error/)
    expect(readFileSync(file, 'utf8')).toContain('[1, 2 }')
  })
})

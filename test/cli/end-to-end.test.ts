// The command as it is installed: exit codes, streams and signals of real processes.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { build, proto, start } from './built.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-e2e-'))
beforeAll(build, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the installed command', () => {
  test('help lists every command', async () => {
    const { code, stdout } = await proto('--help')
    expect(code).toBe(0)
    for (const name of [
      'gen',
      'lint',
      'schema',
      'encode',
      'decode',
      'serve',
      'send',
      'listen',
      'demo',
      'doctor',
      'new',
      'fuzz',
      'autocomplete',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'))
    }
  })

  test.each(['gen', 'lint', 'schema', 'encode', 'decode', 'serve', 'send', 'listen', 'demo'])(
    '%s has help with examples',
    async name => {
      const { code, stdout } = await proto(name, '--help')
      expect(code).toBe(0)
      expect(stdout).toContain('EXAMPLES')
      expect(stdout).toContain(`$ proto ${name}`)
    },
  )

  test.each([
    [['schema', 'vstp'], 0],
    [['genn'], 2],
    [['schema', 'vstp', '--nope'], 2],
    [['encode', 'vstp', 'Data', 'payload=zz'], 65],
    [['schema', 'vtsp'], 66],
    [['decode', 'vstp', '00'], 76],
  ])('%j exits with %i, plain and with --json', async (argv, exit) => {
    const plain = await proto(...argv)
    expect(plain.code, plain.stderr).toBe(exit)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
    const json = await proto(...argv, '--json')
    expect(json.code, json.stderr).toBe(exit)
    expect(JSON.parse(json.stdout)).toEqual(
      exit === 0 ? expect.anything() : { error: expect.objectContaining({ code: expect.any(String) }) },
    )
  })

  test('standard input is read to its end', async () => {
    const { code, stdout } = await start(['decode', 'vstp', '-', '--json'], {
      stdin: '56540101 00000000 00000000 90a29464\n',
    }).exited
    expect({ code, frame: JSON.parse(stdout).frame }).toEqual({ code: 0, frame: 'Hello' })
  })

  test('a reader that stops reading ends the command quietly', async () => {
    const hex = '565401010000000000000090a29464'.repeat(20_000)
    const child = start(['decode', 'vstp', '-'], { stdin: hex })
    child.closeOutput()
    const { code, stderr } = await child.exited
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })
})

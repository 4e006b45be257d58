// The command as it is installed: exit codes, streams and signals of real processes.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import { build, proto, start } from './built.ts'

const COMMANDS = fileURLToPath(new URL('../../cli/commands', import.meta.url))
beforeAll(build, 60_000)

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

  test('every command has a summary and examples of itself', async () => {
    const { code, stdout } = await proto('send', '--help')
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/EXAMPLES\n +\$ proto send vstp/) })
    for (const file of readdirSync(COMMANDS, { recursive: true }) as string[]) {
      if (!file.endsWith('.ts')) continue
      const { default: Command } = await import(join(COMMANDS, file))
      const name = file.replace(/\.ts$/, '').replace('/', ' ')
      expect(Command.summary, name).toMatch(/\.$/)
      expect(JSON.stringify(Command.examples), name).toContain(`<%= config.bin %> ${name}`)
    }
  })

  test.each([
    [['schema', 'vstp'], 0],
    [['genn'], 2],
    [['encode', 'vstp', 'Data', 'payload=zz'], 65],
  ])('%j exits with %i, plain and with --json', async (argv, exit) => {
    const plain = await proto(...argv)
    expect(plain.code, plain.stderr).toBe(exit)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
    const json = await proto(...argv, '--json')
    expect(json.code, json.stderr).toBe(exit)
    if (exit > 0) expect(JSON.parse(json.stdout).error.code).toEqual(expect.any(String))
  })

  test('standard input is read to its end', async () => {
    const { code, stdout } = await start(['decode', 'vstp', '-', '--json'], {
      stdin: '56540101 00000000 000000 90a29464\n',
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

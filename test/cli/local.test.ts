// Commands that need no schema: key, new, doctor; and how every command treats a wrong command line.

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { x25519 } from '@noble/curves/ed25519.js'
import { afterAll, describe, expect, test } from 'vitest'
import Doctor from '../../cli/commands/doctor.ts'
import KeyNew from '../../cli/commands/key/new.ts'
import KeyShow from '../../cli/commands/key/show.ts'
import New from '../../cli/commands/new.ts'
import { preferProvider } from '../../runtime/native/choose.ts'
import { allowNative, native } from '../../runtime/native/load.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-local-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('key', () => {
  const file = join(folder, 'server.key')

  test('new writes the private key for its owner only and prints the public one', async () => {
    const { code, json, stdout } = await run(KeyNew, file, '--json')
    expect(code).toBe(0)
    const secret = readFileSync(file, 'utf8').trim()
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const expected = Buffer.from(x25519.getPublicKey(Buffer.from(secret.slice(2), 'hex'))).toString('hex')
    expect(json.public).toBe(`0x${expected}`)
    expect(stdout).not.toContain(secret.slice(2))
  })

  test('show prints the same public key again', async () => {
    const { code, stdout } = await run(KeyShow, file)
    const secret = readFileSync(file, 'utf8').trim()
    const expected = Buffer.from(x25519.getPublicKey(Buffer.from(secret.slice(2), 'hex'))).toString('hex')
    expect({ code, stdout }).toEqual({ code: 0, stdout: `0x${expected}\n` })
  })

  test('a key is never overwritten', async () => {
    const before = readFileSync(file)
    const { code, json } = await run(KeyNew, file, '--json')
    expect(code).toBe(65)
    expect(json.error).toMatchObject({ code: 'FileExists' })
    expect(readFileSync(file)).toEqual(before)
  })

  test.each([[[]], [['--json']]])('a missing key file is missing input %j', async flags => {
    const { code, stdout, stderr } = await run(KeyShow, join(folder, 'nope'), ...flags)
    expect(code).toBe(66)
    expect(flags.length > 0 ? stdout : stderr).toContain('no such file')
  })

  test('a file that holds no key is refused without showing what is in it', async () => {
    const bad = join(folder, 'bad.key')
    writeFileSync(bad, 'hunter2')
    const { code, stdout, stderr } = await run(KeyShow, bad)
    expect(code).toBe(65)
    expect(stdout + stderr).not.toContain('hunter2')
  })
})

describe('new', () => {
  test('writes a schema and handlers, and names them', async () => {
    const { code, json } = await run(New, 'telemetry', '--out', folder, '--json')
    expect(code).toBe(0)
    expect(json.files).toEqual([join(folder, 'telemetry.yaml'), join(folder, 'telemetry.handlers.ts')])
    expect(readFileSync(join(folder, 'telemetry.yaml'), 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=\S+\nprotocol: telemetry/,
    )
  })

  test('leaves a file that exists as it is', async () => {
    writeFileSync(join(folder, 'taken.yaml'), 'mine')
    const { code } = await run(New, 'taken', '--out', folder)
    expect(code).toBe(65)
    expect(readFileSync(join(folder, 'taken.yaml'), 'utf8')).toBe('mine')
  })

  test.each(['Telemetry', '../x y', '1st', ''])('"%s" is no name', async name => {
    expect((await run(New, name, '--out', folder)).code).toBe(2)
  })
})

describe('doctor', () => {
  test('finds the crypto providers working', async () => {
    const { code, json } = await run(Doctor, '--json')
    expect(code).toBe(0)
    const checks = json.checks as { name: string; ok: boolean }[]
    expect(checks.filter(check => !check.ok)).toEqual([])
    expect(checks.map(check => check.name)).toContain('crypto noble')
  })

  test('says which provider and which path of UDP is in use, and why', async () => {
    const { sockets, reason } = native()
    const { stdout } = await run(Doctor)
    const state = sockets === undefined ? `node is used instead` : 'in use, first seal'
    expect(stdout).toMatch(new RegExp(`crypto native +.*${state}`))
    expect(stdout).toContain(reason)
    try {
      const refused = await run(Doctor, '--no-native')
      expect(refused.stdout).toMatch(/crypto native +refused by --no-native; node is used instead/)
      expect(refused.stdout).toMatch(/udp +node:dgram \(accelerator: refused by --no-native\)/)
      expect((await run(Doctor, '--crypto', 'noble')).stdout).toMatch(/crypto noble +in use/)
    } finally {
      allowNative()
      preferProvider(undefined)
    }
  })
})

describe('a wrong command line', () => {
  test('an unknown flag is one sentence and exit 2', async () => {
    const { code, stdout, stderr } = await run(Doctor, '--nope')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^proto: unknown flag --nope\nsee proto doctor --help\n$/)
  })

  test('with --json it is an error object on stdout and the same exit code', async () => {
    const { code, stdout, stderr } = await run(Doctor, '--json', '--nope')
    expect(code).toBe(2)
    expect(JSON.parse(stdout)).toEqual({ error: { code: 'Usage', message: 'unknown flag --nope' } })
    expect(stderr).toBe('')
  })

  test('a missing argument is named', async () => {
    const { code, stderr } = await run(KeyShow)
    expect(code).toBe(2)
    expect(stderr).toMatch(/^proto: missing argument file/)
  })

  test('too many arguments are refused', async () => {
    expect((await run(KeyShow, 'a', 'b')).code).toBe(2)
  })

  test.each([['--crypto', 'rot13'], ['--color', 'pink'], ['--profile'], ['--set']])(
    '%s %s is refused',
    async (...flags) => {
      const { code, stderr } = await run(Doctor, ...flags)
      expect(code).toBe(2)
      expect(stderr).not.toMatch(/\n {4}at /)
    },
  )

  test('colour is only there when asked for', async () => {
    expect((await run(Doctor)).stdout).not.toContain('\u001b[')
    expect((await run(Doctor, '--color', 'always')).stdout).toContain('\u001b[')
  })
})

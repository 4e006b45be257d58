// serve, send and listen where they do not even begin: wrong command lines, values and files.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import Fuzz from '../../cli/commands/fuzz.ts'
import Listen from '../../cli/commands/listen.ts'
import Replay from '../../cli/commands/replay.ts'
import Send from '../../cli/commands/send.ts'
import Serve from '../../cli/commands/serve.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-refused-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const file = (name: string, content: string): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

// Nobody listens at port 1: what gets so far as to connect exits with 69.
const TO = 'tcp://127.0.0.1:1'

describe('send', () => {
  test.each([
    [['vstp', TO, 'Data', 'payload=zz'], 65, 'payload'],
    [['vstp', TO, 'Data', '--size', '9GiB'], 65, 'at most 8388608 bytes'],
    [['vstp', TO, 'Data', '--data', '{'], 65, 'is not JSON'],
    [['vstp', TO, 'Data', '--data', '@no-such.json'], 66, 'no such file'],
    [['vstp', TO, 'Nope'], 2, 'no frame "Nope"'],
    [['vstp', TO, '--count', '1e99'], 2, 'whole number'],
    [['vstp', TO, '--count', '0'], 2, 'whole number'],
    [['vstp', TO, '--rate', 'often'], 2, 'not a rate'],
    [['vstp', TO, '--timeout', 'soon'], 2, 'not a duration'],
    [['vstp', TO, '--wait', 'Nope'], 2, 'neither a number nor a frame'],
    [['vstp', TO, '--channel', 'nope'], 2, 'no such channel'],
    [['vstp', TO, '--role', 'nope'], 2, 'nope'],
    [['vstp', TO, '--set', 'ca'], 2, 'PARAM=VALUE'],
    [['vstp', TO, '--set', 'cert=x'], 2, 'no such param'],
    [['vstp', TO, '--set', 'ca=env:NO_SUCH_VARIABLE'], 66, 'NO_SUCH_VARIABLE'],
    [['vstp', TO, '--set', 'ca=@no-such.pem'], 66, 'no such file'],
    [['vstp', TO, '--profile', 'nope'], 2, 'no profile'],
    [['vstp', TO, '--crypto', 'native', '--no-native'], 2, 'native'],
    [['vstp', 'ftp://127.0.0.1:1'], 2, 'ftp'],
    [['vstp', 'not an address'], 2, 'address'],
    [['vstp', 'tcp://127.0.0.1:99999'], 2, '65535'],
    [['vstp'], 2, 'missing argument'],
    [['nope', TO], 66, 'no schema "nope"'],
    [['intentra', 'udp://127.0.0.1:1'], 65, 'params are given with --set'],
    [['vstp', TO], 69, 'refused'],
  ])('%j exits with %i and says why in one event', async (argv, exit, text) => {
    const { code, lines, stderr } = await run(Send, ...argv, '--json')
    const errors = lines.filter(line => line.event === 'error')
    expect({ code, stderr: stderr.replace(/^insecure: .*\n/gm, '') }).toEqual({ code: exit, stderr: '' })
    expect(errors).toEqual([
      expect.objectContaining({ code: expect.any(String), message: expect.stringContaining(text), fatal: true }),
    ])
    const plain = await run(Send, ...argv)
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: exit, stdout: '' })
    expect(plain.stderr).toContain(text)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
  })
})

describe('serve', () => {
  test.each([
    [['vstp', '--listen', 'nowhere at all'], 2],
    [['vstp', '--listen', 'quic://127.0.0.1:1'], 2],
    [['vstp', '--listen', 'tcp://192.0.2.1:0'], 69],
    [['vstp', '--for', 'a while'], 2],
    [['vstp', '--metrics', '9464'], 2],
    [['vstp', '--echo', '--handler', 'x.ts'], 2],
    [['vstp', '--role', 'client'], 2],
    [['vstp', '--handler', join(folder, 'missing.ts')], 66],
    [['vstp', '--handler', file('stray.mjs', 'export default { Dta() {} }')], 65],
    [['vstp', '--handler', file('empty.mjs', 'export default {}')], 65],
    [['vstp', '--handler', file('throws.mjs', 'throw new Error("at import")')], 65],
    [['vstp', '--handler', file('broken.mjs', 'export default {')], 65],
  ])('%j exits with %i', async (argv, exit) => {
    const { code, lines } = await run(Serve, ...argv, '--json')
    expect(code, JSON.stringify(lines)).toBe(exit)
    expect(lines.at(-1)).toMatchObject({ event: 'error', error: { code: expect.any(String) } })
    const plain = await run(Serve, ...argv)
    expect(plain.code).toBe(exit)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
  })
})

describe('the others', () => {
  test.each([
    [Listen, ['vstp', TO], 69],
    [Listen, ['vstp', TO, '--count', '-1'], 2],
    [Replay, [join(folder, 'nope.jsonl')], 66],
    [Replay, [file('text.jsonl', 'hello')], 65],
    [Replay, [file('empty.jsonl', '')], 65],
    [Replay, [file('half.jsonl', '{"recording":1,"schema":"vstp"}\n{"t":1}')], 65],
    [Replay, [file('gone.jsonl', '{"recording":1,"schema":"no-such"}')], 66],
    [Replay, [file('x.jsonl', ''), '--speed', 'warp'], 2],
    [Fuzz, ['vstp', '--count', '0'], 2],
    [Fuzz, ['vstp', '--count', '1e300'], 2],
    [Fuzz, ['nope'], 66],
  ] as const)('%o %j exits with %i', async (Command, argv, exit) => {
    const { code, stdout, stderr } = await run(Command, ...argv)
    expect(code, stdout + stderr).toBe(exit)
    expect(stderr).not.toMatch(/\n {4}at /)
    expect((await run(Command, ...argv, '--json')).code).toBe(exit)
  })
})

test('fuzzing finds nothing in a sound codec and repeats with its seed', async () => {
  const first = await run(Fuzz, 'rpc', '--count', '20000', '--seed', '7', '--compare', '50', '--json', '-q')
  expect(first.json.findings).toEqual([])
  expect(first.code).toBe(0)
  expect(first.json).toMatchObject({ seed: 7, frames: 20_000, compared: 400 })
  expect(first.json.decoded).toBeGreaterThan(0)
  const again = await run(Fuzz, 'rpc', '--count', '20000', '--seed', '7', '--compare', '50', '--json', '-q')
  expect(again.json.codes).toEqual(first.json.codes)
})

// The addon itself: hostile arguments, what it owns and lets go, threads, and that what ships was built from these sources.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { NativeAddon } from '../../runtime/native/addon.ts'
import { allowNative, native, REFUSAL, refuseNative } from '../../runtime/native/load.ts'

const run = promisify(execFile)
const FOLDER = fileURLToPath(new URL('../../runtime/native/', import.meta.url))
const { addon, reason } = native()
if (addon === undefined) process.stdout.write(`skipped: tests of the addon: ${reason}\n`)
const file = addon === undefined ? '' : `${FOLDER}${reason}`
const node = (...args: string[]): Promise<{ stdout: string }> =>
  run(process.execPath, ['--expose-gc', '--import', 'tsx', ...args], { timeout: 60_000 })
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

describe.skipIf(addon === undefined)('the addon', () => {
  test('survives sixty thousand calls with arguments that make no sense', async () => {
    const seed = String(1 + Math.floor(Math.random() * 1e9))
    const { stdout } = await node(here('hostile.ts'), file, seed, '60000').catch(error => {
      throw new Error(`seed ${seed}: ${error.message}`)
    })
    const { returned, threw, opened } = JSON.parse(stdout)
    expect(returned + threw).toBe(60_000)
    // Else the checks behind the first ones were not reached.
    expect(returned).toBeGreaterThan(10_000)
    expect(opened).toBeGreaterThan(20)
  })

  test('lets go of keys that are destroyed or forgotten, of sockets, and of what a thread leaves behind', async () => {
    const { stdout } = await node(here('life.ts'), file, '12')
    const { datagrams, growth } = JSON.parse(stdout)
    expect(datagrams).toBe(12 * 2 * 20 * 40)
    // Twelve rounds of 800 keys are 9 MB when they are not let go.
    expect(growth).toBeLessThan(6e6)
  })

  test('a handle of something gone is not taken for something new', () => {
    const native = addon as NativeAddon
    const owner = {}
    const first = native.key(owner, 0, new Uint8Array(32))
    native.destroyKey(first)
    const second = native.key(owner, 0, new Uint8Array(32))
    expect(second).not.toBe(first)
    const bytes = new Uint8Array(32)
    expect(() => native.seal(first, new Uint8Array(12), bytes, bytes, 0, 16)).toThrow('the key was destroyed')
    native.destroyKey(first)
    expect(native.seal(second, new Uint8Array(12), new Uint8Array(0), bytes, 0, 16)).toBe(32)
    native.destroyKey(second)
  })

  test('more keys than there are contexts seal and open in turn, of all ciphers, and what is forged opens under none', () => {
    const native = addon as NativeAddon
    const owners: object[] = []
    const pairs = Array.from({ length: 3000 }, (_, i) => {
      const secret = new Uint8Array(i % 4 === 1 ? 16 : 32).fill(i)
      secret[1] = i >> 8
      return [0, 1].map(() => native.key(owners[owners.push({}) - 1] as object, i % 4, secret)) as [number, number]
    })
    const header = new Uint8Array(8)
    let opened = 0
    for (let round = 0; round < 2; round++)
      for (const [i, [sealing, opening]] of pairs.entries()) {
        const bytes = new Uint8Array(80).fill(round)
        const nonce = new Uint8Array(i % 4 === 3 ? 24 : 12).fill(round + 1)
        native.seal(sealing, nonce, header, bytes, 0, 64)
        if (i % 7 === 0) bytes[3]! ^= 1
        const length = native.open(opening, nonce, header, bytes, 0, 80)
        if (length === 64 && bytes.subarray(0, 64).every(byte => byte === round)) opened++
        else expect([i % 7, length]).toEqual([0, -1])
      }
    expect(opened).toBe(2 * pairs.filter((_, i) => i % 7 !== 0).length)
    for (const key of pairs.flat()) native.destroyKey(key)
  })
})

test('what ships and what was built here comes from these sources', async () => {
  const { sourceHash } = (await import('../../runtime/native/build.js' as string)) as { sourceHash(): string }
  const shipped = existsSync(`${FOLDER}prebuilds`) ? readdirSync(`${FOLDER}prebuilds`) : []
  const own = `${process.platform}-${process.arch}`
  const files = shipped
    .filter(name => name === own)
    .flatMap(name => readdirSync(`${FOLDER}prebuilds/${name}`).map(at => `${FOLDER}prebuilds/${name}/${at}`))
  if (existsSync(`${FOLDER}build/Release/framewright.node`)) files.push(`${FOLDER}build/Release/framewright.node`)
  for (const at of files)
    expect([at, (createRequire(import.meta.url)(at) as NativeAddon).source]).toEqual([at, sourceHash()])
})

test('who refuses it is obeyed: by the environment, and by a call', async () => {
  const code = `import { native } from ${JSON.stringify(`${FOLDER}load.ts`)}; console.log(JSON.stringify({ there: native().addon !== undefined, why: native().reason }))`
  const { stdout } = await run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    env: { ...process.env, [REFUSAL]: '1' },
  })
  expect(JSON.parse(stdout)).toEqual({ there: false, why: `refused by ${REFUSAL}` })
  refuseNative('refused by --no-native')
  expect(native()).toEqual({ addon: undefined, sockets: undefined, reason: 'refused by --no-native' })
  allowNative()
  expect(native().reason).toBe(process.env[REFUSAL] ? native().reason : reason)
})

// Writing generated files and watching schemas, without a generator.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { apply, compare, writeAtomically } from '../../cli/generate/output.ts'
import { watchFiles } from '../../cli/generate/watch.ts'
import { cached, cacheFolder } from '../../cli/live/cache.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-output-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('only files that differ are written, what is no longer generated goes, what is not ours stays', () => {
  const out = join(folder, 'generated')
  mkdirSync(join(out, 'a'), { recursive: true })
  mkdirSync(join(out, 'mine'))
  writeFileSync(join(out, 'a/same.ts'), 'same')
  writeFileSync(join(out, 'a/old.ts'), 'old')
  writeFileSync(join(out, 'a/gone.ts'), 'gone')
  writeFileSync(join(out, 'mine/notes.txt'), 'mine')
  const before = statSync(join(out, 'a/same.ts')).mtimeMs
  const files = new Map([
    ['a/same.ts', 'same'],
    ['a/old.ts', 'new'],
    ['a/more.ts', 'more'],
  ])
  const difference = compare(files, out, ['a'])
  expect(difference).toEqual({ changed: ['a/more.ts', 'a/old.ts'], extra: ['a/gone.ts'] })
  apply(files, out, difference)
  expect(readFileSync(join(out, 'a/old.ts'), 'utf8')).toBe('new')
  expect(existsSync(join(out, 'a/gone.ts'))).toBe(false)
  expect(readFileSync(join(out, 'mine/notes.txt'), 'utf8')).toBe('mine')
  expect(statSync(join(out, 'a/same.ts')).mtimeMs).toBe(before)
  expect(compare(files, out, ['a'])).toEqual({ changed: [], extra: [] })
})

test('a write that fails leaves nothing behind', () => {
  mkdirSync(join(folder, 'taken'))
  expect(() => writeAtomically(join(folder, 'taken'), 'text')).toThrow()
  expect(existsSync(join(folder, `taken.${process.pid}.tmp`))).toBe(false)
})

test('a cycle runs at once and once for each change, also when it comes during a cycle or by replacing the file', async () => {
  const file = join(folder, 'watched.yaml')
  writeFileSync(file, '1')
  writeFileSync(join(folder, 'other.yaml'), '')
  const stop = new AbortController()
  const seen: string[] = []
  const arrived: (() => void)[] = []
  const next = () => new Promise<void>(settle => arrived.push(settle))
  const begun = next()
  const first = next()
  const second = next()
  const watching = watchFiles(
    () => [file],
    async () => {
      seen.push(readFileSync(file, 'utf8'))
      // Changed while the cycle runs: that is another cycle.
      if (seen.length === 2) writeAtomically(file, '3')
      await new Promise(settle => setTimeout(settle, 100))
      arrived.shift()?.()
    },
    stop.signal,
    20,
  )
  await begun
  writeFileSync(join(folder, 'other.yaml'), 'not watched')
  writeFileSync(file, '2')
  await first
  await second
  stop.abort()
  await watching
  expect(seen).toEqual(['1', '2', '3'])
})

test('the cache makes a folder once, whoever comes first', async () => {
  let made = 0
  const make = async () => {
    made++
    return new Map([['sub/a.js', `export default ${made}`]])
  }
  const [one, two] = await Promise.all([cached(folder, 'key', make), cached(folder, 'key', make)])
  expect(one).toBe(two)
  await cached(folder, 'key', make)
  expect(made).toBe(2)
  expect(readFileSync(join(one, 'sub/a.js'), 'utf8')).toMatch(/export default [12]/)
})

test('the cache is a folder that only its owner can write', () => {
  const ours = cacheFolder({ XDG_CACHE_HOME: join(folder, 'cache') })
  expect(ours).toBe(join(folder, 'cache/framewright'))
  expect(statSync(ours).mode & 0o077).toBe(0)
})

// The rules of ARCHITECTURE.md that a machine can check: which folder may import which, who may touch the world, how long
// files are, and that no protocol is named where only generic code belongs.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const files = ['generator', 'runtime', 'generated', 'cli'].flatMap(folder => sources(join(ROOT, folder)))

test('imports go one way: cli to generator, runtime and generated; generated to runtime/codegen/v1; runtime to itself', () => {
  const wrong = imports().filter(({ from, to }) => {
    if (!to.startsWith('.') && !/^(cli|generator|runtime|generated|schema|test|bench)\//.test(to)) return false
    const [layer] = from.split('/')
    if (layer === 'generator')
      return (
        !to.startsWith('generator/') && !PURE.some(p => to.startsWith(p)) && !to.startsWith('runtime/core/protocol')
      )
    if (layer === 'generated') return to !== 'runtime/codegen/v1.ts' && !to.startsWith('generated/')
    if (layer === 'runtime') return !to.startsWith('runtime/')
    return to.startsWith('test/') || to.startsWith('bench/')
  })
  expect(wrong).toEqual([])
})

test('a generated protocol imports no other protocol', () => {
  const wrong = imports().filter(
    ({ from, to }) =>
      from.startsWith('generated/') && to.startsWith('generated/') && from.split('/')[1] !== to.split('/')[1],
  )
  expect(wrong).toEqual([])
})

test('the pure parts of the runtime import nothing above them', () => {
  const wrong = imports().filter(
    ({ from, to }) =>
      PURE.some(p => from.startsWith(p)) && to.startsWith('runtime/') && !PURE.some(p => to.startsWith(p)),
  )
  expect(wrong).toEqual([])
})

test('only drivers touch sockets, timers, the clock and randomness', () => {
  const wrong = files
    .filter(f => f.startsWith('runtime/') && !f.startsWith('runtime/drivers/') && !f.startsWith('runtime/native/'))
    .flatMap(file => {
      const text = code(file)
      const used = [
        /from 'node:(net|tls|dgram|http|https|fs|timers|worker_threads|child_process|dns|os|perf_hooks)[/']/,
        /\b(setTimeout|setInterval|setImmediate)\(/,
        /\b(Date\.now|performance\.now|Math\.random)\(/,
        /\brandomBytes\(/,
      ]
      return used.filter(pattern => pattern.test(text)).map(pattern => `${file}: ${pattern.source}`)
    })
  expect(wrong).toEqual([])
})

test('the generator is pure: it reads no file and starts nothing', () => {
  const wrong = files.filter(
    f => f.startsWith('generator/') && /from 'node:(fs|child_process|net|http|os|worker_threads)[/']/.test(code(f)),
  )
  expect(wrong).toEqual([])
})

test('no protocol is named in generic code', () => {
  const wrong = files.filter(
    f =>
      /^(runtime|generator)\//.test(f) &&
      /\b(vstp|intentra|hydra|fastnet|pea2pea)\b/i.test(readFileSync(join(ROOT, f), 'utf8')),
  )
  expect(wrong).toEqual([])
})

test('no file is longer than 400 lines outside generated/', () => {
  const long = files
    .filter(f => !f.startsWith('generated/'))
    .map(f => ({ f, lines: readFileSync(join(ROOT, f), 'utf8').split('\n').length - 1 }))
    .filter(({ lines }) => lines > 400)
  expect(long).toEqual([])
})

test('every file says in its first line what it is for', () => {
  const silent = files.filter(f => !/^(#!.*\n)?\/[/*]/.test(readFileSync(join(ROOT, f), 'utf8')))
  expect(silent).toEqual([])
})

const PURE = ['core', 'wire', 'crypto', 'reliability', 'channel', 'guard'].map(folder => `runtime/${folder}/`)

function imports(): { from: string; to: string }[] {
  return files.flatMap(from =>
    [...code(from).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(([, specifier]) => ({
      from,
      to: specifier!.startsWith('.') ? relative(ROOT, resolve(ROOT, dirname(from), specifier!)) : specifier!,
    })),
  )
}

/** Without comments, so that a rule is not broken by being explained. */
function code(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/^\s*\/\/.*$/gm, '')
}

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap(name => {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) return sources(path)
    return /\.(ts|js)$/.test(name) ? [relative(ROOT, path)] : []
  })
}

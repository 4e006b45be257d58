// Every schema that is shipped becomes a model, in each of its profiles; damaged ones become reports.

import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { loadSchema } from '../../../generator/load/load.ts'
import { buildModel } from '../../../generator/model/build.ts'
import { at, changed, leaves, plainDocument } from './mutate.ts'

const read = (path: string): string => readFileSync(path, 'utf8')
const readOrNot = (path: string): string | undefined => {
  try {
    return read(path)
  } catch {
    return undefined
  }
}

const files = ['schema', 'schema/std', 'schema/examples'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => `${folder}/${name}`),
)

const documents = files.map(file => {
  const { document } = loadSchema(file, { read: readOrNot })
  if (!document) throw new Error(`${file} does not load`)
  return document
})

const variants = documents.flatMap(document => [
  [document.file, undefined] as const,
  ...Object.keys((document.data.profiles ?? {}) as object).map(profile => [document.file, profile] as const),
])

test.each(variants)('%s builds in profile %s', (file, profile) => {
  const { document, diagnostics } = loadSchema(file, { read: readOrNot, ...(profile && { profile }) })
  const protocol = document && buildModel(document)
  expect(diagnostics).toEqual([])
  expect(protocol?.profile).toBe(profile)
  expect([...(protocol?.frames.keys() ?? [])].length).toBeGreaterThan(0)
})

describe('damaged schemas', () => {
  const words = documents.flatMap(document => leaves(document.data).map(path => at(document.data, path)))

  test('are reported and never throw', { timeout: 20_000 }, () => {
    const damage = fc.record({
      leaf: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      word: fc.constantFrom(...words),
      cut: fc.option(fc.nat(12), { nil: undefined }),
    })
    fc.assert(
      fc.property(fc.constantFrom(...documents), fc.array(damage, { minLength: 1, maxLength: 3 }), (document, many) => {
        let data: unknown = document.data
        for (const { leaf, word, cut } of many) {
          const paths = leaves(data).filter(path => path[0] !== 'examples')
          const path = paths[Math.floor(leaf * paths.length)]!
          const mixed = String(at(data, path)).slice(0, cut) + String(word)
          data = changed(data, path, cut === undefined ? word : mixed)
        }
        const damaged = plainDocument(data as Record<string, unknown>)
        const protocol = buildModel(damaged)
        const errors = damaged.problems.filter(problem => problem.severity !== 'warning')
        expect(protocol === undefined).toBe(errors.length > 0)
      }),
      { numRuns: 400 },
    )
  })
})

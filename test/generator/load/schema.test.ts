// protocol.schema.json: what editors show and ajv validates with.

import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { describe, expect, test } from 'vitest'

type Schema = Record<string, unknown>

const schema = JSON.parse(readFileSync('schema/protocol.schema.json', 'utf8')) as Schema
const definitions = schema.$defs as Record<string, Schema>

test('every key has a description that is a sentence', () => {
  const keys = nodes(schema).flatMap(([path, node]) =>
    isMap(node.properties)
      ? Object.entries(node.properties).map(([key, value]) => [`${path}.${key}`, value as Schema] as const)
      : [],
  )
  expect(keys.length).toBeGreaterThan(200)
  // In a condition the keys are only looked at.
  const described = keys.filter(([path]) => !/\.if\./.test(path))
  const bare = described.filter(([, value]) => !/^[A-Z`a-z].*[.\w)*]$/s.test(String(value.description ?? '')))
  expect(bare.map(([path]) => path)).toEqual([])
})

test('every object with named keys is closed', () => {
  const open = nodes(schema).filter(
    ([path, node]) => isMap(node.properties) && node.additionalProperties === undefined && !/\.if$/.test(path),
  )
  expect(open.map(([path]) => path)).toEqual([])
})

test('every $ref leads somewhere', () => {
  const targets = nodes(schema).flatMap(([, node]) => (typeof node.$ref === 'string' ? [node.$ref] : []))
  const missing = targets.filter(target => {
    const steps = target.split('/').slice(1)
    return steps.reduce<unknown>((at, step) => (isMap(at) ? at[step] : undefined), schema) === undefined
  })
  expect(missing).toEqual([])
  const unused = Object.keys(definitions).filter(name => !targets.includes(`#/$defs/${name}`))
  expect(unused).toEqual([])
})

test('it is a valid schema, under the strictest reading', () => {
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, strictRequired: false, strictTypes: false })
  expect(() => ajv.compile(schema)).not.toThrow()
})

describe('a profile', () => {
  test('may change every section of a document', () => {
    const profile = (schema.properties as Record<string, Schema>).profiles!.additionalProperties as Schema
    const sections = Object.keys(schema.properties as object).filter(
      key => !['protocol', 'import', 'profiles'].includes(key),
    )
    expect(Object.keys(profile.properties as object)).toEqual(expect.arrayContaining(sections))
  })
})

/** Every part of the schema that is a schema itself, with its path. */
function nodes(node: Schema, path = ''): [string, Schema][] {
  const inside = Object.entries(node).flatMap(([key, value]): [string, Schema][] => {
    const at = `${path}.${key}`
    if (Array.isArray(value)) return value.filter(isMap).flatMap((one, index) => nodes(one, `${at}.${index}`))
    return isMap(value) ? nodes(value, at) : []
  })
  return [[path, node], ...inside]
}

function isMap(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

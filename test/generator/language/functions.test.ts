// The table of functions is what all implementations read: it must be well formed.

import { expect, test } from 'vitest'
import { conversion, FUNCTIONS, RESULT_SIZE, signature } from '../../../generator/language/functions.ts'
import { closest } from '../../../generator/language/problem.ts'

test('every function is documented and its parameters have names and kinds', () => {
  for (const definition of FUNCTIONS.values()) {
    expect(definition.doc).toMatch(/\.$/)
    for (const parameter of definition.parameters) {
      expect(parameter.name).toMatch(/^\w+$/)
      expect(['int', 'number', 'bool', 'bytes', 'data', 'part', 'field', 'list', 'struct', 'secret']).toContain(
        parameter.kind,
      )
    }
  }
})

test('sizes of results are those of functions that give bytes', () => {
  for (const name of RESULT_SIZE.keys()) expect(FUNCTIONS.get(name)?.result).toBe('bytes')
})

test('a signature reads like a call', () => {
  expect(signature(FUNCTIONS.get('hkdf_sha256')!)).toBe('hkdf_sha256(ikm, salt, info, length)')
  expect(signature(FUNCTIONS.get('crc32')!)).toBe('crc32(data, ..)')
})

test('only whole bytes can be converted', () => {
  expect(conversion('u24le')).toEqual({ signed: false, bits: 24, little: true })
  expect(conversion('u12')).toBeUndefined()
})

test('a misspelt word finds the closest known one, and nothing far away', () => {
  expect(closest('crc33', FUNCTIONS.keys())).toBe('crc32')
  expect(closest('szie', FUNCTIONS.keys())).toBe('size')
  expect(closest('banana', FUNCTIONS.keys())).toBeUndefined()
  expect(closest('x', ['y'])).toBeUndefined()
})

// Quantities with units.

import { describe, expect, test } from 'vitest'
import { SyntaxProblem } from '../../../generator/language/problem.ts'
import { parseDuration, parseRate, parseSize, parseSpan, parseWhole } from '../../../generator/language/units.ts'

test.each([
  ['250ms', 250],
  ['5s', 5000],
  ['2m', 120_000],
  ['1h', 3_600_000],
  ['1d', 86_400_000],
  ['never', Number.POSITIVE_INFINITY],
])('%s is %d milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds)
})

test.each([
  ['1200', 1200],
  [1200, 1200],
  ['64KiB', 65536],
  ['8MiB', 8 << 20],
  ['2^20', 1 << 20],
  ['0xff', 255],
  ['12B', 12],
])('%s is %d bytes', (text, size) => {
  expect(parseSize(text)).toBe(size)
})

test('sizes beyond 2^53 stay exact as whole numbers', () => {
  expect(parseWhole('2^64')).toBe(18446744073709551616n)
  expect(() => parseSize('2^64')).toThrow(SyntaxProblem)
  expect(() => parseWhole(2 ** 60)).toThrow('no exact whole number')
})

test('rates are per second', () => {
  expect(parseRate('100/s')).toBe(100)
  expect(parseRate('6000/m')).toBe(100)
  expect(parseRate('1MiB/s')).toBe(1 << 20)
  expect(parseRate('none')).toBe(Number.POSITIVE_INFINITY)
})

test('spans have two ends of one kind', () => {
  expect(parseSpan('100ms..5s', parseDuration)).toEqual({ from: 100, to: 5000 })
  expect(parseSpan('1..16MiB', parseWhole)).toEqual({ from: 1n, to: 16777216n })
  expect(parseSpan('-5..5', parseWhole)).toEqual({ from: -5n, to: 5n })
  expect(parseSpan('5s', parseDuration)).toEqual({ from: 5000, to: 5000 })
})

describe('mistakes name what to write', () => {
  test.each([
    [() => parseDuration('5'), 'give it a unit: "5ms" or "5s"'],
    [() => parseDuration('none'), 'write "never"'],
    [() => parseDuration('5 sec'), 'units are ms, s, m, h and d: "250ms", "5s"; off is "never"'],
    [() => parseSize('64kB'), 'write "64KiB"'],
    [() => parseRate('100'), 'write it per second, minute or hour: "100/s"'],
    [() => parseSpan('5s..1s', parseDuration), 'the smaller end comes first'],
  ])('%#', (work, hint) => {
    expect(work).toThrow(expect.objectContaining({ hint }))
  })

  test('the end of a span that is wrong is the one that is marked', () => {
    expect(() => parseSpan('1s..5', parseDuration)).toThrow(expect.objectContaining({ span: { start: 4, end: 5 } }))
  })
})

// What people type: durations, sizes, rates, counts, addresses, hex.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Failure } from '../../cli/failure.ts'
import { parseHex, toHex } from '../../cli/input/bytes.ts'
import { parseHostPort } from '../../cli/input/host-port.ts'
import { parseCount, parseDuration, parseRate, parseSize } from '../../cli/input/quantity.ts'
import { parseQueue } from '../../cli/input/queue.ts'
import { nearest } from '../../cli/input/suggest.ts'

const failure = (action: () => unknown): Failure => {
  try {
    action()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe('quantities', () => {
  test.each([
    ['250ms', 250],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
    ['3', 3000],
    ['never', Number.POSITIVE_INFINITY],
  ])('the duration %s is %d ms', (text, ms) => expect(parseDuration(text)).toBe(ms))

  test.each([
    ['1200', 1200],
    ['64KiB', 65_536],
    ['64k', 65_536],
    ['1.5MiB', 1_572_864],
    ['1KB', 1000],
    ['0', 0],
  ])('the size %s is %d bytes', (text, bytes) => expect(parseSize(text)).toBe(bytes))

  test.each([
    ['100', 100],
    ['100/s', 100],
    ['6000/m', 100],
  ])('the rate %s is %d a second', (text, rate) => expect(parseRate(text)).toBe(rate))

  test('counts may be grouped with underscores', () => expect(parseCount('10_000_000')).toBe(10_000_000))

  test.each(['', 'x', '-1', '1e9', '5 seconds', '1e309', '99999999999999999999999', '_1', '0x10'])(
    'the count "%s" is refused as usage',
    text => expect(failure(() => parseCount(text)).exitCode).toBe(2),
  )

  test.each(['', 'soon', '-5s', '5x'])('the duration "%s" is refused as usage', text =>
    expect(failure(() => parseDuration(text)).exitCode).toBe(2),
  )

  test.each(['', 'big', '-1', '0.3', '9999999999GiB'])('the size "%s" is refused as usage', text =>
    expect(failure(() => parseSize(text)).exitCode).toBe(2),
  )

  test.each(['0', 'fast', '-1'])('the rate "%s" is refused as usage', text =>
    expect(failure(() => parseRate(text)).exitCode).toBe(2),
  )
})

describe('addresses', () => {
  test.each([
    ['127.0.0.1:9000', '127.0.0.1', 9000],
    ['localhost:0', 'localhost', 0],
    ['[::1]:7', '::1', 7],
    [':8080', '127.0.0.1', 8080],
  ])('%s is host %s and port %i', (text, host, port) => expect(parseHostPort(text)).toEqual({ host, port }))

  test.each(['', 'x', 'x:y', 'x:99999', '::1', 'a b:1', 'x:1:2', '[::1', 'user@host:1', 'x:-1', 'http://x:1'])(
    '"%s" is refused as usage',
    text => expect(failure(() => parseHostPort(text)).exitCode).toBe(2),
  )

  test('no text makes it fail in any other way', () => {
    fc.assert(
      fc.property(fc.string(), text => {
        try {
          const { host, port } = parseHostPort(text)
          return port >= 0 && port <= 65_535 && host !== ''
        } catch (error) {
          return error instanceof Failure
        }
      }),
    )
  })
})

describe('hex', () => {
  test.each([
    ['0x48 69', '4869'],
    ['48:69', '4869'],
    ['48\n69\n', '4869'],
    ['', ''],
  ])('%j is read as %j', (text, meaning) => expect(toHex(parseHex(text))).toBe(meaning))

  test.each(['4', 'zz', '0x4g', '😀'])('"%s" is an invalid value', text =>
    expect(failure(() => parseHex(text)).exitCode).toBe(65),
  )

  test('what is wrong is named with its place', () =>
    expect(failure(() => parseHex('48 6z')).details).toEqual({ offset: 4 }))
})

describe('suggestions', () => {
  test.each([
    ['vtsp', 'vstp'],
    ['Dta', 'Data'],
    ['data', 'Data'],
  ])('%s suggests %s', (typed, meant) => expect(nearest(typed, ['vstp', 'Data', 'fastnet'])).toBe(meant))

  test('nothing is suggested for a word that is like none', () =>
    expect(nearest('completely', ['vstp', 'Data'])).toBeUndefined())
})

describe('the queue of a relay', () => {
  test('each setting is read as the schema would have it, and the last one of a kind counts', () => {
    expect(
      parseQueue(['overflow=backpressure', 'frames=16', 'frames=1_024', 'bytes=1MiB', 'stall=5s', 'hold=never']),
    ).toEqual({
      overflow: 'backpressure',
      frames: 1024,
      bytes: 1_048_576,
      stall: 5000,
      hold: Number.POSITIVE_INFINITY,
    })
    expect(parseQueue([])).toEqual({})
  })

  test.each(['overflow=drop-packet', 'frames=0', 'frames', 'size=5', '=5', ''])(
    '%j is refused, and how it is written is said',
    text => expect(failure(() => parseQueue([text])).exitCode).toBe(2),
  )
})

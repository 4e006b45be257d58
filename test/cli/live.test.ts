// What `serve`, `send` and `listen` print, and how they measure.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { formatFields, Monitor } from '../../cli/live/monitor.ts'
import { Pace, sleep } from '../../cli/live/pace.ts'
import { RoundTrips } from '../../cli/live/rtt.ts'
import { paint } from '../../cli/output/color.ts'
import { jsonLine } from '../../cli/output/json.ts'
import { table } from '../../cli/output/table.ts'

describe('percentiles of round trips', () => {
  test('are within two percent of the exact ones', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 300 }), samples => {
        const trips = new RoundTrips()
        for (const sample of samples) trips.add(sample)
        const sorted = [...samples].sort((a, b) => a - b)
        for (const p of [0.5, 0.9, 0.99]) {
          const exact = sorted[Math.ceil(p * sorted.length) - 1]!
          expect(Math.abs(trips.percentile(p) - exact)).toBeLessThanOrEqual(Math.max(1, exact * 0.02))
        }
      }),
    )
  })

  test('are absent when nothing was answered', () => expect(new RoundTrips().summary()).toBeUndefined())

  test('show as a histogram by powers of two, from the shortest to the longest', () => {
    const trips = new RoundTrips()
    for (const us of [5, 17, 31, 100, 100_000]) trips.add(us)
    const rows = trips.histogram()
    expect(rows[0]).toEqual({ from: 4, count: 1 })
    expect(rows[2]).toEqual({ from: 16, count: 2 })
    expect(rows.find(row => row.from === 64)).toEqual({ from: 64, count: 1 })
    expect(rows.at(-1)).toEqual({ from: 65_536, count: 1 })
    expect(new RoundTrips().histogram()).toEqual([])
  })
})

describe('lines', () => {
  const record = (json: boolean, quiet = false) => {
    const lines: string[] = []
    const monitor = new Monitor({ json, quiet, paint: paint(false), write: line => lines.push(line) })
    return { lines, monitor }
  }
  const data = {
    event: 'frame',
    dir: 'in',
    peer: '127.0.0.1:9',
    frame: 'Data',
    fields: { seq: 7n, payload: '0x6869' },
  } as const

  test('a frame is one JSON line, keys as the contract has them', () => {
    const { lines, monitor } = record(true)
    monitor.event({ ...data, channel: 'messages' })
    expect(lines).toEqual([
      '{"event":"frame","dir":"in","peer":"127.0.0.1:9","frame":"Data","fields":{"seq":7,"payload":"0x6869"},"channel":"messages"}',
    ])
  })

  test('a frame is one aligned line for people', () => {
    const { lines, monitor } = record(false)
    monitor.event(data)
    monitor.event({ ...data, dir: 'out', frame: 'Welcome', fields: {} })
    monitor.event(data)
    expect(lines).toEqual([
      '<  127.0.0.1:9  Data  seq=7 payload=0x6869',
      '>  127.0.0.1:9  Welcome',
      '<  127.0.0.1:9  Data     seq=7 payload=0x6869',
    ])
  })

  test('the summary counts frames, bytes, answers and losses', () => {
    const { lines, monitor } = record(true)
    monitor.rtt.add(150)
    monitor.lost()
    monitor.finish({ sent: 1, received: 1, bytes: 30 })
    const { duration_ms, ...summary } = JSON.parse(lines.at(-1)!)
    expect(summary).toEqual({
      event: 'summary',
      sent: 1,
      received: 1,
      bytes: 30,
      rtt_us: { p50: 151, p90: 151, p99: 151 },
      lost: 1,
    })
    expect(duration_ms).toBeGreaterThanOrEqual(0)
  })

  test('quiet keeps errors and the summary', () => {
    const { lines, monitor } = record(false, true)
    monitor.event(data)
    monitor.event({ event: 'error', peer: 'x:1', code: 'CrcMismatch', message: 'CRC mismatch', fatal: true })
    monitor.finish({ sent: 0, received: 1, bytes: 17 })
    expect(lines[0]).toBe('error  x:1  CrcMismatch: CRC mismatch')
    expect(lines[1]).toMatch(/^✓ 0 frames sent, 1 received, 17 B in /)
  })

  test('long values are cut, empty ones left out', () => {
    expect(formatFields({ a: '0x', b: [], c: `0x${'00'.repeat(100)}`, d: 'two words' })).toBe(
      `c=0x${'00'.repeat(32)}..(100 B) d="two words"`,
    )
  })
})

describe('JSON', () => {
  test('bytes are hex, integers beyond 2^53 are strings', () => {
    expect(
      jsonLine({ a: new Uint8Array([1, 255]), b: Buffer.from('hi'), c: 2n ** 53n - 1n, d: 2n ** 53n, e: -(2n ** 60n) }),
    ).toBe('{"a":"0x01ff","b":"0x6869","c":9007199254740991,"d":"9007199254740992","e":"-1152921504606846976"}')
  })
})

describe('tables', () => {
  test('columns are aligned whatever the width of their characters', () => {
    expect(
      table(
        [{ title: 'name' }, { title: 'n', right: true }, { title: 'doc' }],
        [
          ['漢', '1', 'wide'],
          ['abc', '100', ''],
        ],
      ),
    ).toBe(['name    n  doc', '漢      1  wide', 'abc   100'].join('\n'))
  })
})

describe('pace', () => {
  test('a rate spreads turns over time, and an abort ends the waiting', async () => {
    const start = performance.now()
    const pace = new Pace(100)
    const { signal } = new AbortController()
    for (let i = 0; i < 4; i++) await pace.turn(i, signal)
    expect(performance.now() - start).toBeGreaterThan(25)
    await sleep(Number.POSITIVE_INFINITY, AbortSignal.timeout(10))
  })
})

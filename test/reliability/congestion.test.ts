// Round-trip times, windows and acknowledgements against published sequences, and the rules of the RFCs.
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Received } from '../../runtime/channel/received.ts'
import { Serial } from '../../runtime/channel/serial.ts'
import { Aimd } from '../../runtime/reliability/aimd.ts'
import { Cubic } from '../../runtime/reliability/cubic.ts'
import { NewReno } from '../../runtime/reliability/newreno.ts'
import { Pacer } from '../../runtime/reliability/pacer.ts'
import { RoundTrip } from '../../runtime/reliability/round-trip.ts'

const file = JSON.parse(readFileSync(new URL('../vectors/fastnet.json', import.meta.url), 'utf8'))

test('round-trip estimates follow the published sequences to the nanosecond', () => {
  const { initial_ns, rto_min_ms, rto_max_ms, cases } = file.rtt
  for (const { rows } of cases) {
    const trip = new RoundTrip({
      smoothed: initial_ns.srtt / 1e6,
      variation: initial_ns.rttvar / 1e6,
      from: rto_min_ms,
      to: rto_max_ms,
    })
    // The crate begins with a timeout of its own, 200 ms, until the first sample.
    expect(trip.timeout).toBe((initial_ns.srtt + 4 * initial_ns.rttvar) / 1e6)
    for (const [sample, smoothed, variation, timeout] of rows) {
      trip.sample(0, sample / 1e6)
      // The crate rounds to nanoseconds after each step, we do not.
      expect(Math.abs(trip.smoothed! * 1e6 - smoothed)).toBeLessThan(3)
      expect(Math.abs(trip.variation * 1e6 - variation)).toBeLessThan(3)
      expect(Math.abs(trip.timeout * 1e6 - timeout)).toBeLessThan(12)
    }
  }
})

test('the plain window follows the published sequences', () => {
  for (const rows of file.cwnd.cases) {
    const window = new Aimd(1)
    for (const [event, size, threshold, starting, whole] of rows) {
      if (event === 'a') window.more()
      else if (event === 'l') window.half()
      else window.restart()
      expect([window.size, window.threshold, window.starting, window.window]).toEqual([
        size,
        threshold,
        starting,
        whole,
      ])
    }
  }
})

test('acknowledgements name exactly what has arrived; the published sequences do so except around gaps', () => {
  const wrong = new Set<string>()
  for (const { name, rows_seq_ack_bitfield: rows } of file.ack_tracker.cases) {
    const serial = new Serial(16, 0)
    const received = new Received(30_000, 32)
    const seen = new Set<number>()
    for (const [seq, ack, bits] of rows) {
      const number = serial.full(seq, received.top)
      if (!received.has(number)) received.add(number)
      seen.add(number)
      let truth = 0
      for (let i = 0; i < 32; i++) if (seen.has(received.top - 1 - i)) truth |= 1 << i
      expect([name, serial.wire(received.top), received.bits(received.top, 0)]).toEqual([name, ack, truth])
      if (truth !== (bits | 0)) wrong.add(name)
    }
  }
  // There the crate claims ack - 1, which was lost, and forgets what was highest before.
  expect([...wrong].sort()).toEqual(GAPS)
})

test('narrow numbers compare as the published rows do, but for the half in which no order is defined', () => {
  for (const [a, b, greater] of file.sequence_greater_than.rows_a_b_result) {
    if (Math.abs(a - b) === 32_768) continue
    const serial = new Serial(16, 0)
    const near = b + 1 + 65_536
    expect([a, b, serial.full(a, near) > near]).toEqual([a, b, greater])
  }
})

test('numbers survive the wire over two wraps, with and without a zero', () => {
  for (const first of [0, 1] as const) {
    const serial = new Serial(16, first)
    const wrong: number[] = []
    for (let number = 1; number < 140_000; number += 7) {
      const wire = serial.wire(number)
      if (wire < first || wire > 65_535) wrong.push(number)
      for (const near of [number - 30_000, number - 1, number, number + 30_000])
        if (near >= 0 && serial.full(wire, near) !== number) wrong.push(number)
    }
    expect(wrong).toEqual([])
  }
  const wide = new Serial(64)
  expect(wide.full(wide.wire(2 ** 40), 2 ** 40 - 5)).toBe(2 ** 40)
})

test('NewReno doubles, halves once for a round trip, and then adds one datagram for each', () => {
  const reno = new NewReno(1000)
  for (let i = 0; i < 10; i++) reno.acked(10, 1000, 0, true)
  expect(reno.window).toBe(20_000)
  reno.lost(20, 15, 0)
  reno.lost(21, 16, 0)
  expect(reno.window).toBe(10_000)
  // Sent before the loss was known: recovery (RFC 6582), no growth.
  reno.acked(25, 1000, 18, true)
  expect(reno.window).toBe(10_000)
  for (let i = 0; i < 10; i++) reno.acked(30, 1000, 22, true)
  expect(reno.window).toBeGreaterThan(10_900)
  expect(reno.window).toBeLessThan(11_000)
  // Not used up: it does not grow (RFC 9002 section 7.8).
  const before = reno.window
  reno.acked(31, 1000, 23, false)
  expect(reno.window).toBe(before)
  reno.lost(40, 35, 0)
  reno.undo()
  expect(reno.window).toBe(before)
  reno.silent(50)
  expect(reno.window).toBe(2000)
})

test('CUBIC is back where it was after K seconds, slowly around there, then faster', () => {
  const cubic = new Cubic(1000)
  for (let i = 0; i < 90; i++) cubic.acked(0, 1000, 0, true, 100)
  expect(cubic.window).toBe(100_000)
  cubic.lost(1, 0.5, 0)
  expect(cubic.window).toBe(70_000)
  // K = cbrt((100 - 70) / 0.4) = 4.217 s; one window is acknowledged in each 100 ms.
  const at: number[] = []
  for (let now = 2; now < 8000; now += 100) {
    const count = Math.floor(cubic.window / 1000)
    for (let i = 0; i < count; i++) cubic.acked(now, 1000, now - 1, true, 100)
    at.push(cubic.window)
  }
  const afterK = at[42]!
  expect(afterK).toBeGreaterThan(97_000)
  expect(afterK).toBeLessThan(104_000)
  expect(at[42]! - at[37]!).toBeLessThan(at[5]! - at[0]!)
  expect(at[75]! - at[70]!).toBeGreaterThan(at[42]! - at[37]!)
})

test('where windows are small CUBIC grows like Reno', () => {
  const cubic = new Cubic(1000)
  cubic.lost(1, 0.5, 0)
  const start = cubic.window
  for (let now = 2; now < 1002; now += 10) {
    const count = Math.floor(cubic.window / 1000)
    for (let i = 0; i < count; i++) cubic.acked(now, 1000, now - 1, true, 10)
  }
  // 100 round trips at about half a datagram each, then one each; the cubic alone would not have left 10 in one second.
  expect(cubic.window).toBeGreaterThan(start + 40_000)
})

test('a pacer lets a burst go and then keeps its rate', () => {
  const pacer = new Pacer(10_000)
  let now = 0
  let bytes = 0
  for (; now < 1000; now++)
    while (pacer.at <= now) {
      pacer.sent(now, 1000, 5)
      bytes += 1000
    }
  expect(bytes).toBeGreaterThanOrEqual(1000 * 5)
  expect(bytes).toBeLessThanOrEqual(1000 * 5 + 11_000)
})

/** Sequences that jump, or that begin with 1 or more. */
const GAPS: readonly string[] = [
  'first is 5',
  'first packet lost',
  'jump 31',
  'jump 32',
  'jump 40',
  'old by 32 and 33',
  'one gap then late',
  'two gaps',
  'wraparound',
  'zero late twice',
]

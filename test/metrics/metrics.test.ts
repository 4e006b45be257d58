// What a scrape says after machines have counted.

import { expect, test } from 'vitest'
import type { MetricDescriptor } from '../../runtime/core/protocol.ts'
import { serveMetrics } from '../../runtime/drivers/metrics.ts'
import { Metrics } from '../../runtime/metrics/metrics.ts'

const frames = [
  { name: 'Data', channel: 'messages' },
  { name: 'Ping', channel: undefined },
]
const metric = (name: string, more: Partial<MetricDescriptor>): MetricDescriptor => ({
  name,
  kind: 'counter',
  help: `${name}.`,
  on: undefined,
  when: undefined,
  add: 'one',
  of: undefined,
  by: [],
  buckets: [],
  ...more,
})
const make = (...metrics: MetricDescriptor[]) => new Metrics({ protocol: 'chat', frames, metrics })
/** Lines of the text without comments, sorted. */
const lines = async (metrics: Metrics, prefix: string) =>
  (await metrics.text())
    .split('\n')
    .filter(line => line.startsWith(prefix))
    .sort()

test('frames are counted by name and by channel, in number and in bytes', async () => {
  const metrics = make(
    metric('x_frames', { on: 'frame.received', by: ['frame'] }),
    metric('x_all', { on: 'frame.received' }),
    metric('x_bytes', { on: 'frame.sent', add: 'size', by: ['channel'] }),
  )
  const { meter } = metrics
  for (let i = 0; i < 3; i++) meter.received(0, 100)
  meter.received(1, 15)
  meter.sent(0, 64)
  expect(await lines(metrics, 'x_')).toEqual([
    'x_all{protocol="chat"} 4',
    'x_bytes{channel="messages",protocol="chat"} 64',
    'x_frames{frame="Data",protocol="chat"} 3',
    'x_frames{frame="Ping",protocol="chat"} 1',
  ])
  expect(await lines(metrics, 'x_all')).toEqual(['x_all{protocol="chat"} 4'])
})

test('events are counted under their own label, with a condition on the code', async () => {
  const metrics = make(
    metric('x_errors', { on: 'error', by: ['code'] }),
    metric('x_crc', { on: 'error', when: event => event.code === 'CrcMismatch' }),
    metric('x_closes', { on: 'close' }),
    metric('x_rate', { on: 'limit.rate' }),
  )
  const { meter } = metrics
  meter.count('error', 'CrcMismatch')
  meter.count('error', 'CrcMismatch')
  meter.count('error', 'BadText')
  meter.count('close', 'idle')
  meter.count('close', 'bye')
  meter.count('limit.rate')
  meter.count('limit.connections', 'x')
  expect(await lines(metrics, 'x_')).toEqual([
    'x_closes{protocol="chat"} 2',
    'x_crc{protocol="chat"} 2',
    'x_errors{code="BadText",protocol="chat"} 1',
    'x_errors{code="CrcMismatch",protocol="chat"} 2',
    'x_rate{protocol="chat"} 1',
  ])
  expect(await lines(metrics, 'framewright_limits')).toEqual([
    'framewright_limits_total{reason="connections",protocol="chat"} 1',
    'framewright_limits_total{reason="rate",protocol="chat"} 1',
  ])
})

test('gauges add up over connections and follow them', async () => {
  const metrics = make(metric('x_held', { kind: 'gauge', of: 'reorder.bytes' }))
  let held = 10
  const away = metrics.meter.gauge('reorder.bytes', () => held)
  metrics.meter.gauge('reorder.bytes', () => 5)
  expect(await lines(metrics, 'x_')).toEqual(['x_held{protocol="chat"} 15'])
  held = 20
  expect(await lines(metrics, 'x_')).toEqual(['x_held{protocol="chat"} 25'])
  away()
  expect(await lines(metrics, 'x_')).toEqual(['x_held{protocol="chat"} 5'])
})

test('round-trip times fill a histogram in the unit of its name', async () => {
  const metrics = make(metric('x_rtt_seconds', { kind: 'histogram', of: 'rtt', buckets: [1, 5, 20] }))
  for (const ms of [0.5, 3, 4, 100]) metrics.meter.roundTrip(ms)
  const said = await lines(metrics, 'x_')
  expect(Number(said.pop()?.split(' ')[1])).toBeCloseTo(0.1075, 9)
  expect(said).toEqual([
    'x_rtt_seconds_bucket{le="+Inf",protocol="chat"} 4',
    'x_rtt_seconds_bucket{le="0.001",protocol="chat"} 1',
    'x_rtt_seconds_bucket{le="0.005",protocol="chat"} 3',
    'x_rtt_seconds_bucket{le="0.02",protocol="chat"} 3',
    'x_rtt_seconds_count{protocol="chat"} 4',
  ])
})

test('what is dropped has one name and a reason: crypto, replay, malformed, rate limit, cookie', async () => {
  const metrics = new Metrics({ protocol: 'chat', frames, metrics: [], seals: [{ error: 'CryptoFailure' }] })
  const { meter } = metrics
  meter.count('error', 'CryptoFailure')
  meter.count('error', 'OpenFailed')
  meter.count('error', 'Truncated')
  meter.count('seal.replayed')
  meter.count('limit.rate', undefined, 100)
  for (let i = 0; i < 3; i++) meter.count('handshake.challenge')
  meter.count('handshake.done')
  expect(await lines(metrics, 'framewright_drops')).toEqual([
    'framewright_drops_total{reason="cookie",protocol="chat"} 3',
    'framewright_drops_total{reason="crypto",protocol="chat"} 2',
    'framewright_drops_total{reason="malformed",protocol="chat"} 1',
    'framewright_drops_total{reason="rate_limit",protocol="chat"} 1',
    'framewright_drops_total{reason="replay",protocol="chat"} 1',
  ])
  expect(await lines(metrics, 'framewright_handshakes_total')).toEqual([
    'framewright_handshakes_total{reason="challenge",protocol="chat"} 3',
    'framewright_handshakes_total{reason="done",protocol="chat"} 1',
  ])
})

test('labels do not grow without bound', async () => {
  const metrics = make(metric('x_closes', { on: 'close', by: ['reason'] }))
  for (let i = 0; i < 10_000; i++) metrics.meter.count('close', `reason ${i}`)
  const rows = await lines(metrics, 'x_closes')
  expect(rows.length).toBe(65)
  expect(rows).toContain('x_closes{reason="other",protocol="chat"} 9936')
})

test('every endpoint has the runtime metrics, and its own registry', async () => {
  const [one, two] = [make(), make()]
  one.meter.bytesIn(10)
  one.meter.sent(1, 15)
  one.meter.count('open')
  const said = (await lines(one, 'framewright_')).filter(line => !/_(bucket|sum|count)\{/.test(line))
  expect(said).toEqual([
    'framewright_bytes_received_total{protocol="chat"} 10',
    'framewright_bytes_sent_total{protocol="chat"} 0',
    'framewright_connections{protocol="chat"} 0',
    'framewright_frames_sent_total{frame="Ping",protocol="chat"} 1',
    'framewright_handshakes{protocol="chat"} 0',
    'framewright_opened_total{protocol="chat"} 1',
    'framewright_packets_received_total{protocol="chat"} 1',
    'framewright_packets_sent_total{protocol="chat"} 0',
    'framewright_queued_bytes{protocol="chat"} 0',
    'framewright_reorder_bytes{protocol="chat"} 0',
  ])
  expect(await lines(two, 'framewright_bytes_received')).toEqual([
    'framewright_bytes_received_total{protocol="chat"} 0',
  ])
})

test.each([
  [metric('a', { on: 'error', by: ['reason'] }), 'the event error has no label reason'],
  [metric('a', { on: 'frame.received', by: ['code'] }), 'the event frame.received has no label code'],
  [metric('a', {}), 'a counter needs `on`'],
  [metric('a', { kind: 'gauge' }), 'a gauge needs `of`'],
  [metric('a', { kind: 'histogram', of: 'connections' }), 'only `of: rtt` has a histogram'],
])('a metric that cannot be counted is refused: %#', (wrong, message) => {
  expect(() => make(wrong)).toThrow(message)
})

test('the endpoint serves /metrics over HTTP and nothing else', async () => {
  const metrics = make()
  metrics.meter.bytesOut(77)
  await using server = await serveMetrics(metrics, { host: '127.0.0.1', port: 0 })
  const base = `http://127.0.0.1:${server.port}`
  const good = await fetch(`${base}/metrics`)
  expect(good.headers.get('content-type')).toContain('text/plain; version=0.0.4')
  expect(await good.text()).toContain('framewright_bytes_sent_total{protocol="chat"} 77')
  expect((await fetch(`${base}/`)).status).toBe(404)
  expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405)
  await expect(serveMetrics(metrics, { host: '127.0.0.1', port: server.port })).rejects.toThrow('EADDRINUSE')
})

// Prometheus metrics of one endpoint: those of every protocol (connections, handshakes, frames, bytes, errors) and those
// the schema declares. Machines count in plain numbers (tally.ts); prom-client sees them only when it is scraped.

import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { LocalError } from '../core/errors.ts'
import type { Meter } from '../core/meter.ts'
import type { FrameDescriptor, MetricDescriptor } from '../core/protocol.ts'
import { type Count, Tally } from './tally.ts'

export interface MetricsOptions {
  /** Name of the protocol; the only constant label. */
  readonly protocol: string
  readonly frames: readonly Pick<FrameDescriptor, 'name' | 'channel'>[]
  readonly metrics: readonly MetricDescriptor[]
  /** Names of the errors of sealed bytes that do not open. */
  readonly seals?: readonly { readonly error: string }[]
  /** Built-in error -> the name that the schema gives it. */
  readonly covers?: Readonly<Record<string, string>> | undefined
}

/** Never a peer. */
type Label = 'frame' | 'code' | 'channel' | 'reason'
type Labels = Partial<Record<Label, string>>

/** One value of a metric with its labels. */
interface Row {
  readonly labels: Labels
  readonly value: number
}

export class Metrics {
  /** What the endpoint's machines count with. */
  readonly meter: Meter
  readonly registry: Registry = new Registry()
  readonly #tally: Tally
  readonly #frames: MetricsOptions['frames']
  readonly #histograms: { readonly of: 'rtt' | 'handshake'; readonly histogram: Histogram; readonly unit: number }[] =
    []
  /** Errors that mean wrong keys or forged bytes; all others mean bytes that are no frame, or come at a wrong time. */
  readonly #crypto: ReadonlySet<string>

  /** Throws LocalError where a declared metric asks for something its event does not have. */
  constructor(options: MetricsOptions) {
    this.#tally = new Tally(options.frames.length)
    this.meter = this.#tally
    this.#frames = options.frames
    const { seals = [], covers = {} } = options
    this.#crypto = new Set(
      ['OpenFailed', ...seals.map(seal => seal.error)].flatMap(code => [code, covers[code] ?? code]),
    )
    this.registry.setDefaultLabels({ protocol: options.protocol })
    this.#addRuntimeMetrics()
    for (const metric of options.metrics) this.#add(metric)
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /** The text a scrape gets. */
  async text(): Promise<string> {
    const times = { rtt: this.#tally.takeRoundTrips(), handshake: this.#tally.takeHandshakes() }
    for (const { of, histogram, unit } of this.#histograms) for (const ms of times[of]) histogram.observe(ms * unit)
    return this.registry.metrics()
  }

  #addRuntimeMetrics(): void {
    const tally = this.#tally
    this.#gauge('framewright_connections', 'Connections now', 'connections')
    this.#gauge('framewright_handshakes', 'Handshakes in progress', 'handshakes')
    this.#gauge('framewright_queued_bytes', 'Bytes waiting to be sent', 'queue.bytes')
    this.#gauge('framewright_reorder_bytes', 'Bytes held for order or for missing pieces', 'reorder.bytes')
    this.#histogram('framewright_rtt_seconds', 'Round-trip times', 'rtt', RTT_BUCKETS)
    this.#histogram(
      'framewright_handshake_seconds',
      'Time from the first message to the keys',
      'handshake',
      RTT_BUCKETS,
    )
    this.#counter('framewright_opened_total', 'Connections opened', [], () => this.#eventRows('open', [], 'times'))
    this.#counter('framewright_closed_total', 'Connections closed', ['reason'], () =>
      this.#eventRows('close', ['reason'], 'times'),
    )
    this.#counter('framewright_frames_received_total', 'Frames that passed every check', ['frame'], () =>
      this.#frameRows(tally.receivedFrames, ['frame']),
    )
    this.#counter('framewright_frames_sent_total', 'Frames sent', ['frame'], () =>
      this.#frameRows(tally.sentFrames, ['frame']),
    )
    this.#counter('framewright_bytes_received_total', 'Bytes received', [], () => [
      { labels: {}, value: tally.bytesRead },
    ])
    this.#counter('framewright_bytes_sent_total', 'Bytes sent', [], () => [{ labels: {}, value: tally.bytesWritten }])
    this.#counter('framewright_packets_received_total', 'Datagrams or chunks received', [], () => [
      { labels: {}, value: tally.packetsRead },
    ])
    this.#counter('framewright_packets_sent_total', 'Datagrams or chunks sent', [], () => [
      { labels: {}, value: tally.packetsWritten },
    ])
    this.#counter('framewright_drops_total', 'What arrived and went no further', ['reason'], () => this.#dropRows())
    this.#counter('framewright_handshakes_total', 'Handshakes by what became of them', ['reason'], () =>
      this.#familyRows('handshake.'),
    )
    this.#counter('framewright_retransmits_total', 'Messages sent again', ['channel'], () =>
      this.#eventRows('channel.again', ['channel'], 'times'),
    )
    this.#counter('framewright_errors_total', 'Frames refused', ['code'], () =>
      this.#eventRows('error', ['code'], 'times'),
    )
    this.#counter('framewright_limits_total', 'Bounds met', ['reason'], () => this.#familyRows('limit.'))
    this.#counter('framewright_retries_total', 'Requests sent again', ['frame'], () =>
      this.#eventRows('reply.retry', ['frame'], 'times'),
    )
  }

  #add(metric: MetricDescriptor): void {
    const { name, help } = metric
    if (metric.kind === 'gauge') {
      if (metric.of === undefined) throw new LocalError('BadOption', `metric ${name}: a gauge needs \`of\``)
      this.#gauge(name, help, metric.of)
    } else if (metric.kind === 'histogram') {
      if (metric.of !== 'rtt')
        throw new LocalError('BadOption', `metric ${name}: only \`of: rtt\` has a histogram, not ${metric.of}`)
      // Prometheus names carry the base unit: what ends in _seconds is in seconds, the runtime counts milliseconds.
      const unit = name.endsWith('_seconds') ? 0.001 : 1
      const buckets = metric.buckets.map(ms => ms * unit)
      this.#histogram(name, help, 'rtt', buckets, unit)
    } else this.#counter(name, help, metric.by, this.#rowsOf(metric))
  }

  #rowsOf(metric: MetricDescriptor): () => Row[] {
    const { on, by, add, when, name } = metric
    if (on === undefined) throw new LocalError('BadOption', `metric ${name}: a counter needs \`on\``)
    const tally = this.#tally
    const known: readonly string[] = on.startsWith('frame.') ? ['frame', 'channel'] : [labelOf(on)]
    const wrong = by.find(label => !known.includes(label))
    if (wrong !== undefined) throw new LocalError('BadOption', `metric ${name}: the event ${on} has no label ${wrong}`)
    if (on === 'frame.received' || on === 'frame.sent') {
      const received = on === 'frame.received'
      const times = received ? tally.receivedFrames : tally.sentFrames
      const sizes = received ? tally.receivedBytes : tally.sentBytes
      return () => this.#frameRows(add === 'size' ? sizes : times, by)
    }
    return () => this.#eventRows(on, by, add === 'size' ? 'size' : 'times', when)
  }

  #counter(name: string, help: string, labels: readonly string[], rows: () => Row[]): void {
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [this.registry],
      collect() {
        this.reset()
        for (const { labels, value } of rows()) this.inc(labels, value)
      },
    })
  }

  #histogram(name: string, help: string, of: 'rtt' | 'handshake', buckets: readonly number[], unit = 0.001): void {
    const own = buckets.length > 0 ? { buckets: [...buckets] } : {}
    const histogram = new Histogram({ name, help, registers: [this.registry], ...own })
    this.#histograms.push({ of, histogram, unit })
  }

  #gauge(name: string, help: string, of: string): void {
    const tally = this.#tally
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(tally.read(of))
      },
    })
  }

  #frameRows(values: Float64Array, by: readonly string[]): Row[] {
    const rows: Row[] = []
    for (const [i, frame] of this.#frames.entries()) {
      const value = values[i] as number
      if (value === 0 && by.length > 0) continue
      const labels: Labels = {}
      if (by.includes('frame')) labels.frame = frame.name
      if (by.includes('channel')) labels.channel = frame.channel ?? ''
      rows.push({ labels, value })
    }
    return rows
  }

  #eventRows(
    event: string,
    by: readonly string[],
    what: keyof Count,
    when?: (event: { readonly code: string }) => boolean,
  ): Row[] {
    const rows: Row[] = []
    const label = labelOf(event)
    for (const [value, count] of this.#tally.events.get(event) ?? [])
      if (when === undefined || when({ code: value }))
        rows.push({ labels: by.includes(label) ? { [label]: value } : {}, value: count[what] })
    return rows
  }

  /** Everything that arrived and was not delivered, under one name, by the reason that an operator looks for. */
  #dropRows(): Row[] {
    const sums = new Map<string, number>()
    for (const [event, labels] of this.#tally.events)
      for (const [label, count] of labels) {
        const reason = event === 'error' ? (this.#crypto.has(label) ? 'crypto' : 'malformed') : DROPS[event]
        if (reason !== undefined) sums.set(reason, (sums.get(reason) ?? 0) + count.times)
      }
    return [...sums].map(([reason, value]) => ({ labels: { reason }, value }))
  }

  /** All events that begin alike, by the rest of their name. */
  #familyRows(prefix: string): Row[] {
    const rows: Row[] = []
    for (const [event, labels] of this.#tally.events)
      if (event.startsWith(prefix))
        for (const count of labels.values())
          rows.push({ labels: { reason: event.slice(prefix.length) }, value: count.times })
    return rows
  }
}

/** What the label of an event says. */
function labelOf(event: string): Label {
  if (event === 'error' || event === 'strike') return 'code'
  if (event.startsWith('reply.')) return 'frame'
  if (event.startsWith('relay.') || event.startsWith('channel.')) return 'channel'
  return 'reason'
}

/** Events beside errors after which a packet goes no further. */
const DROPS: Readonly<Record<string, string>> = {
  'limit.rate': 'rate_limit',
  'limit.queue': 'queue',
  'limit.stranger': 'stranger',
  'limit.connections': 'connections',
  'limit.connectionsPerAddress': 'connections',
  'limit.handshakes': 'handshakes',
  'limit.handshakesPerAddress': 'handshakes',
  'seal.replayed': 'replay',
  'seal.unknown': 'unknown_id',
  'handshake.challenge': 'cookie',
}
/** Seconds: from a loopback to a satellite. */
const RTT_BUCKETS: readonly number[] = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

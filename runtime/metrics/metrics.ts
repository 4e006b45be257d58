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
  readonly #histograms: { readonly histogram: Histogram; readonly unit: number }[] = []

  /** Throws LocalError where a declared metric asks for something its event does not have. */
  constructor(options: MetricsOptions) {
    this.#tally = new Tally(options.frames.length)
    this.meter = this.#tally
    this.#frames = options.frames
    this.registry.setDefaultLabels({ protocol: options.protocol })
    this.#addRuntimeMetrics()
    for (const metric of options.metrics) this.#add(metric)
  }

  get contentType(): string {
    return this.registry.contentType
  }

  /** The text a scrape gets. */
  async text(): Promise<string> {
    const times = this.#tally.takeRoundTrips()
    for (const { histogram, unit } of this.#histograms) for (const ms of times) histogram.observe(ms * unit)
    return this.registry.metrics()
  }

  #addRuntimeMetrics(): void {
    const tally = this.#tally
    this.#gauge('framewright_connections', 'Connections now', 'connections')
    this.#gauge('framewright_handshakes', 'Handshakes in progress', 'handshakes')
    this.#gauge('framewright_queued_bytes', 'Bytes waiting to be sent', 'queue.bytes')
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
      const histogram = new Histogram({
        name,
        help,
        registers: [this.registry],
        ...(buckets.length > 0 && { buckets }),
      })
      this.#histograms.push({ histogram, unit })
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
  if (event.startsWith('relay.')) return 'channel'
  return 'reason'
}

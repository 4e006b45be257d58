// `metrics` (docs/language, "Limits, on_error, metrics"): counters, gauges and histograms by event.

import { parseDuration } from '../language/units.ts'
import type { Metric } from './behaviour.ts'
import type { Expressions } from './expressions.ts'
import type { Section } from './section.ts'

export function normalizeMetrics(section: Section, expressions: Expressions): Metric[] {
  return section.keys().map(name => {
    const metric = section.section(name)
    const condition = metric.raw('if')
    return {
      name,
      kind: metric.word('kind', ['counter', 'gauge', 'histogram'], DEFAULTS.kind),
      help: metric.text('help', ''),
      on: metric.text('on', undefined),
      when: condition === undefined ? undefined : expressions.inEvent(condition, [...metric.path, 'if']),
      whenText: condition === undefined ? undefined : String(condition),
      add: metric.raw('add') === 'size' ? 'size' : DEFAULTS.add,
      of: metric.text('of', undefined),
      by: metric.list('by'),
      buckets: buckets(metric),
    }
  })
}

/** Prometheus counts in seconds: `5ms` is 0.005. */
function buckets(metric: Section): number[] {
  const raw = metric.raw('buckets')
  if (!Array.isArray(raw)) return []
  return raw.flatMap(value => {
    const milliseconds = typeof value === 'string' && DURATION.test(value) ? parseDuration(value) : undefined
    const bucket = milliseconds === undefined ? value : milliseconds / 1000
    if (typeof bucket === 'number') return [bucket]
    metric.wrong('buckets', `expected numbers or durations, not ${String(value)}`)
    return []
  })
}

const DURATION = /^\d+(\.\d+)?(ms|s|m|h|d)$/
const DEFAULTS = { kind: 'counter', add: 'one' } as const

// Metrics (docs/language, "Metrics"): events and values that exist, and no label whose values a peer can make up.

import { didYouMean } from '../language/problem.ts'
import type { Metric } from '../normalize/behaviour.ts'
import type { Check, Subject } from './subject.ts'

export const metrics: Check = subject => {
  for (const metric of subject.behaviour.metrics) {
    event(subject, metric)
    shown(subject, metric)
    labels(subject, metric)
    buckets(subject, metric)
  }
}

function event(subject: Subject, { name, on, kind }: Metric): void {
  if (on === undefined) {
    if (kind !== 'counter') return
    subject.document.report(['metrics', name], {
      code: 'metric',
      on: 'key',
      message: 'a counter needs an event that adds to it',
      hint: 'on: frame.received',
    })
    return
  }
  if (EVENTS.includes(on) || FAMILIES.some(family => on.startsWith(family) && on.length > family.length)) return
  subject.document.report(['metrics', name, 'on'], {
    code: 'metric',
    message: `there is no event ${on}`,
    hint: didYouMean(on, EVENTS) ?? `events are ${[...EVENTS, ...FAMILIES.map(family => `${family}*`)].join(', ')}`,
  })
}

function shown(subject: Subject, { name, of, kind }: Metric): void {
  if (of === undefined && kind !== 'counter') {
    subject.document.report(['metrics', name], {
      code: 'metric',
      on: 'key',
      message: `a ${kind} needs a value to show`,
      hint: 'of: connections',
    })
  }
  if (of === undefined || VALUES.includes(of)) return
  subject.document.report(['metrics', name, 'of'], {
    code: 'metric',
    message: `there is no value ${of}`,
    hint: didYouMean(of, VALUES) ?? `values are ${VALUES.join(', ')}`,
  })
}

function labels(subject: Subject, { name, by }: Metric): void {
  const wrong = by.findIndex(label => !LABELS.includes(label))
  if (wrong < 0) return
  const peer = /peer|address|ip|port|addr|session|conn/.test(by[wrong]!)
  subject.document.report(['metrics', name, 'by', wrong], {
    code: 'metric',
    message: peer
      ? `${by[wrong]} as a label: whoever connects could fill the memory`
      : `there is no label ${by[wrong]}`,
    hint: `labels are ${LABELS.join(', ')}`,
  })
}

function buckets(subject: Subject, { name, kind, buckets: bounds }: Metric): void {
  if (bounds.length > 0 && kind !== 'histogram') {
    subject.document.report(['metrics', name, 'buckets'], {
      code: 'unused',
      severity: 'warning',
      on: 'key',
      message: `a ${kind} has no buckets`,
      hint: 'kind: histogram',
    })
  }
  const falling = bounds.findIndex((bound, index) => index > 0 && bound <= bounds[index - 1]!)
  if (falling < 0) return
  subject.document.report(['metrics', name, 'buckets', falling], {
    code: 'metric',
    message: 'buckets rise: this one is not above the one before',
  })
}

const EVENTS: readonly string[] = [
  'frame.received',
  'frame.sent',
  'error',
  'strike',
  'open',
  'close',
  'seal.replayed',
  'seal.lost',
  'reply.retry',
  'idle.timeout',
  'write.timeout',
  'accept.error',
]
const FAMILIES: readonly string[] = ['limit.', 'relay.', 'handshake.']
const VALUES: readonly string[] = [
  'connections',
  'handshakes',
  'queue',
  'queue.bytes',
  'reorder.bytes',
  'relay.groups',
  'rtt',
]
const LABELS: readonly string[] = ['frame', 'code', 'channel', 'reason']

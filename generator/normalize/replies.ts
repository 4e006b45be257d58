// `replies` (docs/language, "Replies"): which frame answers which, how the two find each other, and what is repeated.

import type { Path } from '../load/document.ts'
import type { Expr, Protocol } from '../model/model.ts'
import type { FramePath, FrameTest, Reply } from './behaviour.ts'
import type { Expressions } from './expressions.ts'
import { framePath, pathInFrame } from './path.ts'
import { isMap, type Section } from './section.ts'

export function normalizeReplies(section: Section, protocol: Protocol, expressions: Expressions): Reply[] {
  return section.keys().map(name => reply(name, section.section(name), protocol, expressions))
}

function reply(name: string, section: Section, protocol: Protocol, expressions: Expressions): Reply {
  const any = section.raw('to') === 'any'
  const to = any ? [] : frames('to', section, protocol)
  const answers = frames('with', section, protocol)
  const requests = any ? enveloped(protocol) : to
  const test = when(section, requests, any, protocol, expressions)
  const only = section.section('only')
  return {
    name,
    to,
    any,
    when: test,
    with: answers,
    by: by(section, protocol, requests, answers, any),
    copy: copy(section, protocol, requests, answers, any),
    auto: section.word('auto', ['before-delivery', 'after-delivery', 'service', 'idle'], undefined),
    timeout: section.duration('timeout', DEFAULTS.timeout),
    retry: retry(section),
    inFlight: section.count('in_flight', DEFAULTS.inFlight),
    ids: section.word('ids', ['counter', 'random'], DEFAULTS.ids),
    every: section.duration('every', undefined),
    only: { transport: only.text('transport', undefined), receiver: only.text('receiver', undefined) },
    duplicates: duplicates(section),
    ask: test ? asks(test, protocol, requests) : [],
  }
}

function frames(key: 'to' | 'with', section: Section, protocol: Protocol): string[] {
  return section.list(key).filter(name => {
    if (protocol.frames.has(name)) return true
    section.wrong(key, `there is no frame ${name}`, { code: 'reference' })
    return false
  })
}

/** Frames that `any` stands for: all that carry the envelope, or all where there is none. */
function enveloped(protocol: Protocol): string[] {
  const all = [...protocol.frames.values()]
  const inside = all.filter(frame => !frame.bare)
  return (inside.length > 0 ? inside : all).map(frame => frame.name)
}

function when(
  section: Section,
  requests: readonly string[],
  any: boolean,
  protocol: Protocol,
  expressions: Expressions,
): FrameTest | undefined {
  const text = section.raw('if')
  if (text === undefined) return undefined
  const at: Path = [...section.path, 'if']
  const found = requests.flatMap(frame => {
    const expr = expressions.inFrame(text, protocol.frames.get(frame)!, at)
    return expr ? [{ frame, expr }] : []
  })
  if (any && found.length === 0) section.wrong('if', 'no frame has the fields of this condition', { code: 'reference' })
  return { text: String(text), frames: found }
}

/** A field equal in both, `{ request_field: reply_field }`, or `order`. */
function by(
  section: Section,
  protocol: Protocol,
  requests: readonly string[],
  answers: readonly string[],
  any: boolean,
): Reply['by'] {
  const raw = section.raw('by')
  if (raw === undefined) return undefined
  if (raw === 'order') return 'order'
  const [request, answer] = isMap(raw) ? (Object.entries(raw)[0] ?? ['', '']) : [raw, raw]
  const at: Path = [...section.path, 'by']
  const from = framePath(protocol, String(request), requests, at, section.report, !any)
  const to = framePath(protocol, String(answer), answers, at, section.report, true)
  return from && to && { request: from, reply: to }
}

/** `{ reply_field: request_field }`. */
function copy(
  section: Section,
  protocol: Protocol,
  requests: readonly string[],
  answers: readonly string[],
  any: boolean,
): Reply['copy'] {
  const map = section.section('copy')
  return map.keys().flatMap(key => {
    const at: Path = [...map.path, key]
    const to = framePath(protocol, key, answers, at, section.report, true)
    const from = framePath(protocol, map.text(key, ''), requests, at, section.report, !any)
    return from && to ? [{ from, to }] : []
  })
}

function retry(section: Section): Reply['retry'] {
  if (!section.has('retry') || section.raw('retry') === 'none') return undefined
  const one = section.section('retry')
  return { times: one.count('times', RETRY.times), ...one.span('delay', RETRY.delay) }
}

function duplicates(section: Section): Reply['duplicates'] {
  if (!section.has('duplicates') || section.raw('duplicates') === 'none') return undefined
  const one = section.section('duplicates')
  return {
    window: one.count('window', DUPLICATES.window),
    answerAgain: one.flag('answer-again', DUPLICATES.answerAgain),
  }
}

/** The bits of a condition that is a conjunction of bits and `present(..)`; none where it says anything else. */
function asks(test: FrameTest, protocol: Protocol, requests: readonly string[]): FramePath[] {
  const [first] = test.frames
  const bits = first && conjunction(first.expr)
  if (!bits) return []
  return bits.map(path => ({
    text: path.join('.'),
    frames: requests.flatMap(frame => {
      const expr = pathInFrame(protocol, protocol.frames.get(frame)!, path)
      return expr ? [{ frame, expr }] : []
    }),
  }))
}

function conjunction(expr: Expr): string[][] | undefined {
  if (expr.is === 'binary' && expr.operator === 'and') {
    const left = conjunction(expr.left)
    const right = conjunction(expr.right)
    return left && right && [...left, ...right]
  }
  if (expr.is === 'call' && expr.name === 'present') return []
  if (expr.is === 'member' && expr.of.type.kind === 'bitset' && expr.of.is === 'field')
    return [[expr.of.name, expr.name]]
  return undefined
}

/** Milliseconds. */
const DEFAULTS = { timeout: 5000, inFlight: 256, ids: 'counter' } as const
const RETRY = { times: 3, delay: { from: 100, to: 5000 } } as const
const DUPLICATES = { window: 1024, answerAgain: false } as const

// `states` (docs/language, "Roles, states, params, session"): rows of frames allowed and the states they lead to.

import type { Protocol } from '../model/model.ts'
import type { State, StateStep } from './behaviour.ts'
import type { Expressions } from './expressions.ts'
import { isMap, type Section } from './section.ts'

/** The state that is always there: the connection ended. */
export const CLOSED = 'closed'

export function normalizeStates(section: Section, protocol: Protocol, expressions: Expressions): State[] {
  const names = new Set([...section.keys(), CLOSED])
  return section.keys().map(name => {
    const row = section.section(name)
    return {
      name,
      timeout: row.duration('timeout', DEFAULTS.timeout),
      ignore: row.list('ignore'),
      frames: row
        .keys()
        .filter(key => !ATTRIBUTES.includes(key))
        .flatMap(frame =>
          isFrame(frame, row, protocol) ? [{ frame, next: steps(frame, row, names, protocol, expressions) }] : [],
        ),
    }
  })
}

function isFrame(name: string, row: Section, protocol: Protocol): boolean {
  if (protocol.frames.has(name)) return true
  row.wrong(name, `there is no frame ${name}`, { on: 'key', code: 'reference' })
  return false
}

/** `open`, or `{ open: condition, closed: else }` in order. */
function steps(
  frame: string,
  row: Section,
  states: ReadonlySet<string>,
  protocol: Protocol,
  expressions: Expressions,
): StateStep[] {
  const raw = row.raw(frame)
  if (typeof raw === 'string') return known(raw, row, frame, states) ? [{ to: raw }] : []
  if (!isMap(raw)) {
    row.wrong(frame, 'expected a state, or { state: condition }')
    return []
  }
  const choices = row.section(frame)
  return choices.keys().flatMap((to): StateStep[] => {
    if (!known(to, choices, to, states)) return []
    const condition = choices.raw(to)
    if (condition === 'else' || condition === true) return [{ to }]
    const when = expressions.inFrame(condition, protocol.frames.get(frame)!, [...choices.path, to])
    return when ? [{ to, when, text: String(condition) }] : []
  })
}

function known(state: string, section: Section, key: string, states: ReadonlySet<string>): boolean {
  if (states.has(state)) return true
  section.wrong(key, `there is no state ${state}`, {
    code: 'reference',
    ...(state === key ? { on: 'key' as const } : {}),
  })
  return false
}

const ATTRIBUTES: readonly string[] = ['timeout', 'ignore']

/** Milliseconds. */
const DEFAULTS = { timeout: Number.POSITIVE_INFINITY } as const

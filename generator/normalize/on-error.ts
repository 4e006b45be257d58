// `on_error` (docs/language, "Limits, on_error, metrics"): what an error does to a connection, and which frame tells
// the other side about it.

import type { OnError } from './behaviour.ts'
import type { Section } from './section.ts'

export function normalizeOnError(section: Section, frames: ReadonlySet<string>): OnError {
  return {
    stream: section.word('stream', ['close', 'drop'], DEFAULTS.stream),
    datagram: section.word('datagram', ['drop', 'close'], DEFAULTS.datagram),
    tell: tell(section, frames),
  }
}

/** `tell: Err` is short for `{ frame: Err, on: stream }`. */
function tell(section: Section, frames: ReadonlySet<string>): OnError['tell'] {
  const raw = section.raw('tell')
  if (raw === undefined || raw === 'none') return undefined
  const long = section.section('tell')
  const frame = typeof raw === 'string' ? raw : long.text('frame', undefined)
  if (frame === undefined || !frames.has(frame)) {
    section.wrong('tell', frame === undefined ? 'tell needs a frame' : `there is no frame ${frame}`, {
      code: 'reference',
    })
    return undefined
  }
  return { frame, on: long.word('on', ['stream', 'any'], DEFAULTS.tellOn) }
}

const DEFAULTS = { stream: 'close', datagram: 'drop', tellOn: 'stream' } as const

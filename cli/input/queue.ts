// `--queue KEY=VALUE`: what a relay does with what its subscribers do not take, instead of what the schema says.

import { OVERFLOWS, type QueueLimits } from '../../runtime/service/relay/queue.ts'
import { usage } from '../failure.ts'
import { parseCount, parseDuration, parseSize } from './quantity.ts'

export function parseQueue(texts: readonly string[]): Partial<QueueLimits> {
  return Object.assign({}, ...texts.map(parseOne)) as Partial<QueueLimits>
}

function parseOne(text: string): Partial<QueueLimits> {
  const at = text.indexOf('=')
  const [key, value] = [text.slice(0, at), text.slice(at + 1)]
  switch (at < 0 ? '' : key) {
    case 'frames':
      return { frames: parseCount(value, 1) }
    case 'bytes':
      return { bytes: parseSize(value) }
    case 'stall':
      return { stall: parseDuration(value) }
    case 'hold':
      return { hold: parseDuration(value) }
    case 'overflow': {
      const overflow = OVERFLOWS.find(one => one === value)
      if (overflow === undefined) throw usage(`"${value}" is no rule for a full queue: ${OVERFLOWS.join(', ')}`)
      return { overflow }
    }
    default:
      throw usage(
        `"${text}" is no setting of a queue: frames, bytes, overflow, stall or hold, as overflow=backpressure`,
      )
  }
}

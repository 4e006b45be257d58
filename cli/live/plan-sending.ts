// What `proto send` sends, worked out before anything is opened: the frame, its value, and what is waited for.

import type { ProtocolDescriptor, ReplyDescriptor, TransportDescriptor } from '../../runtime/core/protocol.ts'
import { findFrame } from '../describe/find.ts'
import { Failure, usage } from '../failure.ts'
import { readFields } from '../input/fields.ts'
import { parseCount } from '../input/quantity.ts'
import { suggestion } from '../input/suggest.ts'
import { defaultFrame, fillField } from './choose.ts'
import type { Loaded } from './live-command.ts'

export interface SendingOptions {
  readonly role: string | undefined
  readonly channel: string | undefined
  readonly wait: string | undefined
  readonly data: unknown
  readonly size: number | undefined
  readonly count: number
  readonly rate: number | undefined
  /** Milliseconds. */
  readonly timeout: number | undefined
}

export interface SendingPlan {
  readonly frame: string
  readonly value: Record<string, unknown>
  readonly channel: string | undefined
  readonly count: number
  readonly rate: number | undefined
  readonly timeout: number | undefined
  /** The schema answers this frame whatever is in it, and the runtime numbers it. */
  readonly isRequest: boolean
  /** It is answered, but its number was given: milliseconds to look for the answer among the frames that arrive. */
  readonly watchAnswer: number | undefined
  /** Frames that answer it, when it asks for an answer. */
  readonly answers: ReadonlySet<string>
  readonly wait: { readonly frames: number } | { readonly frame: string } | undefined
  /** Whether arriving frames have to be looked at. */
  readonly needsFrames: boolean
}

/** @param rest FRAME and NAME=VALUE, in any order that has FRAME first */
export function planSending(
  { protocol, descriptor }: Loaded,
  target: string,
  rest: readonly string[],
  options: SendingOptions,
): SendingPlan {
  const [first] = rest
  const named = first !== undefined && !first.includes('=')
  const role = options.role ?? descriptor.roles.find(({ transport }) => transport !== 'accepts')?.name ?? ''
  const frame = findFrame(protocol, named ? first : defaultFrame(descriptor, role))
  const given = readFields(protocol, frame.name, named ? rest.slice(1) : rest, options.data)
  if (options.size !== undefined) checkSize(descriptor, target, options.size)
  const filled = options.size === undefined ? {} : fillField(protocol, frame, options.size, given)
  const rules = descriptor.replies.filter(reply => reply.any || reply.to.includes(frame.name))
  const request = rules.find(isAlwaysAnswered)
  const isNumbered = typeof request?.by === 'object' && request.by.request.path in given
  const wait = readWait(options.wait, descriptor)
  return {
    frame: frame.name,
    value: { ...given, ...filled },
    channel: options.channel === undefined ? undefined : findChannel(descriptor, options.channel),
    count: options.count,
    rate: options.rate,
    timeout: options.timeout,
    isRequest: request !== undefined && !isNumbered,
    watchAnswer: request && isNumbered ? (options.timeout ?? request.timeout) : undefined,
    answers: new Set(rules.flatMap(reply => reply.with)),
    wait,
    needsFrames: wait !== undefined || rules.length > 0,
  }
}

/** No condition on the value, and no bit that would ask. */
function isAlwaysAnswered({ when, ask, with: answers }: ReplyDescriptor): boolean {
  return when === undefined && ask.length === 0 && answers.length > 0
}

function readWait(text: string | undefined, { frames }: ProtocolDescriptor): SendingPlan['wait'] {
  if (text === undefined) return undefined
  if (/^[\d_]+$/.test(text)) return { frames: parseCount(text) }
  const names = frames.map(({ name }) => name)
  const found = names.find(name => name.toLowerCase() === text.toLowerCase())
  if (found === undefined) throw usage(`--wait ${text}: neither a number nor a frame${suggestion(text, names)}`)
  return { frame: found }
}

function findChannel({ channels }: ProtocolDescriptor, name: string): string {
  const names = channels.map(channel => channel.name)
  if (names.includes(name)) return name
  throw usage(`--channel ${name}: there is no such channel${names.length > 0 ? suggestion(name, names) : ''}`)
}

/** Before so much is allocated: no transport would take it. */
function checkSize({ transports, channels }: ProtocolDescriptor, target: string, size: number): void {
  const scheme = /^([a-z]+):\/\//.exec(target)?.[1]
  const transport = transports.find(({ kind, use }) => (scheme === undefined ? use === 'session' : kind === scheme))
  const limit =
    transport &&
    mostBytes(
      transport,
      Math.max(0, ...channels.map(({ fragment }) => (fragment ? fragment.above * fragment.pieces : 0))),
      Math.max(0, ...channels.map(({ split }) => split?.max ?? 0)),
    )
  if (limit === undefined || size <= limit) return
  throw new Failure('invalid', 'TooLarge', `--size ${size}: a frame over ${transport!.kind} has at most ${limit} bytes`)
}

function mostBytes({ kind, maxFrame }: TransportDescriptor, inPieces: number, inFrames: number): number {
  const whole = typeof maxFrame === 'number' && Number.isFinite(maxFrame) ? maxFrame : MOST
  return Math.max(whole, kind === 'udp' ? inPieces : inFrames)
}

/** Where the schema has no limit that is a number. */
const MOST = 2 ** 30

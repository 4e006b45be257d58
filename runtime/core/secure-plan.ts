// What a protocol with sealed datagrams asks of its endpoint, worked out once: the seal, the handshake, and which frames
// the engine speaks by itself. None is known by its name; the schema says what each can do.

import type { Suite } from '../crypto/noise/pattern.ts'
import { parseProtocolName } from '../crypto/noise/pattern.ts'
import type { Context } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { HandshakeScript } from './handshake-descriptor.ts'
import { leastValue } from './least.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { Accessor } from './protocol.ts'
import type { Plain } from './recast.ts'
import type { SealDescriptor, SealLayout } from './seal-descriptor.ts'
import { SealedCodec, unsealed } from './sealed-codec.ts'
import { emptyOf, spokenAlone } from './spoken.ts'

export interface SecurePlan {
  readonly seal: SealDescriptor
  readonly layout: SealLayout
  readonly script: HandshakeScript
  readonly suite: Suite | undefined
  /** What is fallen back to when the first message does not open. */
  readonly fallback: Suite | undefined
  /** Milliseconds. */
  readonly timeout: number
  /** Frames that only the handshake sends and reads, by index. */
  readonly handshake: ReadonlySet<number>
  /** Sealed frames that this side can make of nothing: the first to say `I have the keys`, or to answer it. */
  readonly proof: FramePlan | undefined
  /** Carries nothing for the application. */
  readonly empty: FramePlan | undefined
  /** What says goodbye, with the least that its fields take. */
  readonly bye: { readonly frame: FramePlan; readonly value: Plain } | undefined
  /** The frame with a random field that comes back, and the frame in which it does. */
  readonly probe: ProbePlan | undefined
}

export interface ProbePlan {
  readonly frame: FramePlan
  readonly field: Accessor
  readonly replies: ReadonlySet<number>
  /** The same value in the reply. */
  readonly answer: Accessor
}

/** Undefined where nothing on this transport is sealed. Throws LocalError where the schema is not enough. */
export function securePlan(plan: Plan, context: Context): SecurePlan | undefined {
  if (plan.isStream) return undefined
  const seal = datagramSeal(plan)
  if (seal === undefined) return undefined
  const { protocol } = plan
  const script = protocol.handshake?.script
  if (seal.layout === undefined || script === undefined)
    throw new LocalError('NotBuilt', `${protocol.name}: its seal has no fixed places, or there is no handshake for it`)
  const codec = new SealedCodec(protocol.codec(), script.ids?.field)
  codec.peerId = 1
  codec.context = { ...context, seal: unsealed, dir: undefined, state: undefined }
  const named = (name: string): FramePlan[] => plan.frames.filter(one => one.name === name)
  const sealed = plan.frames.filter(one => seal.frames.includes(one.name))
  const alone = spokenAlone(codec, sealed, protocol.channelHeader)
  const empty = emptyOf(alone)
  const bye = plan.bye && seal.frames.includes(plan.bye.name) ? plan.bye : undefined
  const least = bye && leastValue(codec, bye.name)
  const [probe] = seal.probe === undefined ? [] : named(seal.probe.frame)
  return {
    seal,
    layout: seal.layout,
    script,
    suite: script.noise && parseProtocolName(script.noise.suite),
    fallback: script.noise?.fallback === undefined ? undefined : parseProtocolName(script.noise.fallback),
    timeout: protocol.handshake?.timeout ?? Number.POSITIVE_INFINITY,
    handshake: new Set(script.frames.flatMap(named).map(one => one.index)),
    proof: empty ?? alone[0],
    empty,
    bye: bye && least && { frame: bye, value: least },
    probe: probe && probeOf(plan, probe, seal),
  }
}

/** The seal of what travels in datagrams. */
export function datagramSeal({ protocol }: Pick<Plan, 'protocol'>): SealDescriptor | undefined {
  return protocol.seals.find(one => one.frames.length > 0 && one.layout !== undefined)
}

function probeOf(plan: Plan, frame: FramePlan, seal: SealDescriptor): ProbePlan | undefined {
  const rule = frame.requestOf.find(one => typeof one.reply.by === 'object')
  if (rule === undefined || typeof rule.reply.by !== 'object' || seal.probe === undefined) return undefined
  const replies = rule.reply.with.map(name => plan.byName.get(name)?.index ?? -1)
  return { frame, field: seal.probe.field, replies: new Set(replies), answer: rule.reply.by.reply }
}

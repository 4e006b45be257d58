// Services (docs/language, "Service"): roles and frames that exist, a relayed frame that travels in and out, and
// refusals that their frame can say.

import type { Frame, Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { type Check, directionsMeet, isMap, listOf, type Plain, type Subject, section } from './subject.ts'

export const service: Check = subject => {
  echo(subject)
  const relay = section(subject, 'service', 'relay')
  if (Object.keys(relay).length > 0) relayed(subject, relay)
}

function echo(subject: Subject): void {
  const { frame } = section(subject, 'service', 'echo')
  const found = frame === undefined ? undefined : frameAt(subject, ['service', 'echo', 'frame'], frame)
  if (!found || found.dirs.length === 0) return
  const back = found.dirs.map(dir => ({ sender: dir.receiver, receiver: dir.sender }))
  if (directionsMeet(subject.protocol, found.dirs, back)) return
  subject.document.report(['service', 'echo', 'frame'], {
    code: 'service',
    message: `${found.name} travels one way only and cannot come back`,
    hint: 'remove its `dir`, or list both directions',
  })
}

function relayed(subject: Subject, relay: Plain): void {
  const hub = roleAt(subject, ['service', 'relay', 'hub'], relay.hub)
  const publish = section(subject, 'service', 'relay', 'publish')
  const subscribe = section(subject, 'service', 'relay', 'subscribe')
  const producer = roleAt(subject, ['service', 'relay', 'publish', 'role'], publish.role)
  const consumer = roleAt(subject, ['service', 'relay', 'subscribe', 'role'], subscribe.role)
  const inward = frameAt(subject, ['service', 'relay', 'publish', 'frame'], publish.frame)
  const outward = frameAt(subject, ['service', 'relay', 'subscribe', 'frame'], subscribe.frame)
  if (hub && producer && inward) travels(subject, inward, producer, hub, 'publish')
  if (hub && consumer && outward) travels(subject, outward, hub, consumer, 'subscribe')
  const observe = section(subject, 'service', 'relay', 'observe')
  if (observe.role !== undefined) roleAt(subject, ['service', 'relay', 'observe', 'role'], observe.role)
  group(subject, relay.group)
  member(subject, relay)
  if (observe.report !== undefined) report(subject, observe)
  if (isMap(relay.answer)) answers(subject, relay.answer)
}

function travels(subject: Subject, frame: Frame, sender: string, receiver: string, rule: string): void {
  if (directionsMeet(subject.protocol, frame.dirs, [{ sender, receiver }])) return
  subject.document.report(['service', 'relay', rule, 'frame'], {
    code: 'service',
    message: `${frame.name} does not travel ${sender}>${receiver}, so it cannot be relayed`,
    hint: `add ${sender}>${receiver} to its \`dir\``,
  })
}

function group(subject: Subject, path: unknown): void {
  if (typeof path !== 'string') return
  const [name = '', field = ''] = path.split('.')
  const frame = subject.protocol.frames.get(name)
  if (frame && fieldsOf(frame.body.nodes).some(one => one.name === field)) return
  subject.document.report(['service', 'relay', 'group'], {
    code: 'reference',
    message: frame ? `${name} has no field ${field}` : `there is no frame ${name}`,
    hint: 'the group is a field of a frame: Join.room',
  })
}

/** The group is a param, and clients say in the same frame what they are. */
function member(subject: Subject, relay: Plain): void {
  const name = /^param\.(\w+)$/.exec(String(relay.member_of ?? ''))?.[1]
  if (relay.member_of !== undefined && (name === undefined || !subject.protocol.params.has(name)))
    subject.document.report(['service', 'relay', 'member_of'], {
      code: 'reference',
      message: `there is no param ${name ?? String(relay.member_of)}`,
      hint: 'member_of: param.NAME, and params: { NAME: .. }',
    })
  const roles = ['publish', 'subscribe'].map(rule => String(section(subject, 'service', 'relay', rule).role))
  const frame = subject.protocol.frames.get(String(relay.group ?? '').split('.')[0]!)
  if (!frame || roles.every(role => valuesOf(subject.protocol, frame).includes(role))) return
  subject.document.report(['service', 'relay', 'group'], {
    code: 'service',
    message: `${frame.name} does not say whether a client is ${roles.join(' or ')}`,
    hint: `a field whose enum has the values ${roles.join(', ')}`,
  })
}

/** Counters are shown in fields of the answer to an observer. */
function report(subject: Subject, observe: Plain): void {
  const path = ['service', 'relay', 'observe', 'report']
  const rule = subject.behaviour.replies.find(reply => reply.auto === 'service')
  const frames = (rule?.with ?? []).map(name => subject.protocol.frames.get(name)).filter(frame => frame !== undefined)
  for (const field of Object.keys(isMap(observe.report) ? observe.report : {})) {
    if (frames.some(frame => fieldsOf(frame.body.nodes).some(one => one.name === field))) continue
    subject.document.report([...path, field], {
      code: 'reference',
      on: 'key',
      message: `${frames[0]?.name ?? 'no answer'} has no field ${field}`,
      hint: 'the fields of the frame that answers an observer: replies: { observe: { to: Poll, with: Counters, auto: service } }',
    })
  }
}

function answers(subject: Subject, answer: Plain): void {
  const path = ['service', 'relay', 'answer']
  const frame = frameAt(subject, [...path, 'frame'], answer.frame)
  if (!frame) return
  const names = valuesOf(subject.protocol, frame)
  for (const [outcome, value] of Object.entries(answer)) {
    if (outcome === 'frame' || typeof value !== 'string' || names.includes(value)) continue
    subject.document.report([...path, outcome], {
      code: 'service',
      message: `${frame.name} cannot say ${value}`,
      hint: names.length > 0 ? `it says ${names.join(', ')}` : `${frame.name} has no enum field`,
    })
  }
}

/** Names that the enums of a frame know. */
function valuesOf(protocol: Protocol, frame: Frame): string[] {
  return fieldsOf(frame.body.nodes).flatMap(({ type }) =>
    type.kind === 'enum' ? (protocol.enums.get(type.name)?.values.map(one => one.name) ?? []) : [],
  )
}

function frameAt(subject: Subject, path: readonly string[], name: unknown): Frame | undefined {
  const frame = typeof name === 'string' ? subject.protocol.frames.get(name) : undefined
  if (!frame && name !== undefined)
    subject.document.report(path, { code: 'reference', message: `there is no frame ${name}` })
  return frame
}

function roleAt(subject: Subject, path: readonly string[], name: unknown): string | undefined {
  const known = [...subject.protocol.roles.keys()]
  if (listOf(name).some(role => known.includes(role))) return String(name)
  if (name !== undefined) {
    subject.document.report(path, {
      code: 'reference',
      message: `there is no role ${name}`,
      hint: `roles are ${known.join(', ')}`,
    })
  }
  return undefined
}

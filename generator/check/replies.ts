// Replies (docs/language, "Replies"): the answer can travel against the request, what ties them together has one type,
// the runtime can fill in what it answers by itself, and no two rules answer each other for ever.

import type { Expr, Frame, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import type { FramePath, Reply } from '../normalize/behaviour.ts'
import { type Check, directionsMeet, isMap, reportUnlessInsecure, type Subject, section } from './subject.ts'

export const replies: Check = subject => {
  for (const reply of subject.behaviour.replies) {
    direction(subject, reply)
    sameType(subject, reply)
    canBeMade(subject, reply)
    restricted(subject, reply)
    if (reply.any) {
      reportUnlessInsecure(subject, ['replies', reply.name, 'to'], {
        code: 'reply',
        message: '`any` also answers answers: two peers may never stop',
        hint: 'name the requests',
      })
    }
  }
  noCircle(subject)
}

function direction(subject: Subject, reply: Reply): void {
  const { protocol } = subject
  for (const request of reply.to) {
    const back = protocol.frames.get(request)!.dirs.map(dir => ({ sender: dir.receiver, receiver: dir.sender }))
    for (const answer of reply.with) {
      const { dirs } = protocol.frames.get(answer)!
      if (directionsMeet(protocol, dirs, back)) continue
      subject.document.report(['replies', reply.name, 'with'], {
        code: 'reply',
        message: `${answer} cannot answer ${request}: it travels ${shown(dirs)}, the request ${shown(protocol.frames.get(request)!.dirs)}`,
        hint: `an answer needs dir: ${shown(back)}`,
      })
    }
  }
}

function shown(dirs: Frame['dirs']): string {
  return dirs.map(dir => `${dir.sender}>${dir.receiver}`).join(', ')
}

function sameType(subject: Subject, reply: Reply): void {
  if (reply.by === undefined || reply.by === 'order') return
  const { request, reply: answer } = reply.by
  const asked = typeOf(subject.protocol, request)
  const answered = typeOf(subject.protocol, answer)
  if (!asked || !answered || asked === answered) return
  subject.document.report(['replies', reply.name, 'by'], {
    code: 'reply',
    message: `${request.text} is ${asked} in the request and ${answer.text} ${answered} in the answer`,
    hint: 'give both the same type',
  })
}

/** The type at the end of a path, as a short text that is equal for equal types. */
function typeOf(protocol: Protocol, path: FramePath): string | undefined {
  const [first] = path.frames
  const frame = first && protocol.frames.get(first.frame)
  if (!first || !frame) return undefined
  const { expr } = first
  const type =
    expr.is === 'field' ? fieldsOf(frame.body.nodes).find(field => field.name === expr.name)?.type : undefined
  return type ? textOf(type) : kindOf(expr)
}

function kindOf(expr: Expr): string {
  return 'name' in expr.type ? expr.type.name : expr.type.kind
}

function textOf(type: Type): string {
  if (type.kind === 'int') return `${type.signed ? 'i' : 'u'}${type.bits}`
  if (type.kind === 'region' || type.kind === 'delimited') return textOf(type.of)
  return 'name' in type ? type.name : type.kind
}

/** The runtime answers by itself only with what it knows: `by`, `copy`, defaults. */
function canBeMade(subject: Subject, reply: Reply): void {
  if (reply.auto === undefined || reply.auto === 'service') return
  const by = reply.by === undefined || reply.by === 'order' ? [] : [reply.by.reply]
  const given = new Set(
    [...by, ...reply.copy.map(one => one.to)].map(path => headOf(path.text)).concat(filledByEngines(subject)),
  )
  for (const answer of reply.with) {
    const fields = fieldsOf(subject.protocol.frames.get(answer)!.body.nodes)
    const missing = fields.find(field => isNeeded(field) && !given.has(field.name))
    if (!missing) continue
    subject.document.report(['replies', reply.name, 'auto'], {
      code: 'reply',
      message: `the runtime cannot make ${answer} by itself: nothing says what ${missing.name} is`,
      hint: `give it a default, or copy: { ${missing.name}: REQUEST_FIELD }`,
    })
  }
}

/** Fields that the machinery of seals, ids and channels writes. */
function filledByEngines(subject: Subject): string[] {
  const ids = section(subject, 'handshake', 'ids').field
  const seals = Object.keys(section(subject, 'seal')).flatMap(name => {
    const { counter, rekey } = section(subject, 'seal', name)
    const { phase, seen } = isMap(rekey) ? rekey : {}
    return [isMap(counter) ? counter.field : counter, phase, seen]
  })
  const header = (subject.behaviour.channelHeader?.paths ?? []).map(one => headOf(one.path.text))
  return [ids, ...seals, ...header].filter(name => typeof name === 'string')
}

function isNeeded(field: ReturnType<typeof fieldsOf>[number]): boolean {
  const filled = field.value ?? field.fallback ?? field.with ?? field.derives ?? field.match ?? field.matchBits
  return !field.hidden && !field.isId && !filled && !field.if && !field.from
}

/** `Frame.field.member` or `field.member`: the field. */
function headOf(text: string): string {
  const [first = '', second = ''] = text.split('.')
  return /^[A-Z]/.test(first) ? second : first
}

function restricted(subject: Subject, reply: Reply): void {
  const { transport, receiver } = reply.only
  const { behaviour, protocol } = subject
  if (transport !== undefined && !behaviour.transports.some(one => one.kind === transport)) {
    subject.document.report(['replies', reply.name, 'only', 'transport'], {
      code: 'reference',
      message: `there is no transport ${transport}`,
      hint: `transports are ${behaviour.transports.map(one => one.kind).join(', ')}`,
    })
  }
  if (receiver !== undefined && !protocol.roles.has(receiver)) {
    subject.document.report(['replies', reply.name, 'only', 'receiver'], {
      code: 'reference',
      message: `there is no role ${receiver}`,
      hint: `roles are ${[...protocol.roles.keys()].join(', ')}`,
    })
  }
}

/** Rules that the runtime runs by itself must not lead from an answer back to its request. */
function noCircle(subject: Subject): void {
  const rules = subject.behaviour.replies.filter(reply => reply.auto !== undefined && !reply.any)
  const answersOf = (frame: string): string[] =>
    rules.filter(rule => rule.to.includes(frame)).flatMap(rule => rule.with)
  for (const rule of rules) {
    const seen = new Set<string>()
    const todo = [...rule.with]
    for (let frame = todo.pop(); frame !== undefined; frame = todo.pop()) {
      if (rule.to.includes(frame)) {
        subject.document.report(['replies', rule.name, 'with'], {
          code: 'reply',
          message: `${frame} is answered by what answers it: two peers would never stop`,
          hint: 'an answer gets no answer',
        })
        break
      }
      if (!seen.has(frame)) todo.push(...answersOf(frame))
      seen.add(frame)
    }
  }
}

// A session value is read only where it is known: it has a start or default, or on every way to the state a frame
// taught it (docs/language, "Params and session values").

import type { Frame } from '../model/model.ts'
import type { State } from '../normalize/behaviour.ts'
import { type Check, isMap, type Subject, section } from './subject.ts'
import { namesIn } from './texts.ts'
import { expressionsOf, groupsOf, partsOf } from './walk.ts'

export const learned: Check = subject => {
  const { protocol, behaviour } = subject
  const known = [...protocol.session.values()].filter(
    value => value.start !== undefined || value.fallback !== undefined,
  )
  const always = new Set(known.map(value => value.name))
  const rows = behaviour.states
  const inState = rows.length > 0 ? taughtBefore(subject, rows, always) : undefined
  for (const frame of protocol.frames.values()) {
    const read = readBy(subject, frame)
    if (read.size === 0) continue
    const here = rows.filter(row => row.frames.some(one => one.frame === frame.name))
    for (const name of read) {
      if (always.has(name)) continue
      const teachers = [...protocol.frames.values()].filter(other => other.learn.some(one => one.name === name))
      const unset = inState ? here.find(row => !inState.get(row.name)?.has(name)) : undefined
      if (teachers.length > 0 && !unset) continue
      subject.document.report(['frames', frame.name], {
        code: 'state',
        on: 'key',
        message: unset
          ? `${frame.name} reads session.${name}, which can still be unset in the state ${unset.name}`
          : `${frame.name} reads session.${name}, but no frame teaches it`,
        hint: `give ${name} a \`default\`, or let a frame before it \`learn\` it`,
      })
    }
  }
}

/** Values known in each state whatever way led there. A state that nothing leads to knows nothing but what always is. */
function taughtBefore(subject: Subject, rows: readonly State[], always: ReadonlySet<string>): Map<string, Set<string>> {
  const all = new Set([...subject.protocol.session.keys(), ...always])
  const known = new Map(rows.map((row, index) => [row.name, new Set(index === 0 ? always : all)]))
  for (let changed = true; changed; ) {
    changed = false
    for (const row of rows) {
      for (const { frame, next } of row.frames) {
        const taught = subject.protocol.frames.get(frame)?.learn.map(one => one.name) ?? []
        const after = new Set([...known.get(row.name)!, ...taught])
        for (const { to } of next) {
          const target = known.get(to)
          for (const name of target ?? []) {
            if (after.has(name)) continue
            target!.delete(name)
            changed = true
          }
        }
      }
    }
  }
  return known
}

/** Session values in the frame's layout and in the seal of its fields. */
function readBy(subject: Subject, frame: Frame): Set<string> {
  const found = new Set<string>()
  for (const expr of expressionsOf(frame.body).flatMap(partsOf)) {
    if (expr.is === 'space' && expr.space === 'session') found.add(expr.name)
  }
  const seals = new Set(groupsOf(frame.body.nodes).flatMap(group => (group.seal === undefined ? [] : [group.seal])))
  for (const seal of seals) for (const name of sealReads(subject, seal)) found.add(name)
  return found
}

function sealReads(subject: Subject, seal: string): string[] {
  const { key } = section(subject, 'seal', seal)
  const texts = isMap(key) ? Object.values(key) : [key]
  return texts.flatMap(text => namesIn(text, 'session'))
}

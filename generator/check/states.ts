// Rows of states (docs/language, "Roles, directions, states"): every state is reached, every frame stands in a row
// that agrees with its own `state`, and no step stands behind the one that always fits.

import type { State } from '../normalize/behaviour.ts'
import type { Check, Subject } from './subject.ts'

export const states: Check = subject => {
  const rows = subject.behaviour.states
  if (rows.length === 0) return
  reached(subject, rows)
  for (const row of rows) {
    noDeadSteps(subject, row)
    agreement(subject, row)
  }
  everyFrameSomewhere(subject, rows)
}

function reached(subject: Subject, rows: readonly State[]): void {
  const seen = new Set<string>()
  const todo = [rows[0]!.name]
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    if (seen.has(name)) continue
    seen.add(name)
    const row = rows.find(one => one.name === name)
    todo.push(...(row?.frames ?? []).flatMap(({ next }) => next.map(step => step.to)))
  }
  for (const row of rows) {
    if (seen.has(row.name)) continue
    subject.document.report(['states', row.name], {
      code: 'state',
      on: 'key',
      message: `no frame leads to the state ${row.name}`,
      hint: `name it as the next state of a frame in ${rows[0]!.name} or behind it, or remove the row`,
    })
  }
}

function noDeadSteps(subject: Subject, row: State): void {
  for (const { frame, next } of row.frames) {
    const sure = next.findIndex(step => step.when === undefined)
    for (const step of sure < 0 ? [] : next.slice(sure + 1)) {
      subject.document.report(['states', row.name, frame, step.to], {
        code: 'state',
        on: 'key',
        message: `${step.to} is never reached: the step in front of it always fits`,
        hint: 'put `else` last',
      })
    }
  }
}

/** A frame that says in which states it comes says the same as the rows. */
function agreement(subject: Subject, row: State): void {
  for (const { frame } of row.frames) {
    const own = subject.protocol.frames.get(frame)?.states ?? []
    if (own.length === 0 || own.includes(row.name)) continue
    subject.document.report(['states', row.name, frame], {
      code: 'state',
      on: 'key',
      message: `${frame} never comes in ${row.name}: its own \`state\` is ${own.join(', ')}`,
      hint: `add ${row.name} to its \`state\`, or remove it from this row`,
    })
  }
}

function everyFrameSomewhere(subject: Subject, rows: readonly State[]): void {
  const handshake = subject.behaviour.handshake?.frames ?? []
  for (const frame of subject.protocol.frames.values()) {
    const listed = rows.filter(row => row.frames.some(one => one.frame === frame.name)).map(row => row.name)
    const missing = frame.states.filter(state => !listed.includes(state) && rows.some(row => row.name === state))
    if (missing.length > 0) {
      subject.document.report(['frames', frame.name, 'state'], {
        code: 'state',
        message: `the row ${missing[0]} does not list ${frame.name}`,
        hint: `states: { ${missing[0]}: { ${frame.name}: NEXT } }`,
      })
    } else if (listed.length === 0 && !handshake.includes(frame.name)) {
      subject.document.report(['frames', frame.name], {
        code: 'state',
        on: 'key',
        message: `${frame.name} is allowed in no state`,
        hint: `add it to a row, as in ${rows.at(-1)!.name}: { ${frame.name}: ${rows.at(-1)!.name} }`,
      })
    }
  }
}

// Frames of two versions of a schema: how they are told apart, who may send them, what they hold.

import type { Frame, Protocol } from '../model/model.ts'
import type { Note } from './breaking.ts'
import { compareBodies, paired } from './layout.ts'

export function compareFrames(before: Protocol, after: Protocol, note: Note): void {
  const renamed = new Map<string, string>()
  for (const was of before.frames.values()) {
    if (after.frames.has(was.name)) continue
    const same = [...after.frames.values()].find(one => !before.frames.has(one.name) && sameSelection(one, was))
    if (!same) continue
    renamed.set(was.name, same.name)
    note('source', 'name', same.place, `frame ${was.name} is now called ${same.name}`)
    compareBodies(`frame ${same.name}`, [was.body, same.body], same.place, note)
  }
  const left = new Map([...before.frames].filter(([name]) => !renamed.has(name)))
  for (const [was, is] of paired('frame', [left, after.frames], note, true)) {
    const what = `frame ${is.name}`
    if (was.ids.join() !== is.ids.join())
      note(
        'wire',
        'id',
        is.place,
        `${what} had the id ${was.ids.join(', ') || 'none'}, has ${is.ids.join(', ') || 'none'}`,
      )
    if (matchText(was) !== matchText(is))
      note('wire', 'id', is.place, `${what} was told by ${matchText(was)}, is told by ${matchText(is)}`)
    narrowed(what, was, is, note)
    if (was.seal !== is.seal)
      note('wire', 'seal', is.place, `${what} was sealed by ${was.seal ?? 'nothing'}, is by ${is.seal ?? 'nothing'}`)
    if (was.channel !== is.channel)
      note(
        'wire',
        'channel',
        is.place,
        `${what} travelled on ${was.channel ?? 'no channel'}, travels on ${is.channel ?? 'none'}`,
      )
    if (!was.close && is.close) note('wire', 'close', is.place, `${what} now ends the connection`)
    compareBodies(what, [was.body, is.body], is.place, note)
  }
}

/** Directions and states in which the frame may no longer come. */
function narrowed(what: string, was: Frame, is: Frame, note: Note): void {
  const dirs = (frame: Frame): string[] => frame.dirs.map(dir => `${dir.sender}>${dir.receiver}`)
  const lost = is.dirs.length === 0 ? [] : dirs(was).filter(dir => !dirs(is).includes(dir))
  if (was.dirs.length === 0 && is.dirs.length > 0)
    note('wire', 'direction', is.place, `${what} travels only ${dirs(is).join(', ')}`)
  for (const dir of lost) note('wire', 'direction', is.place, `${what} no longer travels ${dir}`)
  const states = is.states.length === 0 ? [] : was.states.filter(state => !is.states.includes(state))
  if (was.states.length === 0 && is.states.length > 0)
    note('wire', 'state', is.place, `${what} is allowed only in ${is.states.join(', ')}`)
  for (const state of states) note('wire', 'state', is.place, `${what} is no longer allowed in the state ${state}`)
}

function sameSelection(a: Frame, b: Frame): boolean {
  return a.ids.length > 0 && a.ids.join() === b.ids.join() && matchText(a) === matchText(b)
}

function matchText({ match, matchElse }: Frame): string {
  if (matchElse) return 'else'
  const parts = match.map(({ path, values }) => `${path.join('.')} = ${values.join(' or ')}`)
  return parts.join(' and ') || 'nothing'
}

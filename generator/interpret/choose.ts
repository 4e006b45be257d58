// Choosing the frame: direction and state first, then the id and match values of the envelope
// (docs/adr/0002-decoding.md, "Choosing the frame").
import type { Body, Frame, Literal, Protocol, Type } from '../model/model.ts'
import { Fault, NeedBytes } from './fault.ts'
import { Rec } from './record.ts'
import { Cursor, type Run } from './run.ts'
import { openSeal } from './seal.ts'
import type { GroupSlot } from './slot.ts'
import { type FrameRules, validateBeforeFraming, validateBody, validateFront } from './validate.ts'
import { equal, isStruct, type Value } from './value.ts'

/** How the whole frame is measured; the caller knows its limits. */
export type Framing = (rec: Rec, frame: Frame | undefined) => void

/**
 * The one frame that fits, or the error of the envelope. `seen` is told of the record that is being decoded.
 */
export function chooseFrame(run: Run, framing: Framing, most: number, seen: (rec: Rec) => void): Frame {
  const { frames, envelope } = run.protocol
  const all = [...frames.values()]
  const possible = all.filter(frame => fitsContext(run, frame))
  const tagged = possible.filter(frame => !frame.bare)
  if (tagged.length === 0 && possible.length > 0) return only(possible)
  if (!envelope) throw new Fault(all.length > 0 ? 'WrongState' : 'UnknownFrame', 0)
  const rec = new Rec(run, envelope, undefined, new Cursor(0, run.region), 0)
  seen(rec)
  const rules: FrameRules = { framing: () => framing(rec, undefined), most }
  reach(rec, new Set(tagged.flatMap(frame => selectors(frame, envelope))), rules)
  const fitting = matching(rec, tagged)
  if (fitting.length > 0) return only(fitting)
  return refuse(
    rec,
    all.filter(frame => !frame.bare && !possible.includes(frame)),
    rules,
  )
}

function only(frames: readonly Frame[]): Frame {
  const [frame] = frames
  if (!frame || frames.length > 1) throw new Fault('AmbiguousFrame', 0)
  return frame
}

/** Lays the envelope out as far as these fields, opening what they stand in. */
function reach(rec: Rec, needed: ReadonlySet<string>, rules: FrameRules): void {
  laidOut(rec, rules, () => rec.layThrough(needed))
  for (const name of needed) {
    for (let seal = rec.sealOf(name); seal; seal = rec.sealOf(name)) {
      laidOut(rec, rules, () => rec.layAll())
      validateFront(rec, rules)
      open(rec, seal)
    }
    const group = rec.groupOf(name)
    if (group) laidOut(rec, rules, () => rec.layInside(group))
  }
}

function open(rec: Rec, seal: GroupSlot): void {
  rec.guarded(seal, undefined, () => {
    openSeal(rec, seal)
    // Without a key nobody can tell which frame this is.
    if (seal.seal === 'opaque') throw new Fault(rec.run.protocol.seals.get(seal.node.seal!)!.error, seal.range!.start)
  })
}

/** A failure of layout lets what stands in front of `framing` speak first. */
export function laidOut(rec: Rec, rules: FrameRules, lay: () => void): void {
  try {
    lay()
  } catch (caught) {
    const thrown = tooFar(caught, rules.most)
    if (thrown instanceof Fault) validateBeforeFraming(rec, rules)
    throw thrown
  }
}

/** To wait for more bytes than a frame may have is to wait in vain. */
export function tooFar(thrown: unknown, most: number): unknown {
  return thrown instanceof NeedBytes && thrown.upTo > most ? new Fault('TooLarge', 0) : thrown
}

/** No frame fits: the envelope alone is validated, and the error raised at the turn of the id. */
function refuse(rec: Rec, others: readonly Frame[], rules: FrameRules): never {
  const unknown: FrameRules['unknown'] = slot => {
    const code = matching(rec, others).length > 0 ? 'WrongState' : 'UnknownFrame'
    const at = slot ? Math.floor(slot.start / 8) : 0
    const raise = (): never => {
      throw new Fault(code, at)
    }
    if (!slot) raise()
    if (code === 'WrongState') return rec.guarded({ start: slot!.start, guards: [] }, slot!.node.name, raise)
    return rec.guarded(slot!, slot!.node.name, raise)
  }
  laidOut(rec, rules, () => rec.layAll())
  validateBody(rec, { ...rules, framing: rec.endless ? () => {} : rules.framing, unknown })
  throw new Fault('UnknownFrame', 0)
}

function fitsContext({ context, protocol }: Run, frame: Frame): boolean {
  const { dir, state } = context
  if (state !== undefined && frame.states.length > 0 && !frame.states.includes(state)) return false
  if (dir === undefined || frame.dirs.length === 0) return true
  const [sender = '', receiver = ''] = dir.split('>')
  return frame.dirs.some(
    known => rolesMeet(protocol, known.sender, sender) && rolesMeet(protocol, known.receiver, receiver),
  )
}

/** Whether one role is, or counts as, the other. */
function rolesMeet(protocol: Protocol, a: string, b: string): boolean {
  const countsAs = (name: string): string[] => {
    const role = protocol.roles.get(name)
    const wider = [...protocol.roles.values()].filter(other => other.anyOf.includes(name)).map(other => other.name)
    return role?.kind === undefined ? [name, ...wider] : [name, role.kind, ...wider]
  }
  return countsAs(a).includes(b) || countsAs(b).includes(a)
}

/** The fields that tell this frame from others. */
function selectors(frame: Frame, envelope: Body): readonly string[] {
  const names = frame.match.map(match => match.path[0]!)
  if (frame.ids.length === 0) return names
  const id = idField(envelope)
  return id === undefined ? names : [...names, id]
}

function idField(body: Body): string | undefined {
  const find = (nodes: Body['nodes']): string | undefined => {
    for (const node of nodes) {
      if (node.kind === 'field' && node.isId) return node.name
      const inner = node.kind === 'group' ? find(node.nodes) : undefined
      if (inner !== undefined) return inner
    }
    return undefined
  }
  return find(body.nodes)
}

function matching(rec: Rec, frames: readonly Frame[]): readonly Frame[] {
  const id = idField(rec.body)
  const value = id === undefined ? undefined : known(rec, id)
  const fitting = frames.filter(
    frame => frame.ids.length === 0 || (value !== undefined && frame.ids.includes(value as bigint)),
  )
  // What one of them asks for is read, also where another field already decides.
  const asked = new Set(fitting.flatMap(frame => frame.match.map(match => match.path[0]!)))
  for (const name of rec.plan.names.keys()) if (asked.has(name)) known(rec, name)
  const named = fitting.filter(frame => !frame.matchElse && frame.match.every(match => fitsMatch(rec, match)))
  return named.length > 0 ? named : fitting.filter(frame => frame.matchElse)
}

function fitsMatch(rec: Rec, { path, values }: Frame['match'][number]): boolean {
  const [name, member] = path
  const node = rec.plan.names.get(name!)
  if (node?.kind !== 'field') return false
  const value = known(rec, name!)
  if (value === undefined) return false
  const selected = member === undefined ? value : memberOf(rec.run.protocol, node.type, value, member)
  const type = member === undefined ? node.type : undefined
  return values.some(literal => equal(selected, literalValue(rec.run.protocol, type, literal)))
}

function known(rec: Rec, name: string): Value {
  const node = rec.plan.names.get(name)
  return node && rec.slots.has(node) ? rec.get(name) : undefined
}

function memberOf(protocol: Protocol, type: Type, value: Value, member: string): Value {
  if (isStruct(value)) return value.get(member)
  const bit = type.kind === 'bitset' ? protocol.bitsets.get(type.name)!.bits.find(b => b.name === member) : undefined
  return bit && typeof value === 'bigint' ? ((value >> BigInt(bit.bit)) & 1n) === 1n : undefined
}

/** A literal of `match`: names of enum values become their numbers. */
export function literalValue(protocol: Protocol, type: Type | undefined, literal: Literal): Value {
  if (typeof literal !== 'string' || type?.kind !== 'enum') return literal
  return protocol.enums.get(type.name)!.values.find(value => value.name === literal)?.value
}

// `seal` (docs/language, "Seal") as data: where id, counter and phase of a packet stand, what its nonce is made of, when
// its key changes. The codec knows which bytes are sealed; this is what the engine that seals and opens them needs.

import type { ByRole } from '../../runtime/core/handshake-descriptor.ts'
import type {
  BitPlace,
  ClearField,
  NoncePart,
  RekeyDescriptor,
  SealDescriptor,
  SealLayout,
} from '../../runtime/core/seal-descriptor.ts'
import { conversion } from '../language/functions.ts'
import type { Path } from '../load/document.ts'
import type { Expr, Field, Frame, Group, Node, Protocol, Seal } from '../model/model.ts'
import { BYTES } from '../model/values.ts'
import { fieldsOf } from '../model/walk.ts'
import type { FramePath } from './behaviour.ts'
import { type KeyNames, keyExpression } from './key-expressions.ts'
import { framePath } from './path.ts'
import { behindSealed, bitPlace, bytePlace, clearPlace, fixedPart, type Placed, sealedFrames } from './places.ts'
import { isMap, type Report, Section } from './section.ts'

export type RekeyData = Omit<RekeyDescriptor, 'phaseField' | 'seenField' | 'derive' | 'follow'> & {
  readonly phaseField: FramePath | undefined
  readonly seenField: FramePath | undefined
  readonly derive: Expr | undefined
  readonly follow: readonly Expr[]
}

export type SealData = Omit<SealDescriptor, 'key' | 'clear' | 'counter' | 'rekey' | 'probe'> & {
  readonly clear: readonly (Omit<ClearField, 'fresh'> & { readonly fresh: Expr | undefined })[]
  readonly key: 'handshake' | ByRole<Expr>
  readonly counter: Omit<SealDescriptor['counter'], 'field'> & { readonly field: FramePath | undefined }
  readonly rekey: RekeyData
  readonly probe: { readonly frame: string; readonly field: FramePath } | undefined
}

export function normalizeSeals(protocol: Protocol, isStream: boolean, report: Report): SealData[] {
  return [...protocol.seals.values()].map(seal => {
    const own = new Section(mapOf(protocol.document.seal)[seal.name], ['seal', seal.name], report)
    return normalizeSeal(seal, own, protocol, isStream)
  })
}

function normalizeSeal(seal: Seal, section: Section, protocol: Protocol, isStream: boolean): SealData {
  const frames = sealedFrames(protocol, seal.name)
  const clear = fieldsOf(seal.clear)
  const fixed = frames[0] ? fixedPart(protocol, frames[0].body.nodes) : []
  const schedule = new Section(mapOf(protocol.document.handshake), ['handshake'], section.report).section('keys').keys()
  const names: KeyNames = { keys: [...schedule, 'old'], clear, expected: BYTES }
  const rebind = section.word('rebind', ['never', 'validated', 'authenticated'], undefined)
  const probe = section.text('probe', undefined)
  return {
    name: seal.name,
    aead: seal.aead,
    key: key(section, protocol, names),
    keyedByClear: namesClear(section.raw('key'), clear),
    tag: seal.tag,
    error: seal.error,
    clear: clear.flatMap(field => {
      const place = placeOf(fixed, field.name)
      const bytes = place && (bytePlace(place) ?? rawPlace(place))
      return bytes ? [{ name: field.name, place: bytes, fresh: field.fallback }] : []
    }),
    counter: counter(section, protocol, frames, isStream),
    nonce: seal.nonce.flatMap(part => noncePart(part, protocol, fixed, section)),
    layout: layout(seal, frames, protocol),
    replay: replay(section, isStream),
    rekey: rekey(section, protocol, frames, names, isStream),
    rebind: rebind ?? (probe === undefined ? 'never' : 'validated'),
    probe: probe === undefined ? undefined : probeOf(section, protocol, probe),
    repeats: section.word('repeats', ['refused', 'accepted'], 'refused'),
    pad: section.count('pad', undefined),
    once: section.flag('once', false),
    frames: frames.map(frame => frame.name),
  }
}

function key(section: Section, protocol: Protocol, names: KeyNames): SealData['key'] {
  const raw = section.raw('key')
  if (raw === undefined || raw === 'handshake') return 'handshake'
  const entries = isMap(raw) ? Object.entries(raw) : [['', raw] as const]
  const resolved = entries.flatMap(([role, text]) => {
    const at: Path = [...section.path, 'key', ...(role === '' ? [] : [role])]
    const expr = keyExpression(protocol, text, names, at, section.report)
    return expr ? [[role, expr] as const] : []
  })
  return Object.fromEntries(resolved)
}

/** Whether a key expression names one of the clear fields. */
function namesClear(raw: unknown, clear: readonly Field[]): boolean {
  const texts = isMap(raw) ? Object.values(raw) : [raw]
  return texts.some(text => clear.some(field => new RegExp(`\\b${field.name}\\b`).test(String(text ?? ''))))
}

function counter(
  section: Section,
  protocol: Protocol,
  frames: readonly Frame[],
  isStream: boolean,
): SealData['counter'] {
  const raw = section.raw('counter')
  const name = isMap(raw) ? raw.field : raw
  const start = isMap(raw) && typeof raw.start === 'number' ? raw.start : isStream ? 0 : FIRST
  if (typeof name !== 'string') return { place: undefined, field: undefined, start }
  const all = frames.map(frame => frame.name)
  const field = framePath(protocol, name, all, [...section.path, 'counter'], section.report)
  return { place: clearPlace(protocol, name, section.path.at(-1) as string), field, start }
}

function noncePart(part: Expr, protocol: Protocol, fixed: readonly Placed[], section: Section): NoncePart[] {
  switch (part.is) {
    case 'special':
      return [{ is: 'counter', size: 8, little: protocol.little }]
    case 'bytes':
      return [{ is: 'bytes', bytes: part.value }]
    case 'text':
      return [{ is: 'bytes', bytes: new TextEncoder().encode(part.value) }]
    case 'field': {
      const found = placeOf(fixed, part.name)
      const place = found && (bytePlace(found) ?? rawPlace(found))
      if (place) return [{ is: 'frame', at: place.at, size: place.size }]
      break
    }
    case 'call': {
      const [of] = part.args
      const width = conversion(part.name)
      if (width && of?.is === 'int') return [{ is: 'bytes', bytes: numberBytes(of.value, width) }]
      if (width && of?.is === 'special') return [{ is: 'counter', size: width.bits / 8, little: width.little }]
      if (part.name === 'zeros' && of?.is === 'int') return [{ is: 'bytes', bytes: new Uint8Array(Number(of.value)) }]
      break
    }
    default:
  }
  section.wrong(
    'nonce',
    'a nonce is made of constants, the counter, and fields at a fixed place in front of what is sealed',
  )
  return []
}

function numberBytes(value: bigint, { bits, little }: { bits: number; little: boolean }): Uint8Array {
  const out = new Uint8Array(bits / 8)
  for (let i = 0; i < out.length; i++) out[little ? i : out.length - 1 - i] = Number((value >> BigInt(8 * i)) & 0xffn)
  return out
}

function replay(section: Section, isStream: boolean): SealData['replay'] {
  const raw = section.raw('replay')
  if (raw === 'none' || (raw === undefined && isStream)) return undefined
  if (raw === 'increasing') return { by: 'increasing' }
  if (!isMap(raw)) return { by: 'window', size: section.count('replay', WINDOW), only: undefined }
  const own = section.section('replay')
  const only = own.has('only') ? own.list('only') : undefined
  return { by: 'window', size: own.count('window', WINDOW), only, ...(own.flag('wraps', false) && { wraps: true }) }
}

function rekey(
  section: Section,
  protocol: Protocol,
  frames: readonly Frame[],
  names: KeyNames,
  isStream: boolean,
): RekeyData {
  const raw = section.raw('rekey')
  const own = section.section('rekey')
  const all = frames.map(frame => frame.name)
  const field = (which: string): { place: BitPlace | undefined; field: FramePath | undefined } => {
    const text = own.text(which, undefined)
    if (text === undefined) return { place: undefined, field: undefined }
    return {
      place: frames[0] && bitPlaceOf(protocol, frames[0], text),
      field: framePath(protocol, text, all, [...own.path, which], section.report),
    }
  }
  const expressions = (which: string, more: KeyNames): Expr[] =>
    own.list(which).flatMap((text, index) => {
      const found = keyExpression(protocol, text, more, [...own.path, which, index], section.report)
      return found ? [found] : []
    })
  const phase = field('phase')
  const seen = field('seen')
  const never = raw === 'never'
  return {
    by: never ? 'never' : (own.word('by', ['ratchet', 'handshake'], undefined) ?? implied(own)),
    packets: never ? Number.POSITIVE_INFINITY : own.count('packets', PACKETS),
    age:
      never || isStream
        ? own.has('age')
          ? own.duration('age', AGE)
          : Number.POSITIVE_INFINITY
        : own.duration('age', AGE),
    phase: phase.place,
    phaseField: phase.field,
    seen: seen.place,
    seenField: seen.field,
    derive: expressions('derive', names)[0],
    rejectAfter: own.duration('reject_after', REJECT_AFTER),
    renew: own.list('renew'),
    follow: expressions('follow', { ...names, counter: true }),
    trial: own.count('trial', 1),
  }
}

/** How the next key is made where `by` is left out. */
function implied(own: Section): RekeyData['by'] {
  if (own.has('renew')) return 'renew'
  return own.has('follow') ? 'never' : 'ratchet'
}

function probeOf(section: Section, protocol: Protocol, text: string): SealData['probe'] {
  const field = framePath(protocol, text, [], [...section.path, 'probe'], section.report)
  return field && { frame: text.split('.')[0]!, field }
}

/** The same in all frames under the seal, or undefined. */
function layout(seal: Seal, frames: readonly Frame[], protocol: Protocol): SealLayout | undefined {
  const all = frames.map(frame => layoutIn(seal, frame, protocol))
  const [first] = all
  if (!first) return undefined
  const same = all.every(
    one =>
      one?.sealedAt === first.sealedAt &&
      one.behind === first.behind &&
      one.aadFrom === first.aadFrom &&
      one.aadTo === first.aadTo,
  )
  if (!same) return undefined
  const others = [...protocol.frames.values()].filter(frame => !frame.bare && !frames.includes(frame))
  if (others.length === 0) return { ...first, test: undefined }
  const test = testFor(frames, others, protocol)
  return test && { ...first, test }
}

function layoutIn(seal: Seal, frame: Frame, protocol: Protocol): Omit<SealLayout, 'test'> | undefined {
  const fixed = fixedPart(protocol, frame.body.nodes)
  const sealed = fixed.find(({ node }) => node.kind === 'group' && node.seal === seal.name)
  const behind = behindSealed(protocol, frame.body.nodes, seal.name)
  if (!sealed || sealed.bits % 8 !== 0 || behind === undefined) return undefined
  const sealedAt = sealed.bits / 8
  const [range] = seal.aad
  if (!range) return { sealedAt, behind, aadFrom: 0, aadTo: 0 }
  if (seal.aad.length > 1 || range.is !== 'range') return undefined
  const from = range.from ? placeOf(fixed, range.from.field)?.bits : 0
  const last = range.to && fixed.findIndex(({ node }) => node.name === range.to?.field)
  const to = last === undefined ? sealed.bits : fixed[last + 1]?.bits
  if (from === undefined || to === undefined || from % 8 !== 0 || to % 8 !== 0) return undefined
  return { sealedAt, behind, aadFrom: from / 8, aadTo: to / 8 }
}

/** Bits in front whose value tells sealed frames from all others. */
function testFor(sealed: readonly Frame[], others: readonly Frame[], protocol: Protocol): SealLayout['test'] {
  const [first] = sealed
  for (const { node } of first ? fixedPart(protocol, first.body.nodes) : []) {
    if (node.kind !== 'field') continue
    const place = bitPlaceOf(protocol, first!, node.name)
    const values = place && valuesOf(sealed, node.name, place, protocol)
    const excluded = place && valuesOf(others, node.name, place, protocol)
    if (!place || !values || !excluded || values.some(value => excluded.includes(value))) continue
    return { place, values }
  }
  return undefined
}

/** The values that the field has in these frames; undefined where it is not always one of some constants. */
function valuesOf(
  frames: readonly Frame[],
  name: string,
  place: BitPlace,
  protocol: Protocol,
): readonly number[] | undefined {
  const values = new Set<number>()
  for (const frame of frames) {
    const own = bitPlaceOf(protocol, frame, name)
    const field = fieldsOf(frame.body.nodes).find(one => one.name === name)
    if (!field || own?.at !== place.at || own.shift !== place.shift) return undefined
    const constants = field.isId ? frame.ids : constantsOf(field, protocol)
    if (constants.length === 0) return undefined
    for (const value of constants) values.add(Number(value))
  }
  return [...values].sort((a, b) => a - b)
}

function constantsOf(field: Field, protocol: Protocol): readonly bigint[] {
  const fixed = field.with?.value ?? field.value
  if (fixed?.is === 'int' || fixed?.is === 'enumValue') return [fixed.value]
  const type = field.type
  return (field.match ?? []).flatMap(one => {
    if (typeof one === 'bigint') return [one]
    const of = type.kind === 'enum' ? protocol.enums.get(type.name) : undefined
    const found = of?.values.find(value => value.name === one)
    return found ? [found.value] : []
  })
}

function bitPlaceOf(protocol: Protocol, frame: Frame, name: string): BitPlace | undefined {
  const found = placeOf(fixedPart(protocol, frame.body.nodes), name)
  return found && bitPlace(protocol, found)
}

function placeOf(fixed: readonly Placed[], name: string): Placed | undefined {
  return fixed.find(({ node }: { node: Node | Group }) => node.name === name)
}

/** Bytes of a fixed-size field that is no integer. */
function rawPlace({ node, bits }: Placed): { at: number; size: number; little: boolean } | undefined {
  if (node.kind !== 'field' || node.bits === undefined || node.bits % 8 !== 0 || bits % 8 !== 0) return undefined
  return { at: bits / 8, size: node.bits / 8, little: false }
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isMap(value) ? value : {}
}

const WINDOW = 1024
const PACKETS = 2 ** 20
/** Milliseconds. */
const AGE = 120_000
const REJECT_AFTER = 10_000
/** A counter that is not given a start. */
const FIRST = 0

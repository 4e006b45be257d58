// An annotated dump: every byte of a frame with the field it belongs to, its value and the line of the schema. Also of
// input that was refused: the rows up to the failure, then the failure.
import type { Field, Group, Place, Protocol, Type } from '../model/model.ts'
import type { DecodedUnion } from './compose.ts'
import type { Outcome } from './decode.ts'
import { Fault, NeedBytes, Unevaluable } from './fault.ts'
import type { Placed } from './placed.ts'
import type { Rec } from './record.ts'
import { showValue } from './show.ts'
import type { FieldSlot, GroupSlot, Slot } from './slot.ts'
import { isStruct, isUnion } from './value.ts'

export { formatExplain } from './explain-format.ts'

export interface ExplainRow {
  readonly kind: 'field' | 'prefix' | 'delimiter' | 'sealed' | 'tag' | 'raw' | 'trailing' | 'error' | 'needs'
  /** First byte, from the start of the frame. */
  readonly offset: number
  /** First bit in that byte, of fields that are no whole bytes. */
  readonly bit?: number
  /** Bits, of fields that are no whole bytes. */
  readonly bits?: number
  /** Bytes that it touches. */
  readonly length: number
  /** Those bytes in hex; empty for secrets. */
  readonly hex: string
  /** `header.len`, `items.0.key`. */
  readonly path: string
  /** The value, or what is wrong. */
  readonly value: string
  readonly place?: Place
  /** The line of the schema, where its text was given. */
  readonly line?: string
}

/**
 * Rows for the outcome of the last call of `decode`.
 * @param sources text of the schema's files by name, to show their lines
 */
export function explain(
  protocol: Protocol,
  outcome: Outcome,
  sources?: ReadonlyMap<string, string>,
): readonly ExplainRow[] {
  const dump = new Dump(protocol, outcome, sources)
  if (outcome.record) dump.record(outcome.record, '')
  return dump.finish()
}

class Dump {
  private readonly rows: ExplainRow[] = []
  private readonly protocol: Protocol
  private readonly outcome: Outcome
  private readonly lines: ReadonlyMap<string, readonly string[]>

  constructor(protocol: Protocol, outcome: Outcome, sources: ReadonlyMap<string, string> | undefined) {
    this.protocol = protocol
    this.outcome = outcome
    this.lines = new Map([...(sources ?? [])].map(([file, text]) => [file, text.split('\n')]))
  }

  record(rec: Rec, path: string): void {
    const slots = [...rec.slots.values()].filter(slot => slot.present)
    slots.sort((a, b) => rec.plan.order.get(a.node)! - rec.plan.order.get(b.node)!)
    for (const slot of slots) this.slot(slot, path)
  }

  /** In wire order, cut at the failure, and what is left over. */
  finish(): readonly ExplainRow[] {
    const { failure, needs, bytes, start, end, reader, whole } = this.outcome
    const there = end - start
    const shown = this.rows
      .map((row, i) => ({ row, i }))
      .filter(({ row }) => row.offset < there || row.length === 0)
      .sort((a, b) => a.row.offset - b.row.offset || (a.row.bit ?? 0) - (b.row.bit ?? 0) || a.i - b.i)
      .map(({ row }) => row)
    if (failure) {
      const text = this.protocol.errors.get(failure.code)?.text
      const value = text === undefined ? failure.code : `${failure.code}: ${text}`
      const before = shown.filter(row => row.offset <= failure.offset || row.path === failure.field)
      const last = before.at(-1)
      const length =
        last && last.path === failure.field && last.offset === failure.offset
          ? last.length
          : failure.offset < there
            ? 1
            : 0
      const error: ExplainRow = { kind: 'error', offset: failure.offset, length, hex: '', path: failure.field, value }
      return [
        ...before,
        error,
        ...this.rest(Math.max(failure.offset, ...before.map(row => row.offset + row.length)), 'raw', ''),
      ]
    }
    if (needs > 0) {
      const value = `${needs} bytes are needed, ${there} are there`
      return [...shown, { kind: 'needs', offset: there, length: 0, hex: '', path: '', value }]
    }
    const size = reader ? reader.byteEnd - start : 0
    if (!whole || bytes.length === 0) return shown
    return [...shown, ...this.rest(size, 'trailing', 'behind the frame')]
  }

  private rest(from: number, kind: ExplainRow['kind'], value: string): readonly ExplainRow[] {
    const length = this.outcome.end - this.outcome.start - from
    return length > 0 ? [{ kind, offset: from, length, hex: this.hex(from, length), path: '', value }] : []
  }

  private slot(slot: Slot, path: string): void {
    if (slot.kind === 'group') this.group(slot)
    else this.field(slot, path)
  }

  /** Groups have no row of their own, unless their bytes stay closed. */
  private group(slot: GroupSlot): void {
    const { node, range, seal } = slot
    const place = this.placeOf(node)
    if (node.extent?.by === 'prefix' && range) {
      this.row('prefix', slot.start, range.start * 8, node.name, `${range.end - range.start} bytes`, place)
    }
    if (node.seal !== undefined && seal !== 'open' && range) {
      this.row('sealed', range.start * 8, range.end * 8, node.name, `sealed (${node.seal})`, place)
    }
    if (node.seal === undefined || seal !== 'open' || !range) return
    const end = Math.floor(slot.end / 8)
    if (range.end < end) this.row('tag', range.end * 8, end * 8, node.name, `tag (${node.seal})`, place)
    const begin = Math.floor(slot.start / 8)
    if (range.start > begin) this.row('tag', begin * 8, range.start * 8, node.name, `tag (${node.seal})`, place)
  }

  private field(slot: FieldSlot, path: string): void {
    const { node, placed } = slot
    if (!placed) return
    this.placed(placed, node, path === '' ? node.name : `${path}.${node.name}`, node.secret)
  }

  private placed(placed: Placed, field: Field, path: string, secret: boolean): void {
    const place = this.placeOf(field)
    const { type, start, end, contentStart, contentEnd } = placed
    if (contentStart > start) this.row('prefix', start, contentStart, path, `${measure(placed)}`, place)
    const inner = secret ? undefined : this.parts(placed)
    if (inner) inner(path, field)
    else this.row('field', contentStart, contentEnd, path, secret ? SECRET : this.value(placed, field), place, secret)
    if (end > contentEnd && type.kind === 'delimited') this.row('delimiter', contentEnd, end, path, 'delimiter', place)
  }

  /** How to show what is inside, where that takes rows of its own. */
  private parts(placed: Placed): ((path: string, field: Field) => void) | undefined {
    const value = attempt(() => placed.value())
    if (value && isStruct(value.got)) return path => this.record(value.got as Rec, path)
    if (value && isUnion(value.got)) return (path, field) => this.union(placed, value.got as DecodedUnion, path, field)
    const inner = placed.parts && attempt(placed.parts)
    if (!inner) return undefined
    const { type } = placed
    if (type.kind === 'at') return undefined
    if (type.kind !== 'list') return (path, field) => inner.got.forEach(part => this.placed(part, field, path, false))
    if (isScalar(type.of)) return undefined
    return (path, field) => inner.got.forEach((part, i) => this.placed(part, field, `${path}.${i}`, false))
  }

  private union(placed: Placed, value: DecodedUnion, path: string, field: Field): void {
    const parts = (placed.parts && attempt(placed.parts)?.got) ?? []
    const behind = parts[0]?.start ?? placed.end
    if (behind > placed.start)
      this.row('prefix', placed.start, behind, path, `is ${value.variant}`, this.placeOf(field))
    if (value.record) this.record(value.record, path)
    else for (const part of parts) this.placed(part, field, `${path}.value`, false)
  }

  private value(placed: Placed, field: Field): string {
    const value = attempt(() => placed.value())
    return value ? showValue(this.protocol, placed.type, value.got, field) : ''
  }

  private row(
    kind: ExplainRow['kind'],
    start: number,
    end: number,
    path: string,
    value: string,
    where: ReturnType<Dump['placeOf']>,
    secret = false,
  ): void {
    const offset = Math.floor(start / 8)
    const length = Math.ceil(end / 8) - offset
    const partial = start % 8 !== 0 || end % 8 !== 0
    const bits = partial ? { bit: start % 8, bits: end - start } : {}
    this.rows.push({
      kind,
      offset,
      ...bits,
      length,
      hex: secret ? '' : this.hex(offset, length),
      path,
      value,
      ...where,
    })
  }

  private hex(offset: number, length: number): string {
    const { bytes, start, end } = this.outcome
    const from = Math.min(start + offset, end)
    const view = bytes.subarray(from, Math.min(from + length, end))
    return Buffer.from(view.buffer, view.byteOffset, view.length).toString('hex')
  }

  private placeOf({ place }: Field | Group): { place: Place; line?: string } {
    const line = this.lines.get(place.file)?.[place.line - 1]?.trim()
    return line === undefined ? { place } : { place, line }
  }
}

/** A list prefix counts items, any other prefix bytes. */
function measure({ type, contentStart, contentEnd, parts }: Placed): string {
  const count = type.kind === 'list' ? attempt(() => parts!().length) : undefined
  return count ? `${count.got} items` : `${(contentEnd - contentStart) / 8} bytes`
}

function isScalar(type: Type): boolean {
  if (type.kind === 'region' || type.kind === 'delimited' || type.kind === 'list') return false
  return type.kind !== 'struct' && type.kind !== 'union'
}

/** What a refused frame cannot show is left out. */
function attempt<T>(step: () => T): { readonly got: T } | undefined {
  try {
    return { got: step() }
  } catch (thrown) {
    if (thrown instanceof Fault || thrown instanceof NeedBytes || thrown instanceof Unevaluable) return undefined
    throw thrown
  }
}

const SECRET = '<secret>'

// A record that is being encoded: every field resolves to its value when somebody asks, and to its bits
// (docs/adr/0002-decoding.md, "Encoding").
import type { EncodeError } from '../../runtime/wire/codec.ts'
import { exprText } from '../emit/notation.ts'
import type { Body, Expr, Field, Group, Node } from '../model/model.ts'
import { fieldsOf, looksAhead } from '../model/walk.ts'
import { checkGiven } from './check-given.ts'
import { bytesOf, type Chunk, EMPTY, holdsSeal, joinChunks, lateChunk, sealedChunk, zeroChunk } from './chunk.ts'
import { type EncodeRun, EncodeScope } from './encode-scope.ts'
import { bounded, contentOf, prefixBits, type Start, wrap } from './encode-type.ts'
import { withEntriesGiven } from './entries.ts'
import { evaluate, truth } from './evaluate.ts'
import { Unevaluable } from './fault.ts'
import { plainOf } from './plain.ts'
import { type Plan, planOf } from './plan.ts'
import { resolveValue } from './resolve.ts'
import { lazy } from './run.ts'
import { sealerOf } from './sealer.ts'
import { fixedBits, fixedNodeBits } from './sizes.ts'
import { asBytes, isList, isStruct, isUnion, type StructValue, type Value } from './value.ts'

/** Something in wire order: a field, the prefix of a group, or a sealed group as a whole. */
interface Piece {
  readonly node: Node
  readonly order: number
  /** Sealed groups around it, outermost first. */
  readonly sealed: readonly Group[]
  readonly chunk: () => Chunk
}

interface GivenField {
  readonly node: Field
  readonly groups: readonly Group[]
  readonly present: () => boolean
  readonly value: () => Value
  readonly content: () => Chunk
  readonly chunk: () => Chunk
}

export class Given implements StructValue {
  readonly is = 'struct'
  readonly run: EncodeRun
  readonly body: Body
  readonly values: Readonly<Record<string, unknown>>
  readonly outer: EncodeScope | undefined
  readonly depth: number
  readonly path: readonly string[]
  /** Every field is zero unless it says otherwise: what stands for a hidden struct. */
  readonly zero: boolean
  private readonly plan: Plan
  private readonly fields = new Map<Field, GivenField>()
  private readonly groupsPresent = new Map<Group, () => boolean>()
  private readonly pieces: readonly Piece[]
  /** What of the field around it stands in front of this record. */
  ahead: () => Chunk = () => EMPTY
  /** Rules may look at anything, so they come when everything else is known. */
  private readonly rules: () => Chunk = once(
    () => {
      for (const rule of this.body.check) {
        const scope = this.scope(undefined)
        if (!this.guarded(scope, () => truth(rule.test, scope))) throw scope.refuse(rule.error, 'a rule does not hold')
      }
      return EMPTY
    },
    () => EMPTY,
  )
  private start: Start = () => {
    throw new Unevaluable('this record has no place yet')
  }

  constructor(
    run: EncodeRun,
    body: Body,
    values: Readonly<Record<string, unknown>>,
    outer: EncodeScope | undefined,
    depth: number,
    zero = false,
  ) {
    this.run = run
    this.body = body
    this.values = values
    this.outer = outer
    this.depth = depth
    this.zero = zero
    this.path = outer ? (outer.current ? [...outer.rec.path, outer.current.name] : outer.rec.path) : []
    this.plan = planOf(body)
    const pieces: Piece[] = []
    this.prepare(body.nodes, [], [], pieces)
    this.pieces = pieces
  }

  /** All bits, after every rule held. */
  encoded(start: Start, ahead: () => Chunk = () => EMPTY): Chunk {
    this.standAt(start, ahead)
    return joinChunks([this.part(0, Number.POSITIVE_INFINITY), lateChunk(0, this.rules)])
  }

  standAt(start: Start, ahead: () => Chunk): void {
    this.start = start
    this.ahead = ahead
  }

  /** The outermost `else` of a field and the groups around it. */
  elseOf(field: Field | undefined): string | undefined {
    const groups = field ? (this.fields.get(field)?.groups ?? []) : []
    return groups.find(group => group.error !== undefined)?.error ?? field?.error
  }

  get(name: string): Value {
    const node = this.plan.names.get(name)
    if (node?.kind !== 'field') return undefined
    return withEntriesGiven(node.map, this.fields.get(node)!.value(), this.run)
  }

  /** The plain form of a field, as a decoder would give it. */
  plain(name: string): unknown {
    const node = this.plan.names.get(name)
    const value = this.get(name)
    if (node?.kind !== 'field' || value === undefined) return undefined
    const composed = isStruct(value) || isUnion(value) || isList(value)
    return composed ? this.values[name] : plainOf(this.run.protocol, node.type, value, node.number)
  }

  size(name: string): number {
    const node = this.plan.names.get(name)
    if (!node) return 0
    if (node.kind === 'group') return Math.ceil(this.inside(node).bits / 8)
    const field = this.fields.get(node)!
    if (node.from) return asBytes(field.value())?.length ?? 0
    return field.present() ? Math.ceil(field.content().bits / 8) : 0
  }

  /** Items of a list field, 0 when absent. */
  count(name: string): number {
    const value = this.get(name)
    return typeof value === 'object' && 'length' in value ? value.length : 0
  }

  /** Bytes of a field or group that an extent counts: a sealed group with its tag. */
  measured(name: string): number {
    const node = this.plan.names.get(name)
    const overhead =
      node?.kind === 'group' && node.seal !== undefined ? this.run.protocol.seals.get(node.seal)!.overhead : 0
    return this.size(name) + overhead
  }

  present(name: string): boolean {
    const node = this.plan.names.get(name)
    if (!node) return false
    return node.kind === 'field' ? this.fields.get(node)!.present() : this.groupsPresent.get(node)!()
  }

  offset(name: string): number {
    return Math.floor(this.startOf(this.plan.names.get(name)!) / 8)
  }

  range(from: string | undefined, to: string | undefined, current: string | undefined): Uint8Array {
    const chunk = this.rangeChunk(from, to, current)
    if (holdsSeal(chunk)) throw new Unevaluable('a range cannot span sealed bytes from outside')
    return bytesOf(chunk)
  }

  rangeChunk(from: string | undefined, to: string | undefined, current: string | undefined): Chunk {
    const first = from === undefined ? 0 : this.plan.order.get(this.plan.names.get(from)!)!
    const behind =
      current === undefined ? Number.POSITIVE_INFINITY : this.plan.order.get(this.plan.names.get(current)!)! - 1
    const last = to === undefined ? behind : this.plan.last.get(this.plan.names.get(to)!)!
    return this.part(this.byteAligned(first), last)
  }

  scope(current: Field | undefined): EncodeScope {
    return new EncodeScope(this, current, this.depth, this.outer?.prev())
  }

  /** An expression without a value is CheckFailed at its field. */
  guarded<T>(scope: EncodeScope, step: () => T): T {
    try {
      return step()
    } catch (thrown) {
      if (thrown instanceof Unevaluable) throw scope.refuse('CheckFailed', thrown.reason)
      throw thrown
    }
  }

  /** Bit offset of a node from the start of the frame. */
  startOf(node: Node): number {
    return this.start() + this.part(0, this.plan.order.get(node)! - 1).bits
  }

  /** Pieces of these orders, joined. A sealed group that goes on behind them counts by its plain pieces. */
  private part(first: number, last: number): Chunk {
    const whole = (group: Group): boolean => this.plan.order.get(group)! >= first && this.plan.last.get(group)! <= last
    const chosen = this.pieces.filter(piece => {
      if (piece.order < first || piece.order > last || piece.sealed.some(whole)) return false
      return piece.node.kind === 'field' || piece.node.seal === undefined || whole(piece.node)
    })
    return joinChunks(chosen.map(piece => piece.chunk()))
  }

  /** The first order at or before this one where a byte begins. */
  private byteAligned(order: number): number {
    let bits = 0
    let aligned = 0
    for (const piece of this.pieces) {
      if (bits % 8 === 0) aligned = piece.order
      if (piece.order >= order) break
      bits += this.isPresent(piece.node)
        ? (fixedNodeBits(this.run.protocol, { ...piece.node, if: undefined } as unknown as Node) ?? 0)
        : 0
    }
    return Math.min(aligned, order)
  }

  private isPresent(node: Node): boolean {
    return node.kind === 'field' ? this.fields.get(node)!.present() : this.groupsPresent.get(node)!()
  }

  private prepare(nodes: readonly Node[], groups: readonly Group[], sealed: readonly Group[], pieces: Piece[]): void {
    for (const node of nodes) {
      const order = this.plan.order.get(node)!
      if (node.kind === 'field') {
        const field = this.fieldOf(node, groups)
        this.fields.set(node, field)
        pieces.push({ node, order, sealed, chunk: field.chunk })
        continue
      }
      const present = lazy(() => groups.every(group => this.groupsPresent.get(group)!()) && this.isThere(node))
      this.groupsPresent.set(node, present)
      if (node.seal !== undefined) {
        pieces.push({ node, order, sealed, chunk: lazy(() => (present() ? this.sealedOf(node) : EMPTY)) })
      } else if (node.extent) {
        pieces.push({ node, order, sealed, chunk: lazy(() => (present() ? this.prefixOf(node) : EMPTY)) })
      }
      this.prepare(node.nodes, [...groups, node], node.seal === undefined ? sealed : [...sealed, node], pieces)
    }
  }

  /** What stands behind is not known yet: a group whose condition looks there is written when something of it was given. */
  private isThere(group: Group): boolean {
    if (group.if === undefined || !looksAhead(group.if)) return this.holds(group.if)
    return fieldsOf(group.nodes).some(field => this.given(field) && !field.hidden && field.type.kind !== 'at')
  }

  private holds(condition: Expr | undefined): boolean {
    const scope = this.scope(undefined)
    return condition === undefined || this.guarded(scope, () => truth(condition, scope))
  }

  private fieldOf(node: Field, groups: readonly Group[]): GivenField {
    const scope = this.scope(node)
    const byCaller = this.callerDecides(node)
    const present = lazy(() =>
      byCaller ? this.given(node) : this.guarded(scope, () => this.appears(node, groups, scope)),
    )
    const condition = lazy(() => {
      if (this.guarded(scope, () => this.appears(node, groups, scope)) && !this.given(node))
        throw scope.refuse('MissingField', 'this field has no value')
      return EMPTY
    })
    const value = once(
      () => (present() ? this.guarded(scope, () => resolveValue(node, this, scope)) : undefined),
      () => {
        throw new Unevaluable(`${node.name} depends on itself`)
      },
    )
    const start = (): number => this.startOf(node)
    const content = lazy(() =>
      this.guarded(scope, () => contentOf(node.type, value(), scope, () => start() + prefixBits(node.type, scope))),
    )
    const written = (): Chunk => {
      if (byCaller && !present()) return lateChunk(0, condition)
      // Nothing is written from it, but it must be a value of its type.
      if (node.from && this.given(node)) value()
      if (!present() || node.from || node.type.kind === 'at') return EMPTY
      const chunk = this.guarded(scope, () => wrap(node.type, value(), content(), scope))
      this.guarded(scope, () => checkGiven(node, value(), content(), scope))
      return byCaller ? joinChunks([lateChunk(0, condition), chunk]) : chunk
    }
    const bits = fixedBits(this.run.protocol, node.type)
    if (bits === undefined) {
      const chunk = once(written, () => {
        throw new Unevaluable(`${node.name} depends on its own size`)
      })
      return { node, groups, present, value, content, chunk }
    }
    // A checksum that is asked for its own bytes sees zeros.
    const late = once(written, () => zeroChunk(bits))
    const chunk = lazy(() => {
      if (node.from) return lateChunk(0, late)
      if (present()) return lateChunk(bits, late)
      return byCaller ? lateChunk(0, condition) : EMPTY
    })
    return { node, groups, present, value, content, chunk }
  }

  /** A conditional field with no value but the caller's is there when it was given; its condition is held against that. */
  private callerDecides(node: Field): boolean {
    if (!node.if || node.lookahead || node.hidden || this.zero) return false
    if (node.from || node.type.kind === 'at' || node.type.kind === 'align') return false
    return !(node.value || node.fallback || node.with || node.derives || node.match || node.matchBits || node.isId)
  }

  private given(node: Field): boolean {
    return this.values[node.name] !== undefined
  }

  private appears(node: Field, groups: readonly Group[], scope: EncodeScope): boolean {
    const given = this.values[node.name] !== undefined && !node.hidden
    const mismatch = (): EncodeError => {
      const condition = node.if ? `: ${exprText(node.if)}` : ''
      return scope.refuse('ConditionMismatch', `this was given, but its condition does not hold${condition}`)
    }
    if (!groups.every(group => this.groupsPresent.get(group)!())) {
      if (given) throw mismatch()
      return false
    }
    if (!node.if) return true
    if (node.lookahead) return given
    if (evaluate(node.if, scope) === true) return true
    if (given) throw mismatch()
    return false
  }

  /** The plain content of a group. */
  private inside(group: Group): Chunk {
    if (!this.groupsPresent.get(group)!()) return EMPTY
    const inside = this.pieces.filter(
      piece => piece.order > this.plan.order.get(group)! && piece.order <= this.plan.last.get(group)!,
    )
    const nested = (piece: Piece): boolean =>
      piece.sealed.some(seal => seal !== group && this.plan.order.get(seal)! > this.plan.order.get(group)!)
    return joinChunks(inside.filter(piece => !nested(piece)).map(piece => piece.chunk()))
  }

  /** What stands in front of the content, or the check of a size that is given elsewhere: late, so that places are known. */
  private prefixOf(group: Group): Chunk {
    const extent = group.extent!
    if (extent.by === 'rest') return EMPTY
    const scope = this.scope(undefined)
    const made = (): Chunk =>
      this.guarded(scope, () => bounded(extent, BigInt(Math.ceil(this.inside(group).bits / 8)), EMPTY, scope))
    const bits = extent.by === 'size' ? 0 : fixedBits(this.run.protocol, extent.type)
    return bits === undefined ? made() : lateChunk(bits, lazy(made))
  }

  private sealedOf(group: Group): Chunk {
    const scope = this.scope(undefined)
    const seal = this.run.protocol.seals.get(group.seal!)!
    const plain = this.inside(group)
    const sealed = sealedChunk({ is: 'sealed', seal, plain, apply: sealerOf(this, group, seal) })
    if (!group.extent) return sealed
    return this.guarded(scope, () => bounded(group.extent!, BigInt(plain.bits / 8 + seal.overhead), sealed, scope))
  }
}

/** Computes once; asked again while it computes, it gives `within`. */
function once<T>(compute: () => T, within: () => T): () => T {
  let busy = false
  const known = lazy(compute)
  return () => {
    if (busy) return within()
    busy = true
    try {
      return known()
    } finally {
      busy = false
    }
  }
}

// A record written field by field, in wire order. What depends on bytes that come later (lengths of text and lists,
// checksums of what stands behind) is left open and filled in as soon as they are there.
import { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Group, IntType, Node, Protocol, Type } from '../model/model.ts'
import { bitRun, looseField, mayBeInside, together } from './encode-bits.ts'
import { group } from './encode-group.ts'
import { type EncodeScope, NotYet } from './encode-scope.ts'
import { converted } from './encode-value.ts'
import { callerDecides, RecordValues } from './encode-values.ts'
import { writeValue } from './encode-write.ts'
import { ATOM, asNumber, type Code, emitExpr, wrap } from './expr.ts'
import { coreType, fixedBits } from './facts.ts'
import { camel, localName } from './names.ts'
import { quote } from './naming.ts'
import { aligned, byteText, endText, type Position, plus, position } from './position.ts'
import { typeRequests } from './request.ts'
import { hasValue } from './shape.ts'

export interface Sealing {
  readonly group: Group
  readonly start: string
  readonly end: string
  readonly present: string | undefined
}

export class EncodeBody {
  readonly scope: EncodeScope
  readonly writer: CodeBlockWriter
  /** Sealed groups, sealed when everything else is written. */
  readonly seals: Sealing[] = []
  readonly values: RecordValues
  /** The frame's ids, for its id field. */
  private readonly ids: readonly bigint[]
  readonly inside: Node[] = []
  /** Fields whose bytes are filled in later. */
  open: Field[] = []
  /** In the block of a conditional field: its locals are not seen behind it. */
  private inBranch = false
  /** Checks that wait for what is filled in later. */
  later: (() => void)[] = []

  constructor(scope: EncodeScope, writer: CodeBlockWriter, ids: readonly bigint[] = []) {
    this.scope = scope
    this.writer = writer
    this.ids = ids
    this.values = new RecordValues(scope, writer, ids, check => this.later.push(check))
    this.claim()
  }

  /** What expressions ask for is written here. */
  claim(): void {
    this.scope.resolve = field => this.values.resolve(field)
    this.scope.settle = node => this.values.presence(node)
  }

  /** Writes all nodes and checks the rules; returns where the record ends. */
  write(): Position {
    const { scope } = this
    this.values.prepare(scope.body.nodes)
    const end = this.nodes(scope.body.nodes, scope.start)
    this.fill(true)
    for (const check of this.later) check()
    this.rules()
    return end
  }

  nodes(nodes: readonly Node[], at: Position): Position {
    let from = at
    for (let i = 0; i < nodes.length; i++) {
      const run = bitRun(this, nodes, i, from)
      if (run > 1) {
        from = together(this, nodes.slice(i, i + run) as Field[], from)
        i += run - 1
        continue
      }
      const node = nodes[i]!
      from = node.kind === 'field' ? this.field(node, from) : group(this, node, from)
      this.fill(false)
    }
    return from
  }

  /** The value of a field that is about to be written: its local, or the expression itself. */
  value(field: Field): Code {
    return this.scope.values.get(field) ?? this.values.resolve(field)
  }

  field(field: Field, at: Position): Position {
    const { scope } = this
    if (field.from && hasValue(field)) this.checkGiven(field)
    if (field.from || field.type.kind === 'at') {
      scope.places.set(field, { start: at, end: at, contentStart: at, contentEnd: at })
      return at
    }
    const present = this.values.presence(field)
    if (present && (field.if || scope.present.get(this.values.around(field)!) === undefined))
      return this.conditional(field, at, present)
    if (present && !this.inside.includes(this.values.around(field)!)) return this.conditional(field, at, present)
    return this.always(field, at)
  }

  /** A 64-bit number of the caller that no rule looks at goes to the bytes as it is, without becoming a bigint. */
  private isDirect(field: Field): boolean {
    const { type } = field
    if (type.kind !== 'int' || type.bits !== 64 || field.number === 'number') return false
    const isRuled = field.range || field.max || field.hidden || !callerDecides(field)
    return !isRuled && !this.scope.values.has(field)
  }

  private direct(field: Field, at: Position): Position {
    const { scope, writer } = this
    const { signed, little } = field.type as IntType
    const put = scope.use(signed ? 'putI64' : 'putU64')
    const label = quote(`${scope.label}${field.name}`)
    writer.writeLine(`${put}(view, ${byteText(at)}, value.${field.name}, ${label}, ${little})`)
    const end = plus(at, 64)
    scope.places.set(field, { start: at, end, contentStart: at, contentEnd: end })
    return end
  }

  /** A value that nothing is written from must still be one of its type. */
  private checkGiven(field: Field): void {
    const { scope, writer } = this
    const given = `value.${field.name}`
    const { text } = converted(scope, field.type, given, `${scope.label}${field.name}`, field)
    writer.writeLine(`if (${given} !== undefined) ${text}`)
  }

  private always(field: Field, at: Position): Position {
    const { scope } = this
    if (this.isDirect(field) && !at.loose && at.bits % 8 === 0) return this.direct(field, at)
    const bits = fixedBits(scope.protocol, field.type)
    let code: Code
    try {
      code = this.isCovered(field) ? this.inBlock(field) : this.value(field)
    } catch (thrown) {
      if (!(thrown instanceof NotYet)) throw thrown
      if (bits === undefined)
        throw new Error(
          `${field.name} depends on what stands behind it, and its own size varies: ${scope.label || 'frame'}`,
        )
      const end = plus(at, bits)
      scope.places.set(field, { start: at, end, contentStart: at, contentEnd: end })
      scope.pending.add(field)
      this.open.push(field)
      return end
    }
    return this.put(field, { ...code, absent: false }, at)
  }

  /** Whether the block that is being written is that of the field's own condition. */
  private isCovered(field: Field): boolean {
    const around = this.values.around(field)
    return around !== undefined && this.inside.includes(around) && this.values.presence(field) !== undefined
  }

  private put(field: Field, code: Code, at: Position): Position {
    const { scope, writer } = this
    const label = quote(`${scope.label}${field.name}`)
    const ink = {
      scope,
      writer,
      label,
      name: camel(field.name) || field.name,
      error: field.error,
      number: field.number,
    }
    scope.current = field
    const sized = this.constantSize(field, code)
    const before = scope.later
    if (!this.inBranch) {
      scope.later = (wanted, actual) => this.later.push(() => this.exactly(field, wanted, actual))
    }
    const written = writeValue(ink, field.type, sized, at)
    scope.later = before
    scope.places.set(field, { start: at, ...written })
    if (scope.pending.size > 0 && looksBack(scope.protocol, field.type)) {
      this.onceMore(field, () => writeValue(ink, field.type, sized, at))
    }
    this.most(field, written.contentStart, written.contentEnd, code, label)
    return written.end
  }

  /** What is computed from bytes in front of it is written again when these are filled in; its size stays. */
  private onceMore(field: Field, write: () => void): void {
    if (!this.inBranch) this.fill(false)
    if (this.inBranch || this.open.length > 0) {
      throw new Error(`${field.name}: computed from bytes in front of it, which depend on what stands behind it`)
    }
    this.writer.writeLine('// Once more, now that all bytes in front are there.')
    write()
  }

  private exactly(field: Field, expr: Expr, actual: string): void {
    const { scope, writer } = this
    const label = quote(`${scope.label}${field.name}`)
    scope.current = field
    const wanted = asNumber(emitExpr(expr, scope))
    writer.writeLine(`${scope.use('exactly')}(${actual}, ${scope.safely(wanted, label)}, ${label})`)
  }

  /** Bytes whose length is known need no variable for where they end. */
  private constantSize(field: Field, code: Code): Code {
    const expr = field.with?.value ?? field.value
    if (code.form !== 'bytes' || !expr) return code
    const size =
      expr.is === 'bytes'
        ? expr.value.length
        : expr.is === 'text'
          ? new TextEncoder().encode(expr.value).length
          : undefined
    return size === undefined ? code : { ...code, low: BigInt(size), high: BigInt(size) }
  }

  private most(field: Field, from: Position, to: Position, code: Code, label: string): void {
    const { scope, writer } = this
    if (!field.max) return
    const limit = asNumber(emitExpr(field.max, scope))
    const list = coreType(field.type).kind === 'list'
    const amount = list
      ? `${wrap(code, 18)}.length`
      : `${endText(to)} - ${/ /.test(byteText(from)) ? `(${byteText(from)})` : byteText(from)}`
    const error = field.error ?? (list ? 'TooMany' : 'TooLarge')
    writer.writeLine(`${scope.use('atMost')}(${amount}, ${scope.safely(limit, label)}, ${label}, ${quote(error)})`)
  }

  /** A field that may be left out. */
  private conditional(field: Field, at: Position, present: string): Position {
    const { scope, writer } = this
    const bits = fixedBits(scope.protocol, field.type)
    if (bits !== undefined && mayBeInside(field, bits, at)) return looseField(this, field, at, present, bits)
    const start = aligned(at)
    const inner = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    const nested = this.nested(inner)
    nested.inBranch = true
    const waiting: Expr[] = []
    const before = scope.later
    scope.later = wanted => waiting.push(wanted)
    let behind: Position
    try {
      behind = nested.put(field, nested.inBlock(field), start)
    } catch (thrown) {
      if (!(thrown instanceof NotYet) || bits === undefined) throw thrown
      return this.reserve(field, start, present, bits)
    } finally {
      scope.later = before
    }
    const end = scope.local(writer, `${camel(field.name)}Behind`, byteText(start), true)
    inner.writeLine(`${end} = ${endText(behind)}`)
    writer.write(`if (${present}) `).block(() => writer.write(inner.toString()))
    this.claim()
    const place = scope.places.get(field)!
    const contentEnd = bits === undefined ? position(end) : place.contentEnd
    scope.places.set(field, { ...place, end: position(end), contentEnd })
    for (const wanted of waiting) {
      if (field.type.kind !== 'region') throw new Error(`${field.name}: a count that depends on what stands behind it`)
      this.later.push(() =>
        writer.write(`if (${present}) `).block(() => this.exactly(field, wanted, `${end} - ${paren(byteText(start))}`)),
      )
    }
    return position(end)
  }

  /** The value of a conditional field inside its block. */
  private inBlock(field: Field): Code {
    const { scope, writer } = this
    const known = scope.values.get(field)
    // Where others ask for it, it was settled before.
    if (known) return { ...known, text: `${known.text}!`, absent: false }
    scope.current = field
    const code = this.values.source(field)
    const simple = /^[\w.]+$/.test(code.text)
    const value = simple ? code : { ...code, text: scope.local(writer, localName(field.name), code.text), prec: ATOM }
    this.values.limits(field, value, undefined)
    this.values.measures(field, value, undefined)
    return { ...value, absent: false }
  }

  /** Room for a conditional field that is filled in later. */
  private reserve(field: Field, start: Position, present: string, bits: number): Position {
    const { scope, writer } = this
    this.claim()
    const end = scope.local(writer, `${camel(field.name)}Behind`, `${byteText(start)} + (${present} ? ${bits / 8} : 0)`)
    scope.places.set(field, { start, end: position(end), contentStart: start, contentEnd: position(end) })
    scope.pending.add(field)
    this.open.push(field)
    return position(end)
  }

  /** The same record, written into a block. */
  nested(writer: CodeBlockWriter): EncodeBody {
    const inner = new EncodeBody(this.scope, writer, this.ids)
    inner.inside.push(...this.inside)
    inner.open = this.open
    inner.later = this.later
    return inner
  }

  /** Writes a check now, or once what it needs is written. */
  whenKnown(check: () => void): void {
    try {
      check()
    } catch (thrown) {
      if (!(thrown instanceof NotYet)) throw thrown
      this.later.push(check)
    }
  }

  /** Fills in what was left open, as far as it is known now. */
  fill(last: boolean): void {
    const { scope } = this
    for (let more = true; more; ) {
      more = false
      for (const field of [...this.open]) {
        scope.current = field
        try {
          const code = this.values.resolve(field)
          const place = scope.places.get(field)!
          this.complete(field, code, place.start)
          scope.places.set(field, place)
          scope.pending.delete(field)
          this.open.splice(this.open.indexOf(field), 1)
          more = true
        } catch (thrown) {
          if (!(thrown instanceof NotYet)) throw thrown
        }
      }
    }
    if (last && this.inside.length === 0 && this.open.length > 0) {
      throw new Error(
        `${this.open.map(field => field.name).join(', ')}: computed from each other, there is no order to write them in`,
      )
    }
  }

  private complete(field: Field, code: Code, start: Position): void {
    const present = this.values.presence(field)
    if (!present || this.inside.includes(this.values.around(field)!)) {
      this.put(field, { ...code, absent: false }, start)
      return
    }
    const inner = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    const text = code.absent ? `${code.text}!` : code.text
    this.nested(inner).put(field, { ...code, text, absent: false }, start)
    this.claim()
    this.writer.write(`if (${present}) `).block(() => this.writer.write(inner.toString()))
  }

  private rules(): void {
    const { scope, writer } = this
    for (const rule of scope.body.check) {
      scope.current = undefined
      const code = emitExpr(rule.test, scope)
      const label = quote(scope.label.replace(/\.$/, ''))
      const text = code.absent ? `${wrap(code, 9)} !== true` : `!(${code.text})`
      const test = code.fails ? scope.safely({ ...code, text, absent: false }, label) : text
      writer.writeLine(`if (${test}) ${scope.use('broken')}(${label}, ${quote(rule.error)})`)
    }
  }
}

/** Whether something inside is computed over bytes of the record around. */
function looksBack(protocol: Protocol, type: Type): boolean {
  return typeRequests(protocol, type).some(request => request.what === 'start')
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}

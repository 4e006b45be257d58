// A record written field by field, in wire order. What depends on bytes that come later (lengths of text and lists,
// checksums of what stands behind) is left open and filled in as soon as they are there.
import { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Group, Literal, Node, Protocol, Type } from '../model/model.ts'
import { type EncodeScope, NotYet } from './encode-scope.ts'
import { converted, fitting } from './encode-value.ts'
import { moved, writeInt, writeValue } from './encode-write.ts'
import { ATOM, alike, asBig, asNumber, type Code, emitExpr, intCode, truth, wrap } from './expr.ts'
import { coreType, fieldsOf, fixedBits, isIntegral } from './facts.ts'
import { camel, localName } from './names.ts'
import { className, quote } from './naming.ts'
import { aligned, byteText, endText, type Position, plus, position } from './position.ts'
import { type Request, requestsOf, typeRequests } from './request.ts'
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
  /** The frame's ids, for its id field. */
  private readonly ids: readonly bigint[]
  private readonly inside: Node[] = []
  private readonly busy = new Set<Field>()
  /** Fields whose bytes are filled in later. */
  private open: Field[] = []
  /** In the block of a conditional field: its locals are not seen behind it. */
  private inBranch = false
  /** Checks that wait for what is filled in later. */
  private later: (() => void)[] = []

  constructor(scope: EncodeScope, writer: CodeBlockWriter, ids: readonly bigint[] = []) {
    this.scope = scope
    this.writer = writer
    this.ids = ids
    this.claim()
  }

  /** What expressions ask for is written here. */
  private claim(): void {
    this.scope.resolve = field => this.resolve(field)
    this.scope.settle = node => this.presence(node)
  }

  /** Writes all nodes and checks the rules; returns where the record ends. */
  write(): Position {
    const { scope } = this
    this.prepare(scope.body.nodes)
    const end = this.nodes(scope.body.nodes, scope.start)
    this.fill(true)
    for (const check of this.later) check()
    this.rules()
    return end
  }

  // ------------------------------------------------------------------------------------------------- values

  /** Conditions and the values that expressions ask for, in front of everything. */
  private prepare(nodes: readonly Node[]): void {
    for (const field of this.asked(nodes)) {
      try {
        this.resolve(field)
      } catch (thrown) {
        if (!(thrown instanceof NotYet)) throw thrown
      }
    }
  }

  /** Fields whose values some expression of the record needs. */
  private asked(nodes: readonly Node[]): readonly Field[] {
    const { scope } = this
    const names = new Set<string>()
    const see = (expr: Expr | undefined): void => {
      for (const request of requestsOf(expr)) {
        if (request.up === 0 && (request.what === 'value' || this.isMeasuredByValue(request))) names.add(request.name)
      }
    }
    const visit = (list: readonly Node[]): void => {
      for (const node of list) {
        see(node.if)
        if (node.kind === 'group') {
          if (node.extent?.by === 'size' && !scope.isDerived(node.extent.size)) see(node.extent.size)
          visit(node.nodes)
          continue
        }
        see(node.value)
        see(node.with?.value)
        see(node.fallback)
        see(node.max)
      }
    }
    visit(nodes)
    for (const rule of scope.body.check) see(rule.test)
    return fieldsOf(scope.body.nodes).filter(field => names.has(field.name))
  }

  /** Sizes of bytes and counts of lists are those of the value. */
  private isMeasuredByValue({ what, name }: Request): boolean {
    const field = this.scope.field(name)
    if (!field || (what !== 'size' && what !== 'count')) return false
    return coreType(field.type).kind === (what === 'size' ? 'bytes' : 'list')
  }

  /** The raw value of a field as a local. Throws NotYet where bytes must be written first. */
  private resolve(field: Field): Code {
    const { scope } = this
    const known = scope.values.get(field)
    if (known) return known
    if (this.busy.has(field)) throw new NotYet(`${field.name} depends on itself`)
    this.busy.add(field)
    const before = scope.current
    try {
      const present = this.presence(field)
      scope.current = field
      const code = this.source(field)
      // What is known now needs no variable.
      if (!present && !code.absent && /^[\w.]+$/.test(code.text)) {
        scope.values.set(field, code)
        return code
      }
      // Under a condition the local must be seen behind it.
      const text = present ? `${present} ? ${code.text} : undefined` : code.text
      const name = scope.local(this.writer, localName(field.name), text)
      const value: Code = {
        ...code,
        text: name,
        prec: ATOM,
        fails: false,
        absent: present !== undefined || !!code.absent,
      }
      scope.values.set(field, value)
      this.limits(field, value, present)
      this.measures(field, value, present)
      return value
    } finally {
      scope.current = before
      this.busy.delete(field)
    }
  }

  /** A size that the caller gives must be that of what it sizes. */
  private measures(field: Field, value: Code, present: string | undefined): void {
    const { scope, writer } = this
    if (!field.derives?.length || field.with || field.value || !hasValue(field)) return
    const own = this.derived(field)
    const given = [present, `value.${field.name} !== undefined`].filter(text => text !== undefined).join(' && ')
    writer.writeLine(
      `if (${given}) ${scope.use('exactly')}(${asNumber(value).text}, ${own.text}, ${quote(field.derives[0]!.of)})`,
    )
  }

  /** The condition of a field or group, with those around it. */
  private presence(node: Node): string | undefined {
    const { scope } = this
    if (scope.present.has(node)) return scope.present.get(node)
    const around = this.around(node)
    const outer = around ? this.presence(around) : undefined
    const own = this.condition(node, outer)
    const text = outer && own ? `${outer} && ${own}` : (own ?? outer)
    scope.present.set(node, text)
    return text
  }

  private condition(node: Node, outer: string | undefined): string | undefined {
    const { scope, writer } = this
    const given = givenTexts(node)
    const label = quote(`${scope.label}${node.name}`)
    if (!node.if) {
      if (node.kind === 'field' && outer && given.length > 0 && this.around(node)?.if) {
        writer.writeLine(`if (!(${outer}) && ${given[0]} !== undefined) ${scope.use('mismatch')}(${label})`)
      }
      return undefined
    }
    const ahead = looksAhead(node.if)
    if (!ahead && node.kind === 'field' && callerDecides(node)) return this.byCaller(node, given[0]!, outer, label)
    const test = ahead
      ? given.map(text => `${text} !== undefined`).join(' || ') || 'false'
      : this.conditionText(node, label)
    const name = scope.local(writer, `has${className(node.name)}`, outer ? `${outer} && (${test})` : test)
    if (!ahead && node.kind === 'field' && given.length > 0) {
      writer.writeLine(`if (!${name} && ${given[0]} !== undefined) ${scope.use('mismatch')}(${label})`)
    }
    return name
  }

  /** What the caller gave decides; the condition is held against it when everything is written. */
  private byCaller(node: Field, given: string, outer: string | undefined, label: string): string {
    const { scope, writer } = this
    const isGiven = `${given} !== undefined`
    const name = scope.local(writer, `has${className(node.name)}`, outer ? `${outer} && ${isGiven}` : isGiven)
    if (outer) writer.writeLine(`if (!(${outer}) && ${isGiven}) ${scope.use('mismatch')}(${label})`)
    this.later.push(() => {
      const text = this.conditionText(node, label)
      const test = outer ? `${outer} && (${text}) !== ${name}` : `(${text}) !== ${name}`
      writer.writeLine(`if (${test}) ${scope.use('unlike')}(${label}, ${name})`)
    })
    return name
  }

  private conditionText(node: Node, label: string): string {
    const { scope } = this
    const before = scope.current
    scope.current = node
    const code = truth(node.if!, scope)
    scope.current = before
    return scope.safely(code, label)
  }

  private around(node: Node): Group | undefined {
    const find = (nodes: readonly Node[], group: Group | undefined): Group | undefined | null => {
      for (const one of nodes) {
        if (one === node) return group
        if (one.kind === 'group') {
          const found = find(one.nodes, one)
          if (found !== null) return found
        }
      }
      return null
    }
    return find(this.scope.body.nodes, undefined) ?? undefined
  }

  /** Where the value comes from; the first that applies. */
  private source(field: Field): Code {
    const { scope } = this
    const label = `${scope.label}${field.name}`
    const given = hasValue(field) ? `value.${field.name}` : undefined
    if (field.from || field.type.kind === 'at') {
      if (!given) return { text: 'undefined', form: 'none', prec: ATOM, absent: true }
      return (field.from && this.asRead(field, field.from, given, label)) ?? this.optional(field, given, label)
    }
    const fixed = field.with?.value ?? field.value
    if (fixed) return this.fixed(field, fixed, given, label)
    const choices = this.choices(field)
    const fallback = this.fallback(field, choices)
    if (given && choices.length > 0) return this.choice(field, choices, given, label)
    if (!given) return fallback ? this.stored(field, fallback, label) : this.missing(field, label)
    const inner = fallback ? this.plainFallback(field, fallback) : undefined
    const taken = inner === undefined ? given : `${given} === undefined ? ${inner} : ${given}`
    const code = converted(scope, field.type, taken, label, field)
    return field.matchBits ? this.withBits(field, code) : code
  }

  /** Values that select the frame: the caller may name one of them, and need not. */
  private choice(field: Field, choices: readonly Code[], given: string, label: string): Code {
    const { scope } = this
    const codes = choices.map(choice => fitting(scope, field.type, choice, label))
    const [first] = codes
    if (codes.length === 1) {
      this.repeated(field, first!, given, label, field.error ?? 'BadValue')
      return first!
    }
    const list = (texts: readonly string[]): string => `[${texts.join(', ')}]`
    const raw = list(codes.map(code => code.text))
    const plain =
      coreType(field.type).kind === 'enum' ? list(codes.map(code => scope.unit.asPlain(code, field.type))) : raw
    const one = `${scope.use('oneOf')}(${given}, ${plain}, ${raw}, ${quote(label)}, ${quote(field.error ?? 'BadValue')})`
    return { ...first!, ...bounds(codes), text: `${given} === undefined ? ${first!.text} : ${one}`, prec: 3 }
  }

  /** What the caller gives for a value that is known must be that value. */
  private repeated(field: Field, own: Code, given: string, label: string, error: string): void {
    const { scope, writer } = this
    const core = coreType(field.type)
    const plain = scope.unit.asPlain(own, field.type)
    // Of enums the number will do as well as the name, of bit sets the list of names.
    const alike =
      core.kind === 'enum' ? `, ${own.text}` : core.kind === 'bitset' ? `, ${scope.use(`type:${core.name}`)}` : ''
    writer.writeLine(
      `if (${given} !== undefined) ${scope.use('agree')}(${given}, ${plain}, ${quote(label)}, ${quote(error)}${alike})`,
    )
  }

  /** What is not given is what a reader would compute, where that needs no value that is computed from it. */
  private asRead(field: Field, from: Expr, given: string, label: string): Code | undefined {
    const { scope } = this
    let read: Code
    try {
      read = this.stored(field, emitExpr(from, scope), label)
    } catch (thrown) {
      if (thrown instanceof NotYet) return undefined
      throw thrown
    }
    if (read.fails || read.absent) return undefined
    const own = converted(scope, field.type, given, label, field)
    const [a, b] = alike(own, read)
    return { ...own, form: a.form, text: `${given} === undefined ? ${wrap(b, 3)} : ${wrap(a, 3)}`, prec: 3 }
  }

  private optional(field: Field, given: string, label: string): Code {
    const { scope } = this
    const code = converted(scope, field.type, given, label, field)
    return { ...code, text: `${given} === undefined ? undefined : ${code.text}`, prec: 3, absent: true }
  }

  private missing(field: Field, label: string): Code {
    const { scope } = this
    return converted(scope, field.type, 'undefined', label, field)
  }

  /** A value that must be so; the caller may repeat it. */
  private fixed(field: Field, expr: Expr, given: string | undefined, label: string): Code {
    const { scope, writer } = this
    const raw = emitExpr(expr, scope)
    const code = this.stored(field, { ...raw, text: scope.safely(raw, quote(label)) }, label)
    if (!given) return code
    const own =
      /^[\w.]+$/.test(code.text) || code.low === code.high
        ? code.text
        : scope.local(writer, localName(`${field.name}_own`), code.text)
    const error = field.with ? field.with.error : (field.error ?? 'BadValue')
    this.repeated(field, { ...code, text: own }, given, label, error)
    return { ...code, text: own, prec: ATOM }
  }

  /** Values by which the frame is told from others. */
  private choices(field: Field): readonly Code[] {
    if (field.isId && this.ids.length > 0) return this.ids.map(intCode)
    return (field.match ?? []).map(literal => this.literal(field, literal))
  }

  private literal(field: Field, literal: Literal): Code {
    const type = coreType(field.type)
    if (typeof literal === 'boolean') return { text: String(literal), form: 'boolean', prec: ATOM }
    if (typeof literal === 'bigint') return intCode(literal)
    if (type.kind === 'enum') {
      const known = this.scope.protocol.enums.get(type.name)!.values.find(value => value.name === literal)
      if (known) return intCode(known.value)
    }
    if (type.kind !== 'bytes') return { text: quote(literal), form: 'string', prec: ATOM }
    const bytes = [...new TextEncoder().encode(literal)].map(byte => `0x${byte.toString(16).padStart(2, '0')}`)
    return { text: this.scope.constant(literal, `Uint8Array.of(${bytes.join(', ')})`), form: 'bytes', prec: ATOM }
  }

  private fallback(field: Field, choices: readonly Code[]): Code | undefined {
    const { scope } = this
    if (choices.length > 0) return choices[0]
    if (field.fallback) {
      const code = emitExpr(field.fallback, scope)
      return { ...code, text: scope.safely(code, quote(`${scope.label}${field.name}`)), fails: false, absent: false }
    }
    if (field.derives?.length) return this.derived(field)
    if (field.hidden) return this.zero(field.type)
    return field.matchBits ? intCode(0n) : undefined
  }

  /** What a field that sizes or counts others holds. */
  private derived(field: Field): Code {
    const { scope } = this
    const label = quote(`${scope.label}${field.name}`)
    const numbers = field.derives!.map(({ of, how }) => {
      const target = scope.field(of)
      if (target) this.presence(target)
      const request = { up: 0, what: how === 'size' ? ('size' as const) : ('count' as const), name: of }
      const code = scope.request(request)
      const present = target && this.presence(target)
      return { code, present }
    })
    const [first] = numbers
    if (numbers.length === 1 && !first!.present) return first!.code
    const texts = numbers.map(({ code, present }) => (present ? `${present} ? ${code.text} : undefined` : code.text))
    const text = `${scope.use('agreed')}(${label}, ${texts.join(', ')})`
    return { ...first!.code, text, prec: ATOM }
  }

  private zero(type: Type): Code {
    const core = coreType(type)
    switch (core.kind) {
      case 'bool':
      case 'bit':
        return { text: 'false', form: 'boolean', prec: ATOM }
      case 'bytes': {
        const bits = fixedBits(this.scope.protocol, type)
        if (bits !== undefined)
          return {
            text: this.scope.constant(`zeros_${bits / 8}`, `new Uint8Array(${bits / 8})`),
            form: 'bytes',
            prec: ATOM,
          }
        const size =
          type.kind === 'region' && type.extent.by === 'size'
            ? asNumber(emitExpr(type.extent.size, this.scope)).text
            : '0'
        return { text: `new Uint8Array(${size})`, form: 'bytes', prec: ATOM }
      }
      case 'text': {
        const size =
          type.kind === 'region' && type.extent.by === 'size'
            ? asNumber(emitExpr(type.extent.size, this.scope)).text
            : '0'
        return { text: `'\\0'.repeat(${size})`, form: 'string', prec: ATOM }
      }
      case 'list':
        return { text: '[]', form: 'list', prec: ATOM, type: core }
      case 'struct':
        return { text: '{}', form: 'struct', prec: ATOM, type: core }
      default:
        return intCode(0n)
    }
  }

  /** A computed value in the form that its type is written from. */
  private stored(field: Field, code: Code, label: string): Code {
    const { scope } = this
    const core = coreType(field.type)
    if (core.kind === 'bytes' && code.form === 'string')
      return { ...code, text: `${scope.use('utf8')}(${code.text})`, form: 'bytes', prec: ATOM }
    if (core.kind === 'bytes' && code.form === 'none') return { text: scope.use('NO_BYTES'), form: 'bytes', prec: ATOM }
    if (core.kind === 'text' && code.form === 'bytes')
      return { ...code, text: `${scope.use('textOf')}(${code.text})`, form: 'string', prec: ATOM }
    if (core.kind === 'text' && code.form === 'none') return { text: "''", form: 'string', prec: ATOM }
    if (isNumber(core) && code.form === 'bytes') return fitting(scope, field.type, this.drawn(core, code), label)
    if (core.kind === 'float') return { ...asNumber(code), form: 'float' }
    return {
      ...fitting(scope, field.type, code, label),
      ...(core.kind === 'list' || core.kind === 'struct' ? { type: core } : {}),
    }
  }

  /** Random bytes as a number. */
  private drawn(core: Type, code: Code): Code {
    const { scope } = this
    const number = `${scope.use('bytesNumber')}(${code.text})`
    const signed = core.kind === 'int' && core.signed
    const text = signed ? `BigInt.asIntN(${core.bits}, ${number})` : number
    return { text, form: 'bigint', prec: ATOM, low: 0n, high: (1n << 128n) - 1n }
  }

  /** A fallback as what a caller could have given. */
  private plainFallback(field: Field, code: Code): string {
    const core = coreType(field.type)
    if (core.kind === 'list' && code.form === 'none') return '[]'
    const stored =
      code.form === 'none' || code.form === 'bytes' || code.form === 'string'
        ? this.stored(field, code, field.name)
        : code
    return wrap(stored, 4)
  }

  private withBits(field: Field, code: Code): Code {
    const { scope } = this
    if (field.type.kind !== 'bitset') return code
    const { bits } = scope.protocol.bitsets.get(field.type.name)!
    const mask = (set: boolean): bigint =>
      field
        .matchBits!.filter(({ value }) => value === set)
        .reduce((all, { bit }) => all | (1n << BigInt(bits.find(known => known.name === bit)!.bit)), 0n)
    const [set, clear] = [mask(true), mask(false)]
    if (code.form === 'bigint' || code.high! > 0x7fffffffn) {
      const text = `(${asBig(code).text} | ${set}n) & ~${clear}n`
      return code.form === 'bigint' ? { ...code, text, prec: 8 } : { ...code, text: `Number(${text})`, prec: ATOM }
    }
    const raised = set === 0n ? wrap(code, 7) : `(${wrap(code, 6)} | 0x${set.toString(16)})`
    return {
      ...code,
      text: clear === 0n ? raised : `${raised} & ~0x${clear.toString(16)}`,
      prec: clear === 0n ? ATOM : 8,
    }
  }

  /** `range` and `max` of a list; sizes are looked at when they are written. */
  private limits(field: Field, value: Code, present: string | undefined): void {
    const { scope, writer } = this
    const label = quote(`${scope.label}${field.name}`)
    if (field.range) {
      const { min, max } = field.range
      const error = quote(field.error ?? 'OutOfRange')
      const call = `${scope.use('within')}(${value.text}, ${min}n, ${max}n, ${label}, ${error})`
      writer.writeLine(present ? `if (${present}) ${call}` : (this.rangeText(value, min, max, label, error) ?? call))
    }
    if (field.map?.duplicates === 'reject') {
      const call = `${scope.use('noRepeats')}(${value.text}, ${quote(field.map.key)}, ${label}, ${quote(field.error ?? 'BadValue')})`
      writer.writeLine(present ? `if (${present}) ${call}` : call)
    }
    if (field.number === 'number' && isIntegral(coreType(field.type))) {
      const call = `${scope.use('exact')}(${value.text}, ${label}, ${quote(field.error ?? 'OutOfRange')})`
      writer.writeLine(present ? `if (${present}) ${call}` : call)
    }
  }

  private rangeText(value: Code, min: bigint, max: bigint, label: string, error: string): string | undefined {
    if (value.form !== 'number' || value.absent) return undefined
    const tests = [
      ...(value.low === undefined || value.low < min ? [`${value.text} < ${min}`] : []),
      ...(value.high === undefined || value.high > max ? [`${value.text} > ${max}`] : []),
    ]
    if (tests.length === 0) return ''
    return `if (${tests.join(' || ')}) ${this.scope.use('outside')}(${value.text}, ${label}, ${error})`
  }

  // ------------------------------------------------------------------------------------------------ writing

  private nodes(nodes: readonly Node[], at: Position): Position {
    let from = at
    for (let i = 0; i < nodes.length; i++) {
      const run = this.bitRun(nodes, i, from)
      if (run > 1) {
        from = this.together(nodes.slice(i, i + run) as Field[], from)
        i += run - 1
        continue
      }
      const node = nodes[i]!
      from = node.kind === 'field' ? this.field(node, from) : this.group(node, from)
      this.fill(false)
    }
    return from
  }

  /** How many fields from here on share bytes and fill them. */
  private bitRun(nodes: readonly Node[], first: number, at: Position): number {
    const { scope } = this
    if (at.loose || at.bits % 8 !== 0) return 0
    let bits = 0
    for (let i = first; i < nodes.length; i++) {
      const node = nodes[i]!
      if (node.kind === 'group' || node.if || node.from) return 0
      const size = fixedBits(scope.protocol, node.type)
      const kind = coreType(node.type).kind
      if (size === undefined || !['int', 'bit', 'enum', 'bitset'].includes(kind) || node.type.kind === 'region')
        return 0
      if (i === first && size % 8 === 0) return 0
      bits += size
      if (bits > 32) return 0
      if (bits % 8 === 0) return bits === 24 ? 0 : i - first + 1
    }
    return 0
  }

  /** Fields that share one, two or four bytes, as one number. */
  private together(fields: readonly Field[], at: Position): Position {
    const { scope, writer } = this
    const sizes = fields.map(field => fixedBits(scope.protocol, field.type)!)
    const total = sizes.reduce((a, b) => a + b, 0)
    let codes: Code[]
    try {
      codes = fields.map(field => this.value(field))
    } catch (thrown) {
      if (!(thrown instanceof NotYet)) throw thrown
      return fields.reduce((from, field) => this.field(field, from), at)
    }
    let below = total
    let from = at
    const parts = codes.map((code, i) => {
      below -= sizes[i]!
      scope.places.set(fields[i]!, {
        start: from,
        end: plus(from, sizes[i]!),
        contentStart: from,
        contentEnd: plus(from, sizes[i]!),
      })
      from = plus(from, sizes[i]!)
      const number = code.form === 'boolean' ? `(${wrap(code, 3)} ? 1 : 0)` : wrap(asNumber(code), 11)
      // What is negative must not reach over the bits in front of it.
      const masked = (code.low ?? 0n) < 0n ? `(${number} & 0x${(2 ** sizes[i]! - 1).toString(16)})` : number
      return below === 0 ? masked : `(${masked} << ${below})`
    })
    writer.writeLine(`view.setUint${total}(${byteText(at)}, ${parts.join(' | ')})`)
    this.fill(false)
    return from
  }

  /** The value of a field that is about to be written: its local, or the expression itself. */
  private value(field: Field): Code {
    return this.scope.values.get(field) ?? this.resolve(field)
  }

  private field(field: Field, at: Position): Position {
    const { scope } = this
    if (field.from && hasValue(field)) this.checkGiven(field)
    if (field.from || field.type.kind === 'at') {
      scope.places.set(field, { start: at, end: at, contentStart: at, contentEnd: at })
      return at
    }
    const present = this.presence(field)
    if (present && (field.if || scope.present.get(this.around(field)!) === undefined))
      return this.conditional(field, at, present)
    if (present && !this.inside.includes(this.around(field)!)) return this.conditional(field, at, present)
    return this.always(field, at)
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
    const bits = fixedBits(scope.protocol, field.type)
    let code: Code
    try {
      code = this.value(field)
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
    if (bits !== undefined && bits % 8 !== 0) return this.looseField(field, at, present, bits)
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
    const code = this.source(field)
    const simple = /^[\w.]+$/.test(code.text)
    const value = simple ? code : { ...code, text: scope.local(writer, localName(field.name), code.text), prec: ATOM }
    this.limits(field, value, undefined)
    this.measures(field, value, undefined)
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

  private looseField(field: Field, at: Position, present: string, bits: number): Position {
    const { scope, writer } = this
    const from: Position = at.loose
      ? at
      : { base: `((${byteText(at)}) * 8${at.bits % 8 === 0 ? '' : ` + ${at.bits % 8}`})`, bits: 0, loose: true }
    const start = scope.local(
      writer,
      `${camel(field.name)}Bit`,
      from.bits === 0 ? from.base : `${from.base} + ${from.bits}`,
    )
    const code = this.value(field)
    const number =
      code.form === 'boolean'
        ? { ...code, text: `(${code.text} ? 1 : 0)`, form: 'number' as const }
        : { ...code, text: `${code.text}!`, absent: false }
    const ink = { scope, writer, label: quote(field.name), name: camel(field.name), error: field.error }
    writer.write(`if (${present}) `).block(() => {
      writeInt(ink, { kind: 'int', signed: false, bits, little: false }, number, { base: start, bits: 0, loose: true })
    })
    const end = scope.local(writer, `${camel(field.name)}EndBit`, `${start} + (${present} ? ${bits} : 0)`)
    const behind: Position = { base: end, bits: 0, loose: true }
    scope.places.set(field, {
      start: { base: start, bits: 0, loose: true },
      end: behind,
      contentStart: { base: start, bits: 0, loose: true },
      contentEnd: behind,
    })
    return behind
  }

  /** The same record, written into a block. */
  private nested(writer: CodeBlockWriter): EncodeBody {
    const inner = new EncodeBody(this.scope, writer, this.ids)
    inner.inside.push(...this.inside)
    inner.open = this.open
    inner.later = this.later
    return inner
  }

  private group(node: Group, at: Position): Position {
    const { scope, writer } = this
    const present = this.presence(node)
    if (!present || !node.if) return this.groupContent(node, at)
    const start = aligned(at)
    const end = scope.local(writer, `${camel(node.name)}Behind`, byteText(start), true)
    const inner = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
    for (const field of fieldsOf(node.nodes)) this.presence(field)
    const nested = this.nested(inner)
    nested.inside.push(node, ...groupsInside(node))
    nested.later = []
    const behind = nested.groupContent(node, start)
    nested.fill(true)
    for (const check of nested.later) check()
    inner.writeLine(`${end} = ${endText(behind)}`)
    writer.write(`if (${present}) `).block(() => writer.write(inner.toString()))
    this.claim()
    this.seals.push(...nested.seals)
    scope.places.set(node, { start, end: position(end), contentStart: start, contentEnd: position(end) })
    return position(end)
  }

  private groupContent(node: Group, at: Position): Position {
    const { scope, writer } = this
    const { extent } = node
    const label = quote(`${scope.label}${node.name}`)
    const ink = { scope, writer, label, name: camel(node.name) || 'group', error: node.error }
    const bits = extent?.by === 'prefix' ? fixedBits(scope.protocol, extent.type) : 0
    if (bits === undefined) return this.movedGroup(node, extent as Prefixed, at)
    const from = plus(at, bits)
    const plainEnd = this.nodes(node.nodes, from)
    const seal = node.seal === undefined ? undefined : scope.protocol.seals.get(node.seal)!
    const end = seal
      ? position(
          scope.local(
            writer,
            `${camel(node.name)}Sealed`,
            `${endText(plainEnd)} + (context.plain ? 0 : ${seal.overhead})`,
          ),
        )
      : plainEnd
    if (seal)
      this.seals.push({ group: node, start: byteText(from), end: endText(plainEnd), present: this.presence(node) })
    scope.places.set(node, { start: at, end, contentStart: from, contentEnd: plainEnd })
    const overhead = seal ? ` + ${seal.overhead}` : ''
    const size = `${endText(plainEnd)} - ${/ /.test(byteText(from)) ? `(${byteText(from)})` : byteText(from)}${overhead}`
    if (extent?.by === 'prefix') {
      const code: Code = { text: size, form: 'number', prec: 12 }
      writeValue({ ...ink, name: `${ink.name}Size` }, extent.type, fitting(scope, extent.type, code, node.name), at)
    }
    if (extent?.by === 'size' && !scope.isDerived(extent.size)) {
      const sized = extent.size
      this.whenKnown(() => {
        const wanted = asNumber(emitExpr(sized, scope))
        writer.writeLine(`${scope.use('exactly')}(${size}, ${scope.safely(wanted, label)}, ${label})`)
      })
    }
    return end
  }

  /** A group behind a varint: written behind the shortest one, and moved if that is too short. */
  private movedGroup(node: Group, extent: Prefixed, at: Position): Position {
    const { scope, writer } = this
    const asText = (value: unknown): string =>
      JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))
    const { structs, unions } = scope.protocol
    const places = asText([node.nodes, [...structs.values()], [...unions.values()]])
    if (node.seal !== undefined || /"kind":"align"|"name":"offset"/.test(places)) {
      throw new Error(`${node.name}: sealed or aligned content behind a size of varying length cannot be written yet`)
    }
    const around = this.open
    this.open = []
    const ink = { scope, writer, label: quote(`${scope.label}${node.name}`), name: camel(node.name) || 'group' }
    let inner = at
    const written = moved({ ...ink, error: node.error }, extent.type, at, from => {
      inner = this.nodes(node.nodes, from)
      return { end: inner, amount: `${endText(inner)} - ${paren(byteText(from))}` }
    })
    if (this.open.length > 0) throw new Error(`${node.name}: a field in it depends on what stands behind it`)
    this.open = around
    scope.places.set(node, { start: at, ...written })
    const shift = scope.local(writer, `${ink.name}Shift`, `${endText(written.end)} - ${paren(endText(inner))}`)
    for (const one of [...fieldsOf(node.nodes), ...groupsInside(node)]) {
      const place = scope.places.get(one)
      const by = (p: Position): Position => ({ ...p, base: `${p.base} + ${p.loose ? `8 * ${shift}` : shift}` })
      if (!place) continue
      const { start, end, contentStart, contentEnd } = place
      scope.places.set(one, {
        ...place,
        start: by(start),
        end: by(end),
        contentStart: by(contentStart),
        contentEnd: by(contentEnd),
      })
    }
    return written.end
  }

  /** Writes a check now, or once what it needs is written. */
  private whenKnown(check: () => void): void {
    try {
      check()
    } catch (thrown) {
      if (!(thrown instanceof NotYet)) throw thrown
      this.later.push(check)
    }
  }

  /** Fills in what was left open, as far as it is known now. */
  private fill(last: boolean): void {
    const { scope } = this
    for (let more = true; more; ) {
      more = false
      for (const field of [...this.open]) {
        scope.current = field
        try {
          const code = this.resolve(field)
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
    const present = this.presence(field)
    if (!present || this.inside.includes(this.around(field)!)) {
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

type Prefixed = Extract<NonNullable<Group['extent']>, { by: 'prefix' }>

/** A conditional field that has no value but the caller's. */
function callerDecides(field: Field): boolean {
  if (field.hidden || field.from || field.type.kind === 'at' || field.type.kind === 'align') return false
  return !(field.value || field.fallback || field.with || field.derives || field.match || field.matchBits || field.isId)
}

/** Whether something inside is computed over bytes of the record around. */
function looksBack(protocol: Protocol, type: Type): boolean {
  return typeRequests(protocol, type).some(request => request.what === 'start')
}

/** The least and the greatest of several integers. */
function bounds(codes: readonly Code[]): { low?: bigint; high?: bigint } {
  if (codes.some(code => code.low === undefined || code.high === undefined)) return {}
  const low = codes.reduce((least, code) => (code.low! < least ? code.low! : least), codes[0]!.low!)
  const high = codes.reduce((most, code) => (code.high! > most ? code.high! : most), codes[0]!.high!)
  return { low, high }
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}

/** What a caller may have given for a field, or for any field of a group. */
function givenTexts(node: Node): readonly string[] {
  const fields = node.kind === 'field' ? [node] : fieldsOf(node.nodes)
  return fields.filter(field => hasValue(field) && field.type.kind !== 'at').map(field => `value.${field.name}`)
}

function groupsInside(group: Group): Group[] {
  return group.nodes.flatMap(node => (node.kind === 'group' ? [node, ...groupsInside(node)] : []))
}

function isNumber(type: Type): boolean {
  return ['int', 'varint', 'uint', 'enum', 'bitset'].includes(type.kind)
}

/** Whether the expression asks for what is only known when reading. */
export function looksAhead(expr: Expr): boolean {
  return (
    JSON.stringify(expr, (key, value: unknown) =>
      typeof value === 'bigint' ? `${value}` : key === 'type' ? undefined : value,
    ).match(/"is":"special","name":"remaining"|"name":"remaining","is":"special"|"lookahead":\{/) !== null
  )
}

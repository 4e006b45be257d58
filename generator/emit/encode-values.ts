// Where the values of a record come from while it is written (docs/adr/0002-decoding.md, "Encoding"): the caller, what the
// schema computes, what sizes and counts measure; and under which conditions its fields are there.

import type { CodeBlockWriter } from 'ts-morph'
import type { Expr, Field, Group, Node } from '../model/model.ts'
import { fieldsOf, looksAhead } from '../model/walk.ts'
import { type EncodeScope, NotYet } from './encode-scope.ts'
import { literalCode, plainFallback, storedAs, withBits, zeroOf } from './encode-stored.ts'
import { converted, fitting } from './encode-value.ts'
import { ATOM, alike, asNumber, type Code, emitExpr, intCode, truth, wrap } from './expr.ts'
import { coreType, isIntegral } from './facts.ts'
import { localName } from './names.ts'
import { className, quote } from './naming.ts'
import { type Request, requestsOf } from './request.ts'
import { hasValue } from './shape.ts'

export class RecordValues {
  private readonly scope: EncodeScope
  private readonly writer: CodeBlockWriter
  /** The frame's ids, for its id field. */
  private readonly ids: readonly bigint[]
  /** Takes a check that waits for what is filled in later. */
  private readonly later: (check: () => void) => void
  private readonly busy = new Set<Field>()

  constructor(scope: EncodeScope, writer: CodeBlockWriter, ids: readonly bigint[], later: (check: () => void) => void) {
    this.scope = scope
    this.writer = writer
    this.ids = ids
    this.later = later
  }

  /** Conditions and the values that expressions ask for, in front of everything. */
  prepare(nodes: readonly Node[]): void {
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
  resolve(field: Field): Code {
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
  measures(field: Field, value: Code, present: string | undefined): void {
    const { scope, writer } = this
    if (!field.derives?.length || field.with || field.value || !hasValue(field)) return
    const own = this.derived(field)
    const given = [present, `value.${field.name} !== undefined`].filter(text => text !== undefined).join(' && ')
    writer.writeLine(
      `if (${given}) ${scope.use('exactly')}(${asNumber(value).text}, ${own.text}, ${quote(field.derives[0]!.of)})`,
    )
  }

  /** The condition of a field or group, with those around it. */
  presence(node: Node): string | undefined {
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
    this.later(() => {
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

  around(node: Node): Group | undefined {
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
  source(field: Field): Code {
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
    if (!given) return fallback ? storedAs(scope, field, fallback, label) : this.missing(field, label)
    const inner = fallback ? plainFallback(this.scope, field, fallback) : undefined
    const taken = inner === undefined ? given : `${given} === undefined ? ${inner} : ${given}`
    const code = converted(scope, field.type, taken, label, field)
    return field.matchBits ? withBits(this.scope, field, code) : code
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
      read = storedAs(scope, field, emitExpr(from, scope), label)
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
    const code = storedAs(scope, field, { ...raw, text: scope.safely(raw, quote(label)) }, label)
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
    return (field.match ?? []).map(literal => literalCode(this.scope, field, literal))
  }

  private fallback(field: Field, choices: readonly Code[]): Code | undefined {
    const { scope } = this
    if (choices.length > 0) return choices[0]
    if (field.fallback) {
      const code = emitExpr(field.fallback, scope)
      return { ...code, text: scope.safely(code, quote(`${scope.label}${field.name}`)), fails: false, absent: false }
    }
    if (field.derives?.length) return this.derived(field)
    if (field.hidden) return zeroOf(scope, field.type)
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

  /** `range` and `max` of a list; sizes are looked at when they are written. */
  limits(field: Field, value: Code, present: string | undefined): void {
    const { scope, writer } = this
    const label = quote(`${scope.label}${field.name}`)
    if (field.range) {
      const { min, max } = field.range
      const error = quote(field.error ?? 'OutOfRange')
      const call = `${scope.use('within')}(${value.text}, ${min}n, ${max}n, ${label}, ${error})`
      writer.writeLine(present ? `if (${present}) ${call}` : (this.rangeText(value, min, max, label, error) ?? call))
    }
    if (field.map?.duplicates === 'reject') {
      const call = `${scope.use('noRepeats')}(${value.text}, ${quote(field.map.key)}, ${label}, ${quote(field.error ?? 'BadValue')}${field.map.anyCase ? ', true' : ''})`
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
}

/** A conditional field that has no value but the caller's. */
export function callerDecides(field: Field): boolean {
  if (field.hidden || field.from || field.type.kind === 'at' || field.type.kind === 'align') return false
  return !(field.value || field.fallback || field.with || field.derives || field.match || field.matchBits || field.isId)
}

/** The least and the greatest of several integers. */
function bounds(codes: readonly Code[]): { low?: bigint; high?: bigint } {
  if (codes.some(code => code.low === undefined || code.high === undefined)) return {}
  const low = codes.reduce((least, code) => (code.low! < least ? code.low! : least), codes[0]!.low!)
  const high = codes.reduce((most, code) => (code.high! > most ? code.high! : most), codes[0]!.high!)
  return { low, high }
}

/** What a caller may have given for a field, or for any field of a group. */
function givenTexts(node: Node): readonly string[] {
  const fields = node.kind === 'field' ? [node] : fieldsOf(node.nodes)
  return fields.filter(field => hasValue(field) && field.type.kind !== 'at').map(field => `value.${field.name}`)
}

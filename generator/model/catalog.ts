// Everything in a document that can be named, before and while records are resolved.

import { BUILT_IN_ERRORS } from '../../runtime/wire/codec.ts'
import type { ExprSyntax, Span } from '../language/ast.ts'
import { didYouMean } from '../language/problem.ts'
import type { Path } from '../load/document.ts'
import type { Bitset, Enum, ValueType } from './model.ts'
import { entriesOf, mapOf, type Raw, textOf } from './raw.ts'
import type { Reports } from './report.ts'
import type { Order } from './scalars.ts'
import type { Draft, Scope } from './scope.ts'
import { TEXT } from './values.ts'

export class Catalog {
  readonly reports: Reports
  readonly data: Raw
  /** Order of bytes and bits in the document itself. */
  readonly order: Order
  /** The text `protocol` and the number `version` of the document. */
  readonly protocol: string
  readonly version: number
  readonly structs: Raw
  readonly unions: Raw
  readonly seals: Raw
  readonly enums: Map<string, Enum> = new Map()
  readonly bitsets: Map<string, Bitset> = new Map()
  /** Values of `param.x` and `session.x`; filled before records are resolved. */
  readonly params: Map<string, ValueType> = new Map()
  readonly session: Map<string, ValueType> = new Map()
  /** Drafts of structs by name, of variants by `Union.Variant`. */
  readonly records: Map<string, Draft> = new Map()
  /** Bits of the tag that a union reads in front. */
  readonly tagBits: Map<string, number> = new Map()
  /** Unions whose tag begins at the least significant bit. */
  readonly lowTags: Set<string> = new Set()
  /** Drafts of frames by name. */
  readonly frames: Map<string, Draft> = new Map()
  readonly roles: ReadonlySet<string>
  readonly errorNames: ReadonlySet<string>
  /** Declared errors that something refers to. */
  readonly usedErrors: Set<string> = new Set()
  /** How many records around it each record needs; filled by `linkRecords`. */
  readonly depths: Map<Draft, number> = new Map()
  readonly #kinds = new Map<string, 'enum' | 'bitset' | 'struct' | 'union'>()

  constructor(reports: Reports) {
    this.reports = reports
    const data = reports.document.data
    this.data = data
    this.order = { little: data.endian === 'little', lsb: data.bit_order === 'lsb' }
    this.protocol = textOf(data.protocol) ?? 'protocol'
    this.version = Number.isSafeInteger(data.version) ? Number(data.version) : 0
    this.structs = mapOf(data.structs)
    this.unions = mapOf(data.unions)
    this.seals = mapOf(data.seal)
    this.errorNames = new Set([...BUILT_IN_ERRORS, ...entriesOf(data.errors).map(([name]) => name)])
    const roles = entriesOf(data.roles).map(([name]) => name)
    this.roles = new Set(roles.length ? roles : ['client', 'server'])
    for (const [section, kind] of KINDS) {
      for (const [name] of entriesOf(data[section])) this.#declare(name, kind, [section, name])
    }
    for (const [name] of entriesOf(data.frames)) {
      const kind = this.#kinds.get(name)
      if (kind) this.#twice(name, kind, ['frames', name])
    }
  }

  kindOf(name: string): 'enum' | 'bitset' | 'struct' | 'union' | undefined {
    return this.#kinds.get(name)
  }

  get typeNames(): Iterable<string> {
    return this.#kinds.keys()
  }

  /** The scope of a struct, for members of its values. */
  scopeOf(struct: string): Scope | undefined {
    return this.records.get(struct)?.scope
  }

  /** Order of numbers written at this place that do not say: an imported file keeps its own. */
  orderAt(path: Path): Order {
    const { document } = this.reports
    return {
      little: document.endian ? document.endian(path) === 'little' : this.order.little,
      lsb: document.bitOrder ? document.bitOrder(path) === 'lsb' : this.order.lsb,
    }
  }

  /** Reports a name that is no error; returns it all the same. */
  error(name: string, path: Path, span?: Span): string {
    this.usedErrors.add(name)
    if (this.errorNames.has(name)) return name
    const hint = didYouMean(name, this.errorNames) ?? `declare it: errors: { ${name}: { text: .. } }`
    this.reports.add(path, { code: 'reference', message: `no error named ${name}`, hint, span })
    return name
  }

  /** Whether `left == right` compares a field of the scope with a literal, and which. */
  literal(scope: Scope, left: ExprSyntax, right: ExprSyntax): { path: string; key: string } | undefined {
    const path = pathOf(left)
    const entry = path && scope.entries.get(path[0]!)
    if (!entry && path && path.length > 1 && path.at(-1) === 'is' && right.is === 'text') {
      return { path: path.join('.'), key: this.#literalKey(TEXT, right)! }
    }
    if (!entry) return pathOf(right) && !pathOf(left) ? this.literal(scope, right, left) : undefined
    const type = this.#typeAt(entry.type, path.slice(1))
    const key = type && this.#literalKey(type, right)
    return key === undefined ? undefined : { path: path.join('.'), key }
  }

  /** The type of a member of a member: only structs are followed, and `is` of a union. */
  #typeAt(type: ValueType, path: readonly string[]): ValueType | undefined {
    const [name, ...rest] = path
    if (name === undefined) return type
    if (type.kind === 'union' && name === 'is' && rest.length === 0) return TEXT
    const entry = type.kind === 'struct' ? this.scopeOf(type.name)?.entries.get(name) : undefined
    return entry && this.#typeAt(entry.type, rest)
  }

  #literalKey(type: ValueType, literal: ExprSyntax): string | undefined {
    if (literal.is === 'int') return `#${literal.value}`
    if (literal.is === 'text') return `x${hexOf(new TextEncoder().encode(literal.value))}`
    if (literal.is === 'bytes') return `x${hexOf(literal.value)}`
    if (type.kind !== 'enum') return undefined
    const values = this.enums.get(type.name)?.values
    const name =
      literal.is === 'name'
        ? literal.name
        : literal.is === 'member' && literal.of.is === 'name' && literal.of.name === type.name
          ? literal.name
          : undefined
    const found = name === undefined ? undefined : values?.find(value => value.name === name)
    return found && `#${found.value}`
  }

  #declare(name: string, kind: 'enum' | 'bitset' | 'struct' | 'union', path: Path): void {
    const before = this.#kinds.get(name)
    if (before) this.#twice(name, before, path)
    else this.#kinds.set(name, kind)
  }

  #twice(name: string, kind: string, path: Path): void {
    this.reports.error(path, 'duplicate', `${name} is also ${kind === 'enum' ? 'an' : 'a'} ${kind}`, undefined, 'key')
  }
}

/** `flags.ack` as `[ flags, ack ]`; undefined for what is no path. */
export function pathOf(expr: ExprSyntax): string[] | undefined {
  if (expr.is === 'name') return [expr.name]
  if (expr.is !== 'member') return undefined
  const of = pathOf(expr.of)
  return of && [...of, expr.name]
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('')
}

const KINDS = [
  ['enums', 'enum'],
  ['bitsets', 'bitset'],
  ['structs', 'struct'],
  ['unions', 'union'],
] as const

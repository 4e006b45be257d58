// The names that the lines of one record can use: its fields in wire order, flat, and the records around it.

import type { ExprSyntax } from '../language/ast.ts'
import type { Catalog } from './catalog.ts'
import { Facts, type Subject } from './conditions.ts'
import type { DraftGroup, DraftNode, DraftRule, Located } from './draft.ts'
import type { ValueType } from './model.ts'
import { NONE, valueOfSyntax } from './values.ts'

/** A field or group by its name. */
export interface Entry {
  readonly name: string
  readonly node: DraftNode
  /** Place in wire order; a group has the place of its first field. */
  readonly index: number
  readonly type: ValueType
  /** All conditions under which it is there: its own and those of the groups around it. */
  readonly conditions: readonly Located<ExprSyntax>[]
  /** Could not be read; what names it stays silent. */
  readonly broken: boolean
}

/** Where something would stand: the names that are left next to it. */
export interface Gap {
  readonly before: string | undefined
  readonly behind: string | undefined
}

/** A record before it is resolved. */
export interface Draft {
  /** `struct Entry`, `frame Data`: for messages. */
  readonly title: string
  readonly nodes: readonly DraftNode[]
  readonly rules: readonly DraftRule[]
  readonly validate: readonly DraftRule[]
  readonly scope: Scope
  /** What `prev` and `item` are; absent for frames. */
  readonly value: ValueType | undefined
  /** Bits in front of the first field: a union's tag. */
  readonly startBits: number
  /** Whether the bits of that byte run from the least significant one up. */
  readonly startLow?: boolean
}

/** A field that holds values of a record, directly, in a list or as a variant. */
export interface Use {
  readonly scope: Scope
  readonly entry: Entry
  readonly asItem: boolean
}

export class Scope {
  readonly title: string
  readonly entries: ReadonlyMap<string, Entry>
  /** Fields and groups in wire order. */
  readonly order: readonly Entry[]
  readonly facts: Facts
  /** Where values of this record stand in other records. */
  readonly uses: Use[] = []
  /** What `prev` is: set when the record is an item of a list. */
  prev: ValueType | undefined
  /** Fields and groups of the envelope that the chosen frame leaves out, each with what is left before and behind it. */
  readonly removed: ReadonlyMap<string, Gap>
  readonly #byNode: ReadonlyMap<DraftNode, Entry>

  constructor(
    title: string,
    nodes: readonly DraftNode[],
    catalog: Catalog,
    facts?: Facts,
    removed: ReadonlyMap<string, Gap> = new Map(),
  ) {
    this.title = title
    const subject: Subject = {
      literal: (left, right) => catalog.literal(this, left, right),
      conditions: field => (this.entries.get(field)?.conditions ?? []).map(condition => condition.syntax),
    }
    this.facts = facts?.about(subject) ?? new Facts(subject)
    this.removed = removed
    const order: Entry[] = []
    collect(nodes, [], 0, order, catalog)
    this.order = order
    this.#byNode = new Map(order.map(entry => [entry.node, entry]))
    const entries = new Map<string, Entry>()
    for (const entry of order)
      if (!entries.has(entry.name) || entry.node.kind === 'field') entries.set(entry.name, entry)
    this.entries = entries
  }

  /** Names of fields, for hints. */
  get names(): string[] {
    return this.order.filter(entry => entry.node.kind === 'field').map(entry => entry.name)
  }

  entryOf(node: DraftNode): Entry {
    return this.#byNode.get(node)!
  }

  /** What is known where all of these conditions hold. */
  under(conditions: readonly Located<ExprSyntax>[]): Facts {
    return conditions.reduce((facts, condition) => facts.learn(condition.syntax), this.facts)
  }
}

function collect(
  nodes: readonly DraftNode[],
  around: readonly Located<ExprSyntax>[],
  from: number,
  into: Entry[],
  catalog: Catalog,
): number {
  let index = from
  for (const node of nodes) {
    const conditions = node.if ? [...around, node.if] : around
    if (node.kind === 'group') {
      into.push(groupEntry(node, index, conditions))
      index = collect(node.nodes, conditions, index, into, catalog)
      continue
    }
    const type = node.type ? valueOfSyntax(node.type.syntax, name => catalog.kindOf(name)) : NONE
    into.push({ name: node.name, node, index: index++, type, conditions, broken: !node.type })
  }
  return index
}

function groupEntry(node: DraftGroup, index: number, conditions: readonly Located<ExprSyntax>[]): Entry {
  return { name: node.name, node, index, type: NONE, conditions, broken: false }
}

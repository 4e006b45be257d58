// What is known to be true at some place of a record: by the frame that was chosen, by the condition of the field, by
// the left side of an `and`. Decides conditions as far as that reaches. Works on syntax, before names are resolved.

import type { BinaryOperator, ExprSyntax } from '../language/ast.ts'
import { show } from '../language/show.ts'

/** Says that `left == right` compares a field with a literal: the field's path, and the literal as a key that is equal for
 * equal values. Undefined for anything else. */
export type LiteralReader = (left: ExprSyntax, right: ExprSyntax) => { path: string; key: string } | undefined

/** What facts need to know about the record that they are about. */
export interface Subject {
  readonly literal: LiteralReader
  /** Conditions of a field: they hold where it is present. */
  readonly conditions: (field: string) => readonly ExprSyntax[]
}

export class Facts {
  readonly #subject: Subject
  /** Conditions known to be true or false, by their canonical text. */
  readonly #atoms: ReadonlyMap<string, boolean>
  /** The only literals that a field can be. */
  readonly #values: ReadonlyMap<string, ReadonlySet<string>>

  constructor(
    subject: Subject,
    atoms: ReadonlyMap<string, boolean> = new Map(),
    values: ReadonlyMap<string, ReadonlySet<string>> = new Map(),
  ) {
    this.#subject = subject
    this.#atoms = atoms
    this.#values = values
  }

  /** The same facts about a record that has more fields. */
  about(subject: Subject): Facts {
    return new Facts(subject, this.#atoms, this.#values)
  }

  /** The literals that the field at `path` can be, where that is known. */
  values(path: string): ReadonlySet<string> | undefined {
    return this.#values.get(path)
  }

  /** Paths whose values are known. */
  get known(): ReadonlyMap<string, ReadonlySet<string>> {
    return this.#values
  }

  /** Bits known to be set or not. */
  get atoms(): ReadonlyMap<string, boolean> {
    return this.#atoms
  }

  /** With the field at `path` being one of these literals. */
  withValues(path: string, keys: ReadonlySet<string>): Facts {
    const before = this.#values.get(path)
    const both = before ? new Set([...before].filter(key => keys.has(key))) : keys
    return new Facts(this.#subject, this.#atoms, new Map(this.#values).set(path, both))
  }

  withAtom(text: string, truth: boolean): Facts {
    return new Facts(this.#subject, new Map(this.#atoms).set(text, truth), this.#values)
  }

  /** With `condition` being true (or false). */
  learn(condition: ExprSyntax, truth = true): Facts {
    if (condition.is === 'not') return this.learn(condition.of, !truth)
    if (condition.is === 'binary') {
      const { operator, left, right } = condition
      if ((operator === 'and' && truth) || (operator === 'or' && !truth)) {
        return this.learn(left, truth).learn(right, truth)
      }
      const plain = positive(operator)
      if (plain) return this.learn({ ...condition, operator: plain }, !truth)
      const side = operator === '==' ? asTruth(left, right) : undefined
      if (side) return this.learn(side.of, side.truth === truth)
      const literal = operator === '==' ? this.#subject.literal(left, right) : undefined
      if (literal && truth) return this.withValues(literal.path, new Set([literal.key]))
    }
    if (condition.is === 'in' && truth) {
      const keys = this.#keys(condition)
      if (keys) return this.withValues(keys.path, keys.keys)
    }
    const known = this.withAtom(show(condition), truth)
    const [field] = condition.is === 'call' && condition.name === 'present' && truth ? condition.args : []
    if (field?.is !== 'name') return known
    return this.#subject.conditions(field.name).reduce((facts, implied) => facts.learn(implied), known)
  }

  /** Whether `condition` is true; undefined when that is not known. */
  holds(condition: ExprSyntax): boolean | undefined {
    if (condition.is === 'bool') return condition.value
    if (condition.is === 'not') return negate(this.holds(condition.of))
    if (condition.is === 'in') {
      const keys = this.#keys(condition)
      return keys ? this.#within(keys.path, keys.keys) : this.#atoms.get(show(condition))
    }
    if (condition.is !== 'binary') return this.#atoms.get(show(condition))
    const { operator, left, right } = condition
    if (operator === 'and') return join(this.holds(left), this.holds(right), false)
    if (operator === 'or') return join(this.holds(left), this.holds(right), true)
    const plain = positive(operator)
    if (plain) return negate(this.holds({ ...condition, operator: plain }))
    const side = operator === '==' ? asTruth(left, right) : undefined
    if (side) return side.truth ? this.holds(side.of) : negate(this.holds(side.of))
    if (operator === '<' || operator === '<=') {
      return this.#ordered(operator, left, right) ?? this.#atoms.get(show(condition))
    }
    const literal = operator === '==' ? this.#subject.literal(left, right) : undefined
    const known = literal && this.#within(literal.path, new Set([literal.key]))
    return known ?? this.#atoms.get(show(condition))
  }

  /** True when both conditions cannot be true at once. */
  excludes(a: ExprSyntax, b: ExprSyntax): boolean {
    return this.learn(a).holds(b) === false || this.learn(b).holds(a) === false
  }

  #within(path: string, keys: ReadonlySet<string>): boolean | undefined {
    const known = this.#values.get(path)
    if (!known) return undefined
    const inside = [...known].filter(key => keys.has(key)).length
    return inside === 0 ? false : inside === known.size ? true : undefined
  }

  /** `x < 5` where all that x can be is known. */
  #ordered(operator: '<' | '<=', left: ExprSyntax, right: ExprSyntax): boolean | undefined {
    if (right.is !== 'int') return undefined
    const literal = this.#subject.literal(left, right)
    const known = literal && this.#values.get(literal.path)
    if (!known || known.size === 0 || ![...known].every(key => key.startsWith('#'))) return undefined
    const limit = operator === '<' ? right.value : right.value + 1n
    const below = [...known].filter(key => BigInt(key.slice(1)) < limit).length
    return below === 0 ? false : below === known.size ? true : undefined
  }

  #keys(condition: Extract<ExprSyntax, { is: 'in' }>): { path: string; keys: Set<string> } | undefined {
    const keys = new Set<string>()
    let path: string | undefined
    for (const item of condition.items) {
      const literal = item.from === item.to ? this.#subject.literal(condition.of, item.from) : undefined
      if (!literal) return undefined
      path = literal.path
      keys.add(literal.key)
    }
    return path === undefined ? undefined : { path, keys }
  }
}

/** `a != b` is not `a == b`, `a >= b` is not `a < b`, `a > b` is not `a <= b`. */
function positive(operator: BinaryOperator): BinaryOperator | undefined {
  return operator === '!=' ? '==' : operator === '>=' ? '<' : operator === '>' ? '<=' : undefined
}

/** `x == true` is `x`. */
function asTruth(left: ExprSyntax, right: ExprSyntax): { of: ExprSyntax; truth: boolean } | undefined {
  if (right.is === 'bool') return { of: left, truth: right.value }
  return left.is === 'bool' ? { of: right, truth: left.value } : undefined
}

function negate(value: boolean | undefined): boolean | undefined {
  return value === undefined ? undefined : !value
}

/** `and` with `decisive` false, `or` with `decisive` true. */
function join(a: boolean | undefined, b: boolean | undefined, decisive: boolean): boolean | undefined {
  if (a === decisive || b === decisive) return decisive
  return a === undefined || b === undefined ? undefined : !decisive
}

// Expressions of the behavioural sections (replies, states, metrics, handshake): resolved in the scopes from which the
// model was built, after it was built.

import type { ExprSyntax } from '../language/ast.ts'
import { parseExpr } from '../language/parse.ts'
import type { Catalog } from './catalog.ts'
import { type Context, resolve, resolveAs } from './expressions.ts'
import type { Expr, Protocol, ValueType } from './model.ts'

export interface ResolveOptions {
  /** Its fields can be named. */
  readonly frame?: string | undefined
  /** What the expression must be; without it, anything. */
  readonly expected?: ValueType | undefined
  /** Further names: `code`, `size`, `counter`, `key` values. */
  readonly specials?: ReadonlyMap<string, ValueType> | undefined
  /** `Frame.field` is allowed (handshakes). */
  readonly frames?: boolean | undefined
  /** `random(n)` and `now()` are allowed (steps). */
  readonly drawn?: boolean | undefined
  /** `dh` and `role.secret` are allowed, with these secrets (key schedules). */
  readonly secrets?: ReadonlySet<string> | undefined
}

/**
 * Resolves an expression of a finished model.
 * @param protocol as `buildModel` returned it
 * @throws Mistake (code, message, span, hint) or SyntaxProblem
 */
export function resolveIn(protocol: Protocol, text: string | ExprSyntax, options: ResolveOptions = {}): Expr {
  const catalog = catalogs.get(protocol.document)
  if (!catalog) throw new TypeError('resolveIn needs a model that buildModel returned')
  const syntax = typeof text === 'string' ? parseExpr(text) : text
  const scope = options.frame === undefined ? undefined : catalog.frames.get(options.frame)?.scope
  const { expected, specials, frames, drawn, secrets } = options
  const context: Context = { catalog, scope, facts: scope?.facts, specials, frames, drawn, secrets }
  return expected ? resolveAs(syntax, context, expected) : resolve(syntax, context)
}

/** Keeps what `resolveIn` needs for as long as the model lives. */
export function remember(protocol: Protocol, catalog: Catalog): void {
  catalogs.set(protocol.document, catalog)
}

/** By the document, which copies of a model share. */
const catalogs = new WeakMap<Protocol['document'], Catalog>()

// Seals, as far as the codec needs them: clear fields, nonce, additional data (docs/language, "Seal").

import type { Path } from '../load/document.ts'
import { nodesOf, type Workshop } from './body.ts'
import type { Catalog } from './catalog.ts'
import { draftClear, located } from './draft.ts'
import { type Context, resolve } from './expressions.ts'
import type { Expr, Seal, ValueType } from './model.ts'
import { entriesOf, mapOf, textOf } from './raw.ts'
import { Mistake } from './report.ts'
import { type Draft, Scope } from './scope.ts'
import { TAG_BYTES } from './sealed.ts'
import { describe, INT } from './values.ts'

/** Seals by name. `frames` are the records that use them, whose fields nonces and additional data name. */
export function buildSeals(shop: Workshop, frames: readonly Draft[]): Map<string, Seal> {
  const { catalog } = shop
  const { reports } = catalog
  const seals = new Map<string, Seal>()
  for (const [name, raw] of entriesOf(catalog.seals)) {
    const map = mapOf(raw)
    const path: Path = ['seal', name]
    const clear = clearDraft(name, catalog)
    const users = frames.filter(frame =>
      frame.scope.order.some(({ node }) => node.kind === 'group' && node.seal === name),
    )
    const scopes = users.length ? users.map(user => user.scope) : [clear.scope]
    const error = textOf(map.error)
    seals.set(name, {
      name,
      aead: (textOf(map.aead) ?? 'aes-256-gcm') as Seal['aead'],
      overhead: TAG_BYTES,
      tag: map.tag === 'prepend' ? 'prepend' : 'append',
      error: error === undefined ? 'OpenFailed' : catalog.error(error, [...path, 'error']),
      clear: nodesOf(clear, shop),
      nonce: partsOf(map.nonce ?? DEFAULT_NONCE, [...path, 'nonce'], scopes, catalog),
      aad: map.aad === undefined || map.aad === 'none' ? [] : partsOf(map.aad, [...path, 'aad'], scopes, catalog),
      place: reports.document.place(path, 'key'),
    })
  }
  return seals
}

function clearDraft(name: string, catalog: Catalog): Draft {
  const title = `the clear fields of seal ${name}`
  const nodes = draftClear({ reports: catalog.reports, structs: catalog.structs, seals: catalog.seals }, name)
  return {
    title,
    nodes,
    rules: [],
    validate: [],
    scope: new Scope(title, nodes, catalog),
    value: undefined,
    startBits: 0,
  }
}

function partsOf(raw: unknown, path: Path, scopes: readonly Scope[], catalog: Catalog): Expr[] {
  const list = Array.isArray(raw) ? raw : [raw]
  return list.flatMap((part: unknown, i) => {
    const at: Path = Array.isArray(raw) ? [...path, i] : path
    const expr = located(catalog.reports, part, at)
    if (!expr) return []
    const resolved = scopes.map(scope =>
      catalog.reports.attempt(at, () => {
        const names: Context = { catalog, scope, facts: scope.facts, specials: SPECIALS }
        const value = resolve(expr.syntax, names)
        if (WRITTEN.has(value.type.kind)) return value
        throw new Mistake('type', `bytes are needed, this is ${describe(value.type)}`, value)
      }),
    )
    return resolved[0] ? [resolved[0]] : []
  })
}

const DEFAULT_NONCE = ['u32(0)', 'counter']
const SPECIALS: ReadonlyMap<string, ValueType> = new Map([['counter', INT]])
/** A field stands for its bytes as written, `counter` for eight. */
const WRITTEN: ReadonlySet<string> = new Set(['int', 'bytes', 'text', 'enum', 'bitset'])

// Tagged unions: a variant is one value or some fields, chosen by a tag in front or passed in.

import type { TypeSyntax } from '../language/ast.ts'
import { parseType } from '../language/parse.ts'
import type { Path } from '../load/document.ts'
import { lowFirst } from './alignment.ts'
import { buildBody, type Workshop } from './body.ts'
import type { Catalog } from './catalog.ts'
import { codeOf, fitsBits } from './definitions.ts'
import { draftFields, draftNode, linesOf } from './draft.ts'
import type { Union, ValueType, Variant } from './model.ts'
import { entriesOf, listOf, mapOf, type Raw, some, textOf } from './raw.ts'
import { type Draft, Scope } from './scope.ts'
import { Sizes } from './sizes.ts'
import { idOf, resolveType, tagValue } from './types.ts'
import { valueOfSyntax } from './values.ts'

/** Notes the tag sizes, which the sizes of unions need. */
export function measureTags(catalog: Catalog): void {
  const sizes = new Sizes(catalog)
  for (const [name, raw] of entriesOf(catalog.unions)) {
    const tag = tagSyntax(name, mapOf(raw), catalog)
    if (!tag) continue
    catalog.tagBits.set(name, sizes.bits(tag) ?? sizes.least(tag))
    if (lowFirst(tag, ['unions', name, 'tag'], { catalog, sizes })) catalog.lowTags.add(name)
  }
}

/** The record of each variant, under `Union.Variant`. A variant of one value has it in a field `value`. */
export function draftVariants(name: string, raw: Raw, catalog: Catalog): Draft[] {
  return entriesOf(raw.variants).map(([variant, given]) => {
    const path: Path = ['unions', name, 'variants', variant]
    const map = mapOf(given)
    const source = { reports: catalog.reports, structs: catalog.structs, seals: catalog.seals }
    const nodes =
      map.type === undefined
        ? draftFields(source, mapOf(map.fields), [...path, 'fields'], 'struct')
        : draftNode(source, 'value', map.type, [...path, 'type'], 'struct')
    const title = `variant ${name}.${variant}`
    const scope = new Scope(title, nodes, catalog)
    const startBits = (catalog.tagBits.get(name) ?? 0) % 8
    const value: ValueType = { kind: 'union', name }
    const draft: Draft = {
      title,
      nodes,
      rules: linesOf(map, 'check', path),
      validate: [],
      scope,
      value,
      startBits,
      startLow: catalog.lowTags.has(name),
    }
    catalog.records.set(`${name}.${variant}`, draft)
    return draft
  })
}

export function buildUnion(name: string, raw: Raw, shop: Workshop): Union {
  const { catalog } = shop
  const path: Path = ['unions', name]
  const by = textOf(raw.by)
  const syntax = tagSyntax(name, raw, catalog)
  if (!syntax && by === undefined && raw.tag === undefined) {
    catalog.reports.error(
      path,
      'type',
      `${name} has no tag`,
      'give it "tag: u8" (read in front) or "by: TYPE" (passed in)',
      'key',
    )
  }
  if (by !== undefined && catalog.kindOf(by) !== 'enum' && !/^([ui]\d+|bool|bit|leb128|vlq|quic)/.test(by)) {
    catalog.reports.error([...path, 'by'], 'reference', `no type named ${by}`, '"by" is an enum or an integer type')
  }
  const tag =
    syntax &&
    catalog.reports.attempt([...path, 'tag'], () =>
      resolveType(syntax, {
        catalog,
        sizes: shop.sizes,
        names: { catalog },
        tail: () => 0,
        lenient: false,
        order: catalog.orderAt([...path, 'tag']),
      }),
    )
  const tagType =
    by !== undefined ? tagValue(catalog, by) : syntax ? valueOfSyntax(syntax, kind => catalog.kindOf(kind)) : undefined
  const error = textOf(raw.error)
  const seen = new Map<bigint, string>()
  const variants = entriesOf(raw.variants).map(([variant, given]) =>
    buildVariant(name, variant, mapOf(given), tagType, syntax, seen, shop),
  )
  return {
    name,
    ...some('doc', textOf(raw.doc)),
    ...some('tag', tag),
    error: error === undefined ? 'UnknownVariant' : catalog.error(error, [...path, 'error']),
    variants,
    place: catalog.reports.document.place(path, 'key'),
  }
}

function buildVariant(
  union: string,
  name: string,
  raw: Raw,
  tagType: ValueType | undefined,
  tag: TypeSyntax | undefined,
  seen: Map<bigint, string>,
  shop: Workshop,
): Variant {
  const { catalog } = shop
  const { reports } = catalog
  const path: Path = ['unions', union, 'variants', name]
  const draft = catalog.records.get(`${union}.${name}`)!
  const body = buildBody(draft, shop)
  const ids = listOf(raw.id).flatMap(given => {
    const id =
      tagType && (idOf(catalog, tagType, given) ?? (tag && codeOf(given, tag, catalog.orderAt([...path, 'id']).little)))
    if (id === undefined) {
      reports.error([...path, 'id'], 'type', `${JSON.stringify(given)} is no tag of ${union}`)
      return []
    }
    const before = seen.get(id)
    if (before !== undefined)
      reports.error([...path, 'id'], 'duplicate', `${name} and ${before} have the same tag ${id}`)
    if (tag?.is === 'int' && !fitsBits(id, tag))
      reports.error([...path, 'id'], 'range', `${id} does not fit into the tag`)
    seen.set(id, name)
    return [id]
  })
  if (ids.length === 0 && raw.other !== true && raw.id === undefined) {
    reports.error(path, 'type', `${name} has no id`, 'give it "id: .." or "other: true"', 'key')
  }
  const [first] = body.nodes
  const value = raw.type !== undefined && first?.kind === 'field' ? first.type : undefined
  return {
    name,
    ...some('doc', textOf(raw.doc)),
    ids,
    other: raw.other === true,
    ...some('value', value),
    body,
    place: reports.document.place(path, 'key'),
  }
}

function tagSyntax(name: string, raw: Raw, catalog: Catalog): TypeSyntax | undefined {
  const line = textOf(raw.tag)
  return line === undefined ? undefined : catalog.reports.attempt(['unions', name, 'tag'], () => parseType(line))
}

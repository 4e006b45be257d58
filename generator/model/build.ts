// Builds the model of a schema: every name resolved, every frame flattened, every default filled in. Mistakes are
// reported to the document; nothing is thrown.

import type { SchemaDocument } from '../load/document.ts'
import { buildBody, type Workshop } from './body.ts'
import { Catalog } from './catalog.ts'
import { defineBitsets, defineEnums } from './definitions.ts'
import { bodyParts, type DraftNode, draftFields, linesOf } from './draft.ts'
import { draftEnvelope, opaqueEnvelope } from './envelope.ts'
import { buildFrame, draftFrame } from './frames.ts'
import type { Protocol, Struct, Union } from './model.ts'
import { buildParams, buildSession, declareSession } from './params.ts'
import { linkRecords } from './parents.ts'
import { entriesOf, isMap, mapOf, some, textOf, textsOf } from './raw.ts'
import { checkRecursion } from './recursion.ts'
import { Reports } from './report.ts'
import { remember } from './resolve-in.ts'
import { type Draft, Scope } from './scope.ts'
import { buildSeals } from './seals.ts'
import { buildErrors, buildExamples, buildProfiles, buildRoles, warnUnused } from './settings.ts'
import { Sizes } from './sizes.ts'
import { buildUnion, draftVariants, measureTags } from './unions.ts'

/** The model, or undefined when the document has an error; all of them are reported. */
export function buildModel(document: SchemaDocument): Protocol | undefined {
  const reports = new Reports(document)
  const catalog = new Catalog(reports)
  const { data } = document
  const { errors, covers } = buildErrors(catalog)
  defineEnums(catalog)
  defineBitsets(catalog)
  measureTags(catalog)
  const params = buildParams(catalog)
  const sessionTypes = declareSession(catalog)

  draftStructs(catalog)
  for (const [name, raw] of entriesOf(catalog.unions)) draftVariants(name, mapOf(raw), catalog)
  const envelope = draftEnvelope(catalog)
  const framesRaw = entriesOf(data.frames)
  const frames = framesRaw.map(([name, raw]) => draftFrame(name, mapOf(raw), envelope, catalog))
  for (const frame of frames) catalog.frames.set(frame.name, frame.draft)
  linkRecords([...catalog.records.values(), ...frames.map(frame => frame.draft)], catalog)

  const shop: Workshop = { catalog, sizes: new Sizes(catalog), selfFraming: hasSelfFraming(data) }
  checkRecursion(catalog, shop.sizes)
  const structs = new Map<string, Struct>()
  for (const [name, draft] of catalog.records) {
    if (!name.includes('.')) structs.set(name, buildStruct(name, draft, shop))
  }
  const unions = new Map<string, Union>()
  for (const [name, raw] of entriesOf(catalog.unions)) unions.set(name, buildUnion(name, mapOf(raw), shop))
  const onlyBare = frames.length > 0 && frames.every(frame => frame.raw.bare === true)
  const alone = onlyBare ? undefined : buildBody(opaqueEnvelope(envelope, catalog), shop)
  const built = frames.map((frame, i) => buildFrame(frame, i, shop))
  const seals = buildSeals(
    shop,
    frames.map(frame => frame.draft),
  )
  const session = buildSession(sessionTypes, shop)
  const examples = buildExamples(catalog)
  const roles = buildRoles(catalog)
  warnUnused(catalog, errors)
  if (reports.failed) return undefined
  const protocol: Protocol = {
    name: catalog.protocol,
    version: catalog.version,
    ...some('doc', textOf(data.doc)),
    ...some('profile', document.profile),
    profiles: buildProfiles(catalog),
    insecure: textsOf(data.insecure),
    ...catalog.order,
    file: document.file,
    errors,
    covers,
    enums: catalog.enums,
    bitsets: catalog.bitsets,
    structs,
    unions,
    roles,
    params,
    session,
    seals,
    frames: new Map(built.map(frame => [frame.name, frame])),
    ...some('envelope', alone),
    depth: typeof mapOf(data.limits).depth === 'number' ? Number(mapOf(data.limits).depth) : DEFAULT_DEPTH,
    examples,
    document: data,
  }
  remember(protocol, catalog)
  return protocol
}

/** Drafts of all structs, except those that are only ever inline: their fields belong to the records they are opened in. */
function draftStructs(catalog: Catalog): void {
  const inline = onlyInline(catalog.data)
  for (const [name, raw] of entriesOf(catalog.structs)) {
    if (inline.has(name)) continue
    const path = ['structs', name]
    const body = bodyParts(raw, path)
    const nodes = draftFields(
      { reports: catalog.reports, structs: catalog.structs, seals: catalog.seals },
      body.fields,
      body.path,
      'struct',
      [name],
    )
    const holder = frameIn(nodes)
    if (holder) {
      catalog.reports.error(
        holder.path,
        'type',
        'the frame and its id stand in the envelope',
        'take this struct into it with "inline: true"',
        'key',
      )
      continue
    }
    const title = `struct ${name}`
    catalog.records.set(name, {
      title,
      nodes,
      rules: linesOf(body.parts, 'check', path),
      validate: linesOf(body.parts, 'validate', path),
      scope: new Scope(title, nodes, catalog),
      value: { kind: 'struct', name },
      startBits: 0,
    })
  }
}

/** Names of structs that some field takes inline and none as a value. */
function onlyInline(data: SchemaDocument['data']): Set<string> {
  const inline = new Set<string>()
  const asValue = new Set<string>()
  const visit = (raw: unknown): void => {
    if (typeof raw === 'string') for (const name of raw.match(TYPE_NAME) ?? []) asValue.add(name)
    if (Array.isArray(raw)) raw.forEach(visit)
    if (!isMap(raw)) return
    const { type, ...others } = raw
    if (raw.inline === true && typeof type === 'string') {
      const [first] = type.match(TYPE_NAME) ?? []
      if (first) inline.add(first)
      visit(others)
    } else Object.values(raw).forEach(visit)
  }
  for (const section of ['structs', 'unions', 'envelope', 'frames', 'seal', 'params', 'session', 'handshake'])
    visit(data[section])
  return new Set([...inline].filter(name => !asValue.has(name)))
}

function frameIn(nodes: readonly DraftNode[]): DraftNode | undefined {
  for (const node of nodes) {
    const found = node.kind === 'field' ? (node.isId ? node : undefined) : node.holdsFrame ? node : frameIn(node.nodes)
    if (found) return found
  }
  return undefined
}

function buildStruct(name: string, draft: Draft, shop: Workshop): Struct {
  const { catalog } = shop
  const raw = mapOf(catalog.structs[name])
  const keyed = bodyParts(raw, []).parts
  return {
    name,
    ...some('doc', textOf(keyed.doc)),
    body: buildBody(draft, shop),
    place: catalog.reports.document.place(['structs', name], 'key'),
  }
}

/** Whether frames of some session transport find their own end. */
function hasSelfFraming(data: SchemaDocument['data']): boolean {
  return entriesOf(data.transports).some(([name, raw]) => {
    const { framing, use } = mapOf(raw)
    if (use === 'handshake') return false
    return framing === undefined ? name === 'tcp' || name === 'tls' : framing === 'self' || framing === 'packed'
  })
}

const DEFAULT_DEPTH = 32
const TYPE_NAME = /\b[A-Z][A-Za-z0-9]*\b/g

// The envelope: what all frames share, the places for a frame's own fields in it, and what the choice of a frame leaves
// of it (docs/language, "Envelope and frames").

import type { ExprSyntax } from '../language/ast.ts'
import type { Catalog } from './catalog.ts'
import type { Facts } from './conditions.ts'
import {
  bodyParts,
  type DraftField,
  type DraftGroup,
  type DraftNode,
  type DraftRule,
  type DraftSource,
  draftFields,
  linesOf,
} from './draft.ts'
import { entriesOf, isMap, mapOf, type Raw } from './raw.ts'
import { type Draft, Scope } from './scope.ts'

export interface EnvelopeDraft {
  /** A fresh copy for each frame, because frames change theirs. */
  readonly nodes: () => DraftNode[]
  readonly scope: Scope
  readonly rules: readonly DraftRule[]
  readonly validate: readonly DraftRule[]
}

/** The envelope with empty places for the frame. */
export function draftEnvelope(catalog: Catalog): EnvelopeDraft {
  const frames = entriesOf(catalog.data.frames)
  const hasIds = frames.some(([, raw]) => mapOf(raw).id !== undefined)
  const given = isMap(catalog.data.envelope)
  const raw = given ? catalog.data.envelope : hasIds ? DEFAULT_ENVELOPE : {}
  const { fields, path, parts } = bodyParts(raw, ['envelope'])
  const nodes = (): DraftNode[] => {
    const drafted = draftFields(source(catalog), fields, path, 'envelope')
    return holders(drafted).length ? drafted : [...drafted, implicitBody(frames)]
  }
  return {
    nodes,
    scope: new Scope('the envelope', nodes(), catalog),
    rules: linesOf(parts, 'check', ['envelope']),
    validate: linesOf(parts, 'validate', ['envelope']),
  }
}

/** The envelope alone, as it is checked where no frame fits. */
export function opaqueEnvelope(envelope: EnvelopeDraft, catalog: Catalog): Draft {
  const nodes = envelope.nodes()
  for (const holder of holders(nodes)) holder.holdsOpaque = true
  const scope = new Scope('the envelope', nodes, catalog)
  const { rules, validate } = envelope
  return { title: 'the envelope', nodes, rules, validate, scope, value: undefined, startBits: 0 }
}

/** Without a field of type `frame` the frame's fields go to the end. */
function implicitBody(frames: readonly [string, unknown][]): DraftGroup {
  const taken = frames.some(([, raw]) => 'body' in mapOf(mapOf(raw).fields))
  return { kind: 'group', name: taken ? '_body' : 'body', path: ['envelope'], holdsFrame: true, nodes: [], rules: [] }
}

/** The places for a frame's own fields. */
export function holders(nodes: readonly DraftNode[]): DraftGroup[] {
  return nodes.flatMap(node => (node.kind === 'field' ? [] : node.holdsFrame ? [node] : holders(node.nodes)))
}

/** All fields, those of groups too. */
export function fieldsOf(nodes: readonly DraftNode[]): DraftField[] {
  return nodes.flatMap(node => (node.kind === 'field' ? [node] : fieldsOf(node.nodes)))
}

/** The `frame` field that this frame goes into: the one whose condition can be true. A frame without fields needs none. */
export function chooseHolder(
  nodes: readonly DraftNode[],
  facts: Facts,
  name: string,
  isEmpty: boolean,
  catalog: Catalog,
): DraftGroup | undefined {
  const all = holders(nodes)
  const possible = all.filter(holder =>
    conditionsAround(nodes, holder).every(condition => facts.holds(condition) !== false),
  )
  if (possible.length === 0 && !isEmpty) {
    catalog.reports.error(
      ['frames', name],
      'ambiguous',
      `${name} has no place: every "frame" field of the envelope is excluded by its match`,
      undefined,
      'key',
    )
  }
  if (possible.length > 1) {
    const names = possible.map(holder => holder.name).join(' and ')
    const decided = conditionsAround(nodes, possible[0]!)[0]
    const hint = decided
      ? 'say which with a match on the field of their conditions'
      : 'their conditions must exclude each other'
    catalog.reports.error(['frames', name], 'ambiguous', `${name} could go into ${names} of the envelope`, hint, 'key')
  }
  return possible[0]
}

function conditionsAround(nodes: readonly DraftNode[], target: DraftNode): ExprSyntax[] {
  for (const node of nodes) {
    const own = node.if ? [node.if.syntax] : []
    if (node === target) return own
    if (node.kind === 'field') continue
    if (node.nodes.some(inner => inner === target || containsNode(inner, target)))
      return [...own, ...conditionsAround(node.nodes, target)]
  }
  return []
}

function containsNode(node: DraftNode, target: DraftNode): boolean {
  return node.kind === 'group' && node.nodes.some(inner => inner === target || containsNode(inner, target))
}

/** Without what can never be there; conditions that always hold are dropped. */
export function prune(nodes: readonly DraftNode[], facts: Facts, holder: DraftGroup | undefined): DraftNode[] {
  return nodes.flatMap((node): DraftNode[] => {
    if (node.kind === 'group' && node.holdsFrame && node !== holder) return []
    const truth = node.if && facts.holds(node.if.syntax)
    if (truth === false) return []
    if (truth === true) node.if = undefined
    if (node.kind === 'group' && node !== holder) node.nodes = prune(node.nodes, facts, holder)
    return [node]
  })
}

/** What drafting looks into. */
export function source(catalog: Catalog): DraftSource {
  return { reports: catalog.reports, structs: catalog.structs, seals: catalog.seals }
}

const DEFAULT_ENVELOPE: Raw = { type: 'id(u8)', body: 'frame' }

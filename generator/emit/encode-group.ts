// Groups of fields: inline, conditional, behind a size, sealed.

import { CodeBlockWriter } from 'ts-morph'
import type { Group } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import type { EncodeBody, Sealing } from './encode-body.ts'
import { fitting } from './encode-value.ts'
import { moved, writeValue } from './encode-write.ts'
import { asNumber, type Code, emitExpr } from './expr.ts'
import { fixedBits } from './facts.ts'
import { camel } from './names.ts'
import { quote } from './naming.ts'
import { aligned, byteText, endText, type Position, plus, position } from './position.ts'

export function group(body: EncodeBody, node: Group, at: Position): Position {
  const { scope, writer } = body
  const present = body.values.presence(node)
  if (!present || !node.if) return groupContent(body, node, at)
  const start = aligned(at)
  const end = scope.local(writer, `${camel(node.name)}Behind`, byteText(start), true)
  const inner = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
  for (const field of fieldsOf(node.nodes)) body.values.presence(field)
  const nested = body.nested(inner)
  nested.inside.push(node, ...groupsInside(node))
  nested.later = []
  const behind = groupContent(nested, node, start)
  nested.fill(true)
  for (const check of nested.later) check()
  inner.writeLine(`${end} = ${endText(behind)}`)
  for (const seal of nested.seals) body.seals.push(outside(body, node, seal, start, inner))
  writer.write(`if (${present}) `).block(() => writer.write(inner.toString()))
  body.claim()
  scope.places.set(node, { start, end: position(end), contentStart: start, contentEnd: position(end) })
  return position(end)
}

/** Sealing comes when the block of its group is left: where it begins and ends has to be seen there. */
function outside(
  { scope, writer }: EncodeBody,
  node: Group,
  seal: Sealing,
  at: Position,
  inner: CodeBlockWriter,
): Sealing {
  const kept = (what: string, text: string): string => {
    if (text === byteText(at)) return text
    const name = scope.local(writer, `${camel(node.name)}${what}`, byteText(at), true)
    inner.writeLine(`${name} = ${text}`)
    return name
  }
  return { ...seal, start: kept('From', seal.start), end: kept('To', seal.end) }
}

export function groupContent(body: EncodeBody, node: Group, at: Position): Position {
  const { scope, writer } = body
  const { extent } = node
  const label = quote(`${scope.label}${node.name}`)
  const ink = { scope, writer, label, name: camel(node.name) || 'group', error: node.error }
  const bits = extent?.by === 'prefix' ? fixedBits(scope.protocol, extent.type) : 0
  if (bits === undefined) return movedGroup(body, node, extent as Prefixed, at)
  const from = plus(at, bits)
  const plainEnd = body.nodes(node.nodes, from)
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
    body.seals.push({ group: node, start: byteText(from), end: endText(plainEnd), present: body.values.presence(node) })
  scope.places.set(node, { start: at, end, contentStart: from, contentEnd: plainEnd })
  const overhead = seal ? ` + ${seal.overhead}` : ''
  const size = `${endText(plainEnd)} - ${/ /.test(byteText(from)) ? `(${byteText(from)})` : byteText(from)}${overhead}`
  if (extent?.by === 'prefix') {
    const code: Code = { text: size, form: 'number', prec: 12 }
    writeValue({ ...ink, name: `${ink.name}Size` }, extent.type, fitting(scope, extent.type, code, node.name), at)
  }
  if (extent?.by === 'size' && !scope.isDerived(extent.size)) {
    const sized = extent.size
    body.whenKnown(() => {
      const wanted = asNumber(emitExpr(sized, scope))
      writer.writeLine(`${scope.use('exactly')}(${size}, ${scope.safely(wanted, label)}, ${label})`)
    })
  }
  return end
}

/** A group behind a varint: written behind the shortest one, and moved if that is too short. */
function movedGroup(body: EncodeBody, node: Group, extent: Prefixed, at: Position): Position {
  const { scope, writer } = body
  const asText = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? `${part}` : part))
  const { structs, unions } = scope.protocol
  const places = asText([node.nodes, [...structs.values()], [...unions.values()]])
  if (node.seal !== undefined || /"kind":"align"|"name":"offset"/.test(places)) {
    throw new Error(`${node.name}: sealed or aligned content behind a size of varying length cannot be written yet`)
  }
  const around = body.open
  body.open = []
  const ink = { scope, writer, label: quote(`${scope.label}${node.name}`), name: camel(node.name) || 'group' }
  let inner = at
  const written = moved({ ...ink, error: node.error }, extent.type, at, from => {
    inner = body.nodes(node.nodes, from)
    return { end: inner, amount: `${endText(inner)} - ${paren(byteText(from))}` }
  })
  if (body.open.length > 0) throw new Error(`${node.name}: a field in it depends on what stands behind it`)
  body.open = around
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

type Prefixed = Extract<NonNullable<Group['extent']>, { by: 'prefix' }>

function groupsInside(group: Group): Group[] {
  return group.nodes.flatMap(node => (node.kind === 'group' ? [node, ...groupsInside(node)] : []))
}

function paren(text: string): string {
  return / /.test(text) ? `(${text})` : text
}

// The bytes of a record drawn as a table, for the comment above its reader: offset, size, field and type as in the schema.
import type { Body, Field, Node, Protocol } from '../model/model.ts'
import { placed } from './layout.ts'
import { exprText, typeText } from './notation.ts'

/** Lines `offset  size  field  type`, aligned. */
export function drawLayout(protocol: Protocol, body: Body): string {
  const rows = placed(body)
    .filter(({ node }) => node.kind === 'field' || node.nodes.length > 0)
    .map(({ node, depth, offset, bits, onWire }) => [
      offset === undefined ? '..' : offsetText(offset),
      onWire ? sizeText(node, bits) : '-',
      `${'  '.repeat(depth)}${node.name}`,
      node.kind === 'field' ? lineText(protocol, node) : groupText(node),
    ])
  const table = [['offset', 'bytes', 'field', ''], ...rows]
  const widths = [0, 1, 2].map(column => Math.max(...table.map(row => row[column]!.length)))
  return table
    .map(row => `    ${row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell)).join('  ')}`.trimEnd())
    .join('\n')
    .replaceAll('*/', '* /')
}

function offsetText(bits: number): string {
  return bits % 8 === 0 ? String(bits / 8) : `${Math.floor(bits / 8)}.${bits % 8}`
}

function sizeText(node: Node, bits: number | undefined): string {
  if (bits === undefined) return node.if ? 'if' : '..'
  return bits % 8 === 0 ? String(bits / 8) : `${bits} bit${bits === 1 ? '' : 's'}`
}

function lineText(protocol: Protocol, field: Field): string {
  const parts = [`${field.isId ? 'id ' : ''}${typeText(field.type)}`]
  if (field.from) parts.push(`from ${exprText(field.from)}`)
  if (field.if) parts.push(`if ${exprText(field.if)}`)
  const fixed = field.value ?? field.with?.value
  if (fixed) parts.push(`= ${exprText(fixed)}`)
  else if (field.derives?.length)
    parts.push(`${field.derives[0]!.how} of ${field.derives.map(({ of }) => of).join(', ')}`)
  if (field.error && protocol.errors.has(field.error)) parts.push(`else ${field.error}`)
  return parts.join(' ')
}

function groupText(node: Extract<Node, { kind: 'group' }>): string {
  const parts = [node.seal === undefined ? 'fields' : `sealed (${node.seal})`]
  if (node.if) parts.push(`if ${exprText(node.if)}`)
  return parts.join(' ')
}

// A literal of the document (a param's default) as a plain value: `0x..`, `text:..`, `base64:..` for bytes, sizes with units for
// numbers (docs/adr/0002-decoding.md, "Plain values").

import { parseWhole } from '../language/units.ts'
import { fitsBits, spell } from './definitions.ts'
import { constant } from './fold.ts'
import type { Type } from './model.ts'
import { Mistake } from './report.ts'

/** Throws Mistake or SyntaxProblem where the literal is of another type. */
export function plainValue(raw: unknown, type: Type): unknown {
  switch (type.kind) {
    case 'region': {
      const value = plainValue(raw, type.of)
      const size = type.extent.by === 'size' ? constant(type.extent.size) : undefined
      if (value instanceof Uint8Array && size !== undefined && BigInt(value.length) !== size) {
        throw new Mistake('range', `${value.length} bytes do not fill ${size}`)
      }
      return value
    }
    case 'bytes':
      return bytes(raw)
    case 'text':
      if (typeof raw === 'string') return raw
      throw new Mistake('type', `${JSON.stringify(raw)} is no text`, undefined, 'quote it')
    case 'int': {
      const value = whole(raw)
      if (!fitsBits(value, type)) throw new Mistake('range', `${value} does not fit into ${spell(type)}`)
      return type.bits > 53 ? value : Number(value)
    }
    case 'varint':
    case 'uint':
      return whole(raw)
    case 'float':
      if (typeof raw === 'number') return raw
      throw new Mistake('type', `${JSON.stringify(raw)} is no number`)
    case 'bool':
    case 'bit':
      if (typeof raw === 'boolean') return raw
      throw new Mistake('type', `${JSON.stringify(raw)} is neither true nor false`)
    case 'list':
      if (Array.isArray(raw)) return raw.map(item => plainValue(item, type.of))
      throw new Mistake('type', `${JSON.stringify(raw)} is no list`)
    case 'enum':
    case 'bitset':
      return raw
    default:
      throw new Mistake('type', 'this type has no literals')
  }
}

function whole(raw: unknown): bigint {
  if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'bigint') return parseWhole(raw)
  throw new Mistake('type', `${JSON.stringify(raw)} is no whole number`)
}

function bytes(raw: unknown): Uint8Array {
  if (typeof raw === 'string') {
    if (raw.startsWith('text:')) return new TextEncoder().encode(raw.slice(5))
    if (/^0x(?:[0-9a-fA-F]{2})*$/.test(raw)) return fromHex(raw.slice(2))
    if (/^base64:[A-Za-z0-9+/]*={0,2}$/.test(raw)) {
      return Uint8Array.from(atob(raw.slice(7)), char => char.charCodeAt(0))
    }
  }
  throw new Mistake('type', `${JSON.stringify(raw)} are no bytes`, undefined, 'write "0x..", "text:.." or "base64:.."')
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

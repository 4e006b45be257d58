// Offsets as code: a base that is known at run time, and bits behind it that are known now.
import type { IntType } from '../model/model.ts'
import { ATOM, type Code } from './expr.ts'
import type { Unit } from './unit.ts'

export interface Position {
  /** Code of a byte offset; with `loose`, of a number of bits. */
  readonly base: string
  readonly bits: number
  /** Behind a conditional field that is no whole number of bytes: only known in bits. */
  readonly loose?: boolean
}

export function position(base: string, bits = 0): Position {
  return { base, bits }
}

export function plus(at: Position, bits: number): Position {
  return { ...at, bits: at.bits + bits }
}

/** Code of the byte in which the position lies. */
export function byteText(at: Position): string {
  if (at.loose) return `(${sum(at.base, at.bits)}) >>> 3`
  return sum(at.base, Math.floor(at.bits / 8))
}

/** Code of the number of bits in front of the position. */
export function bitText(at: Position): string {
  return `(${byteText(at)}) * 8${at.bits % 8 === 0 ? '' : ` + ${at.bits % 8}`}`
}

/** Code of the first byte that is wholly behind the position. */
export function endText(at: Position): string {
  if (at.loose) return `(${sum(at.base, at.bits + 7)}) >>> 3`
  return sum(at.base, Math.ceil(at.bits / 8))
}

/** The same position on a byte boundary, which the schema's checks have made sure of. */
export function aligned(at: Position): Position {
  return at.loose ? position(`(${byteText(at)})`) : at
}

export function sum(base: string, bytes: number): string {
  if (bytes === 0) return base
  return bytes < 0 ? `${base} - ${-bytes}` : `${base} + ${bytes}`
}

/** Code of one byte. */
export function byteAt(at: Position, offset = 0): string {
  return `b[${sum(at.base, Math.floor(at.bits / 8) + offset)}]!`
}

/** Reads an integer of any width: one load for what stands in one byte, shifts for whole bytes. */
export function readInt(unit: Unit, type: IntType, at: Position, bounds: { low: bigint; high: bigint }): Code {
  const code = (text: string, prec: number): Code => ({ text, form: 'number', prec, ...bounds })
  const { bits, signed } = type
  if (bits === 0) return { text: '0', form: 'number', prec: ATOM, low: 0n, high: 0n }
  const shift = at.bits % 8
  if (at.loose || (shift !== 0 && shift + bits > 32) || (shift === 0 && bits % 8 !== 0 && bits > 32)) {
    const where = at.loose ? sum(at.base, at.bits) : `(${byteText(at)}) * 8${shift === 0 ? '' : ` + ${shift}`}`
    const name = `readBits${bits <= 53 ? '' : 'Big'}${type.little ? 'le' : ''}` as const
    const form = bits <= 53 ? 'number' : 'bigint'
    return { text: `${unit.use(name)}(b, ${where}, ${bits}, ${signed})`, form, prec: ATOM, ...bounds }
  }
  if (shift !== 0 || bits % 8 !== 0)
    return type.little ? lowRun(at, bits, signed, code) : bitRun(at, bits, signed, code)
  switch (bits) {
    case 8:
      return signed ? code(`(${byteAt(at)} << 24) >> 24`, 11) : code(byteAt(at), ATOM)
    case 16:
    case 24: {
      const text = bytesText(type, at, bits / 8)
      return signed ? code(`((${text}) << ${32 - bits}) >> ${32 - bits}`, 11) : code(text, 6)
    }
    case 32:
      return signed ? code(bytesText(type, at, 4), 6) : code(`(${bytesText(type, at, 4)}) >>> 0`, 11)
    case 40:
    case 48:
      return code(`${unit.use(name48(type))}(b, ${byteText(at)})`, ATOM)
    case 64: {
      const name = `read${signed ? 'I' : 'U'}64${type.little ? 'le' : ''}`
      return { text: `${unit.use(name)}(b, ${byteText(at)})`, form: 'bigint', prec: ATOM, ...bounds }
    }
    default: {
      const read = `${unit.use(type.little ? 'readUintle' : 'readUint')}(b, ${byteText(at)}, ${bits / 8})`
      return { text: signed ? `BigInt.asIntN(${bits}, ${read})` : read, form: 'bigint', prec: ATOM, ...bounds }
    }
  }
}

function name48(type: IntType): string {
  return `read${type.signed ? 'I' : 'U'}${type.bits}${type.little ? 'le' : ''}`
}

/** `(b[at]! << 8) | b[at + 1]!`. */
function bytesText(type: IntType, at: Position, count: number): string {
  const parts = Array.from({ length: count }, (_, i) => {
    const up = type.little ? i : count - 1 - i
    return up === 0 ? byteAt(at, i) : `(${byteAt(at, i)} << ${8 * up})`
  })
  return parts.join(' | ')
}

/** Bits inside one word of up to 32: one load of each byte, a shift and a mask. */
function bitRun(at: Position, bits: number, signed: boolean, code: (text: string, prec: number) => Code): Code {
  const first = at.bits % 8
  const count = Math.ceil((first + bits) / 8)
  const behind = count * 8 - first - bits
  const word = Array.from({ length: count }, (_, i) => {
    const up = 8 * (count - 1 - i)
    return up === 0 ? byteAt(at, i) : `(${byteAt(at, i)} << ${up})`
  }).join(' | ')
  const loaded = count === 1 ? word : `(${word})`
  if (signed) {
    const left = 32 - count * 8 + first
    return code(`(${loaded} << ${left}) >> ${32 - bits}`, 11)
  }
  // The top bits of a byte need no mask: nothing stands in front of them.
  if (first === 0 && count < 4)
    return behind === 0 ? code(word, count === 1 ? ATOM : 6) : code(`${loaded} >> ${behind}`, 11)
  if (bits === 32) return code(`${loaded} >>> 0`, 11)
  const shifted = behind === 0 ? loaded : `(${loaded} >>> ${behind})`
  return code(`${shifted} & 0x${(2 ** bits - 1).toString(16).padStart(2, '0')}`, 8)
}

/** The same where bits run from the least significant up. */
function lowRun(at: Position, bits: number, signed: boolean, code: (text: string, prec: number) => Code): Code {
  const first = at.bits % 8
  const count = Math.ceil((first + bits) / 8)
  const above = count * 8 - first - bits
  const word = Array.from({ length: count }, (_, i) => (i === 0 ? byteAt(at) : `(${byteAt(at, i)} << ${8 * i})`)).join(
    ' | ',
  )
  const loaded = count === 1 ? word : `(${word})`
  if (signed) return code(`(${loaded} << ${32 - first - bits}) >> ${32 - bits}`, 11)
  // The top bits of what was loaded need no mask: nothing stands above them.
  if (above === 0 && count < 4) return code(`${loaded} >> ${first}`, 11)
  const shifted = first === 0 ? loaded : `(${loaded} >>> ${first})`
  return code(`${shifted} & 0x${(2 ** bits - 1).toString(16).padStart(2, '0')}`, 8)
}

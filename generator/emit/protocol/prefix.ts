// A length prefix in front of frames: code that reads and writes one of the given type.

import type { Type } from '../../model/model.ts'
import { typeText } from '../notation.ts'
import { Code } from './literal.ts'

export interface PrefixCode {
  readonly read: Code
  readonly write: Code
  readonly size: Code
}

/** `type` is an unsigned integer of whole bytes, leb128 or quic, as normalising made sure. */
export function prefixCode(type: Type): PrefixCode {
  if (type.kind === 'int') return integer(type.bits / 8, type.little, typeText(type))
  if (type.kind === 'varint' && type.coding === 'quic') return quic(type.max)
  if (type.kind === 'varint' && type.coding === 'leb128') return leb128(type.max)
  throw new Error(`no length prefix can be of type ${typeText(type)}`)
}

function integer(bytes: number, little: boolean, name: string): PrefixCode {
  const order = Array.from({ length: bytes }, (_, at) => (little ? bytes - 1 - at : at))
  const sum = order.map((at, rank) => term(at, bytes - 1 - rank)).join(' + ')
  const stores = order.map((at, rank) => `bytes[${offset(at)}] = ${shifted(bytes - 1 - rank)}`)
  return {
    read: code([
      '(bytes, at, end, out) => {',
      `  if (end - at < ${bytes}) return 0`,
      `  out.value = ${sum}`,
      `  return ${bytes}`,
      '}',
    ]),
    write: code([
      '(bytes, at, length) => {',
      ...refusal(`length > ${hex(2 ** (bytes * 8) - 1)}`, name),
      ...stores.map(line => `  ${line}`),
      `  return at + ${bytes}`,
      '}',
    ]),
    size: new Code(`() => ${bytes}`),
  }
}

/** `bytes[at + 1]! * 0x100` */
function term(at: number, power: number): string {
  return power === 0 ? `bytes[${offset(at)}]!` : `bytes[${offset(at)}]! * ${hex(2 ** (power * 8))}`
}

function shifted(power: number): string {
  if (power === 0) return 'length & 0xff'
  return power < 4 ? `(length >>> ${power * 8}) & 0xff` : `Math.floor(length / ${hex(2 ** (power * 8))}) & 0xff`
}

function offset(at: number): string {
  return at === 0 ? 'at' : `at + ${at}`
}

/** A number of more than `max` bytes is refused as a frame of endless size. */
function leb128(max: number): PrefixCode {
  return {
    read: code([
      '(bytes, at, end, out) => {',
      '  let value = 0',
      `  for (let i = 0; i < ${max}; i++) {`,
      '    if (at + i >= end) return 0',
      '    const byte = bytes[at + i]!',
      '    value += (byte & 0x7f) * 2 ** (7 * i)',
      '    if (byte < 0x80) {',
      '      out.value = value',
      '      return i + 1',
      '    }',
      '  }',
      '  out.value = Number.POSITIVE_INFINITY',
      `  return ${max}`,
      '}',
    ]),
    write: code([
      '(bytes, at, length) => {',
      ...refusal(`length >= 2 ** ${7 * max}`, `leb128(${max})`),
      '  let rest = length',
      '  while (rest >= 0x80) {',
      '    bytes[at++] = (rest % 0x80) | 0x80',
      '    rest = Math.floor(rest / 0x80)',
      '  }',
      '  bytes[at] = rest',
      '  return at + 1',
      '}',
    ]),
    size: code([
      'length => {',
      '  let size = 1',
      '  for (let rest = length; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++',
      '  return size',
      '}',
    ]),
  }
}

/** RFC 9000 section 16: the two high bits of the first byte say how many bytes there are. */
function quic(max: number): PrefixCode {
  const sizes = [1, 2, 4, 8].filter(size => size <= max)
  const limit = (size: number): string => (size === 8 ? 'Number.MAX_SAFE_INTEGER' : hex(2 ** (size * 8 - 2) - 1))
  const choice = sizes
    .map((size, at) => (at === sizes.length - 1 ? String(size) : `length <= ${limit(size)} ? ${size} : `))
    .join('')
  return {
    read: code([
      '(bytes, at, end, out) => {',
      '  if (at >= end) return 0',
      '  const size = 1 << (bytes[at]! >>> 6)',
      `  if (size > ${max}) {`,
      '    out.value = Number.POSITIVE_INFINITY',
      '    return size',
      '  }',
      '  if (at + size > end) return 0',
      '  let value = bytes[at]! & 0x3f',
      '  for (let i = 1; i < size; i++) value = value * 0x100 + bytes[at + i]!',
      '  out.value = value',
      '  return size',
      '}',
    ]),
    write: code([
      '(bytes, at, length) => {',
      ...refusal(`length > ${limit(sizes.at(-1)!)}`, `quic(${max})`),
      `  const size = ${choice}`,
      '  let rest = length',
      '  for (let i = size - 1; i >= 0; i--) {',
      '    bytes[at + i] = rest % 0x100',
      '    rest = Math.floor(rest / 0x100)',
      '  }',
      '  bytes[at]! |= (31 - Math.clz32(size)) << 6',
      '  return at + size',
      '}',
    ]),
    size: new Code(`length => ${choice}`),
  }
}

/** Misuse by the sender: the frame is longer than its prefix can say. */
function refusal(test: string, name: string): string[] {
  return [
    `  if (${test}) throw new RangeError(\`a frame of \${length} bytes is too long for its prefix of type ${name}\`)`,
  ]
}

function hex(value: number): string {
  return `0x${value.toString(16)}`
}

function code(lines: readonly string[]): Code {
  return new Code(lines.join('\n'))
}

// The functions of the expression language (generator/language/functions.ts), over values.
import { HASHES, hkdf_sha256 } from '../../runtime/crypto/hash.ts'
import {
  adler32,
  crc32,
  crc32c,
  createCrc,
  createCrc64,
  fletcher16,
  internetChecksum,
  sum8,
  xor8,
} from '../../runtime/wire/checksum.ts'
import { conversion } from '../language/functions.ts'
import type { Expr } from '../model/model.ts'
import { ancestor, asInteger, evaluate, integer, needed, rangeSize, type Scope, truth } from './evaluate.ts'
import { Unevaluable } from './fault.ts'
import { asBytes, concat, isList, isStruct, type Value } from './value.ts'

type Call = Extract<Expr, { is: 'call' }>

export function callFunction(call: Call, scope: Scope): Value {
  const { name, args } = call
  const about = ABOUT_FIELDS[name]
  if (about) return about(call, scope)
  const checksum = CHECKSUMS[name]
  if (checksum) {
    const data = joined(args, scope)
    return BigInt(checksum(data, 0, data.length))
  }
  const hash = HASHES[name]
  if (hash) return hash.run(...args.map(arg => data(arg, scope)))
  const plain = PLAIN[name]
  if (plain) return plain(args, scope)
  const number = conversion(name)
  if (number) return numberBytes(integer(args[0]!, scope), number.bits / 8, number.little)
  throw new Unevaluable(`${name} has no value inside a frame`)
}

/** Bytes of a number, two's complement; what does not fit has no value. */
export function numberBytes(value: bigint, size: number, little: boolean): Uint8Array {
  if (value !== BigInt.asUintN(8 * size, value) && value !== BigInt.asIntN(8 * size, value)) {
    throw new Unevaluable(`${value} does not fit ${size} bytes`)
  }
  const out = new Uint8Array(size)
  for (let i = 0, rest = value; i < size; i++, rest >>= 8n) out[little ? i : size - 1 - i] = Number(rest & 0xffn)
  return out
}

/** Functions that look at fields rather than at values. */
const ABOUT_FIELDS: Readonly<Record<string, (call: Call, scope: Scope) => Value>> = {
  size: ({ args: [part] }, scope) => BigInt(sizeOf(part!, scope)),
  count: ({ args: [list] }, scope) => {
    const value = evaluate(list!, scope)
    return BigInt(value !== undefined && (isList(value) || value instanceof Uint8Array) ? value.length : 0)
  },
  present: ({ args: [field] }, scope) => evaluate(field!, scope) !== undefined,
  offset: ({ args: [field] }, scope) => {
    if (field!.is === 'field') return BigInt(scope.offset(field!.name))
    if (field!.is === 'parent') return BigInt(ancestor(scope, field!.up).offset(field!.name))
    throw new Unevaluable('only a field has an offset')
  },
  next: ({ lookahead }, scope) => scope.next(lookahead!),
  encode: ({ args: [part] }, scope) => {
    if (part!.is === 'field') return scope.range(part!.name, part!.name)
    if (part!.is === 'parent') return ancestor(scope, part!.up).range(part!.name, part!.name)
    throw new Unevaluable('only a field can be encoded')
  },
}

const CHECKSUMS: Readonly<Record<string, (bytes: Uint8Array, start: number, end: number) => number>> = {
  crc32,
  crc32c,
  adler32,
  fletcher16,
  internet_checksum: internetChecksum,
  sum8,
  xor8,
}

const PLAIN: Readonly<Record<string, (args: readonly Expr[], scope: Scope) => Value>> = {
  min: (args, scope) => sorted(args, scope)[0],
  max: (args, scope) => sorted(args, scope).at(-1),
  width: ([n], scope) => {
    const value = integer(n!, scope)
    return BigInt(Math.ceil((value < 0n ? -value : value).toString(2).length / 8)) * (value === 0n ? 0n : 1n)
  },
  uint: ([bytes], scope) => numberOf(data(bytes!, scope)),
  uintle: ([bytes], scope) => numberOf(data(bytes!, scope).toReversed()),
  slice: ([bytes, from, length], scope) => {
    const all = data(bytes!, scope)
    const start = index(integer(from!, scope))
    const end = start + index(integer(length!, scope))
    if (end > all.length) throw new Unevaluable('the slice is longer than its bytes')
    return all.slice(start, end)
  },
  join: (args, scope) => joined(args, scope),
  mask: ([bytes, key], scope) => {
    const by = data(key!, scope)
    if (by.length === 0) throw new Unevaluable('the mask is empty')
    return data(bytes!, scope).map((byte, i) => byte ^ by[i % by.length]!)
  },
  zeros: ([n], scope) => new Uint8Array(index(integer(n!, scope))),
  base64: ([bytes], scope) => Buffer.from(data(bytes!, scope)).toString('base64'),
  crc: ([width, poly, init, reflect, xorout, ...parts], scope) => {
    const bits = Number(integer(width!, scope))
    const [p, i, x] = [poly!, init!, xorout!].map(arg => integer(arg, scope)) as [bigint, bigint, bigint]
    const bytes = joined(parts, scope)
    if (bits > 32) return createCrc64(bits, p, i, truth(reflect!, scope), x)(bytes, 0, bytes.length)
    return BigInt(createCrc(bits, Number(p), Number(i), truth(reflect!, scope), Number(x))(bytes, 0, bytes.length))
  },
  hkdf_sha256: ([ikm, salt, info, length], scope) =>
    hkdf_sha256(data(ikm!, scope), data(salt!, scope), data(info!, scope), index(integer(length!, scope))),
  random: ([n], scope) => scope.context.random(index(integer(n!, scope))),
  now: (_, scope) => BigInt(Math.floor(scope.context.now())),
}

function sizeOf(part: Expr, scope: Scope): number {
  switch (part.is) {
    case 'field':
      return scope.size(part.name)
    case 'parent':
      return ancestor(scope, part.up).size(part.name)
    case 'range':
      return rangeSize(part.from, part.to, scope)
    case 'member': {
      const of = evaluate(part.of, scope)
      if (isStruct(of)) return of.size(part.name)
      break
    }
    default:
  }
  const value = evaluate(part, scope)
  return value === undefined ? 0 : (asBytes(value)?.length ?? 0)
}

function data(expr: Expr, scope: Scope): Uint8Array {
  const bytes = asBytes(needed(evaluate(expr, scope)))
  if (!bytes) throw new Unevaluable('these are no bytes')
  return bytes
}

function joined(args: readonly Expr[], scope: Scope): Uint8Array {
  return concat(args.map(arg => data(arg, scope)))
}

function sorted(args: readonly Expr[], scope: Scope): readonly bigint[] {
  return args.map(arg => integer(arg, scope)).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

function numberOf(bytes: Uint8Array): bigint {
  if (bytes.length > 16) throw new Unevaluable('a number of more than 16 bytes')
  return bytes.reduce((all, byte) => (all << 8n) | BigInt(byte), 0n)
}

/** A size or position: never negative, never more than a frame could hold. */
function index(value: bigint): number {
  if (asInteger(value) < 0n || value > MOST) throw new Unevaluable(`${value} is no size`)
  return Number(value)
}

const MOST = 1n << 26n

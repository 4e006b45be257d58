// Calls of functions. A checksum over one range of fields works on offsets, without a view.
import { conversion } from '../language/functions.ts'
import type { Expr } from '../model/model.ts'
import {
  ANY_SIZE,
  ATOM,
  alike,
  asBig,
  asNumber,
  bytesText,
  type Code,
  emitExpr,
  enumNumber,
  flags,
  present,
  type Reach,
  truth,
  wrap,
} from './expr.ts'
import { aboutField } from './request.ts'

type Call = Extract<Expr, { is: 'call' }>

export function emitCall(call: Call, reach: Reach): Code {
  const about = aboutField(call)
  if (about) return reach.request(about)
  if (call.lookahead) return reach.next(call.lookahead)
  const checksum = CHECKSUMS[call.name]
  if (checksum) return number(overData(reach.use(checksum), call.args, reach), (1n << 32n) - 1n, reach, call.args)
  if (HASHES.has(call.name)) {
    const parts = call.args.map(arg => data(arg, reach))
    return { text: `${reach.use(call.name)}(${parts.join(', ')})`, form: 'bytes', prec: ATOM, fails: true }
  }
  if (call.name === 'dh' && reach.dh) return reach.dh(call.args)
  const plain = PLAIN[call.name]
  if (plain) return plain(call.args, reach)
  const width = conversion(call.name)
  if (width) {
    const value = enumNumber(present(emitExpr(call.args[0]!, reach), reach), reach)
    const text = `${reach.use('numberBytes')}(${value.text}, ${width.bits / 8}, ${width.little})`
    return { text, form: 'bytes', prec: ATOM, fails: true }
  }
  throw new Error(`${call.name}() has no value inside a frame`)
}

const PLAIN: Readonly<Record<string, (args: readonly Expr[], reach: Reach) => Code>> = {
  size: ([of], reach) => {
    const measure = (): Code => emitExpr(of!, reach)
    const code = of!.is === 'range' && reach.sizing ? reach.sizing(measure) : measure()
    if (code.span)
      return { text: `${code.span.end} - ${paren(code.span.start)}`, form: 'number', prec: 12, ...ANY_SIZE }
    if (code.form === 'string')
      return { text: `${reach.use('textSize')}(${code.text})`, form: 'number', prec: ATOM, ...ANY_SIZE }
    return lengthOf(code)
  },
  count: ([of], reach) => lengthOf(emitExpr(of!, reach)),
  present: ([of], reach) => {
    const code = emitExpr(of!, reach)
    if (!code.absent) return { text: 'true', form: 'boolean', prec: ATOM }
    return { text: `${wrap(code, 9)} !== undefined`, form: 'boolean', prec: 9, ...flags(code) }
  },
  min: (args, reach) => extreme('min', args, reach),
  max: (args, reach) => extreme('max', args, reach),
  width: ([n], reach) => {
    const code = enumNumber(present(emitExpr(n!, reach), reach), reach)
    return {
      text: `${reach.use('byteWidth')}(${code.text})`,
      form: 'number',
      prec: ATOM,
      low: 0n,
      high: 17n,
      ...flags(code),
    }
  },
  uint: ([bytes], reach) => bigOf('bytesNumber', [data(bytes!, reach)], reach),
  uintle: ([bytes], reach) => bigOf('bytesNumberLe', [data(bytes!, reach)], reach),
  slice: ([bytes, from, length], reach) => {
    const numbers = [from!, length!].map(arg => asNumber(present(emitExpr(arg, reach), reach)).text)
    return {
      text: `${reach.use('sliced')}(${[data(bytes!, reach), ...numbers].join(', ')})`,
      form: 'bytes',
      prec: ATOM,
      fails: true,
    }
  },
  join: (args, reach) =>
    bytes(
      'join',
      args.map(arg => data(arg, reach)),
      reach,
    ),
  mask: (args, reach) => ({
    ...bytes(
      'masked',
      args.map(arg => data(arg, reach)),
      reach,
    ),
    fails: true,
  }),
  zeros: ([n], reach) => {
    const count = asNumber(present(emitExpr(n!, reach), reach))
    return { text: `${reach.use('zeros')}(${count.text})`, form: 'bytes', prec: ATOM, fails: true }
  },
  base64: ([of], reach) => ({ text: `${reach.use('base64')}(${data(of!, reach)})`, form: 'string', prec: ATOM }),
  encode: ([of], reach) => {
    if (of!.is !== 'field' && of!.is !== 'parent') throw new Error('only a field can be encoded')
    const up = of!.is === 'parent' ? of!.up : 0
    const start = reach.request({ up, what: 'start', name: of!.name }).text
    const end = reach.request({ up, what: 'end', name: of!.name }).text
    return {
      text: `${reach.source}.subarray(${start}, ${end})`,
      form: 'bytes',
      prec: ATOM,
      span: { start, end, blank: false },
    }
  },
  crc: ([width, poly, init, reflect, xorout, ...parts], reach) => {
    const bits = emitExpr(width!, reach)
    const wide = (bits.high ?? 64n) > 32n
    const numbers = [poly!, init!].map(arg => emitExpr(arg, reach))
    const last = emitExpr(xorout!, reach)
    const texts = [...numbers, last].map(code => (wide ? asBig(code).text : asNumber(code).text))
    const make = reach.use(wide ? 'createCrc64' : 'createCrc')
    const made = `${make}(${bits.text}, ${texts[0]}, ${texts[1]}, ${truth(reflect!, reach).text}, ${texts[2]})`
    const name = reach.constant(`crc_${bits.text}`, made)
    const text = overData(name, parts, reach)
    if (wide) return { text, form: 'bigint', prec: ATOM, low: 0n, high: (1n << 64n) - 1n, fails: true }
    return number(text, (1n << 32n) - 1n, reach, parts)
  },
  hkdf_sha256: ([ikm, salt, info, length], reach) => {
    const parts = [ikm!, salt!, info!].map(arg => data(arg, reach))
    const count = asNumber(present(emitExpr(length!, reach), reach)).text
    return {
      text: `${reach.use('hkdf_sha256')}(${[...parts, count].join(', ')})`,
      form: 'bytes',
      prec: ATOM,
      fails: true,
    }
  },
  random: ([n], reach) => {
    const count = asNumber(present(emitExpr(n!, reach), reach))
    return { text: `${reach.context}.random(${count.text})`, form: 'bytes', prec: ATOM, fails: !!count.fails }
  },
  now: (_, reach) => ({
    text: `Math.floor(${reach.context}.now())`,
    form: 'number',
    prec: ATOM,
    low: 0n,
    high: 1n << 50n,
  }),
}

function number(text: string, high: bigint, reach: Reach, args: readonly Expr[]): Code {
  return { text, form: 'number', prec: ATOM, low: 0n, high, ...flags(...args.map(arg => emitExpr(arg, reach))) }
}

function bytes(name: string, parts: readonly string[], reach: Reach): Code {
  return { text: `${reach.use(name)}(${parts.join(', ')})`, form: 'bytes', prec: ATOM }
}

function bigOf(name: string, args: readonly string[], reach: Reach): Code {
  const text = `${reach.use(name)}(${args.join(', ')})`
  return { text, form: 'bigint', prec: ATOM, low: 0n, high: (1n << 128n) - 1n, fails: true }
}

/** `crc32(b, start, end)`; over anything but one plain range the data is put together first. */
function overData(name: string, args: readonly Expr[], reach: Reach): string {
  const [only] = args
  const code = args.length === 1 ? emitExpr(only!, reach) : undefined
  if (code?.span && !code.span.blank) return `${name}(${reach.source}, ${code.span.start}, ${code.span.end})`
  const parts = args.map(arg => data(arg, reach))
  return `${reach.use('over')}(${name}, ${parts.length === 1 ? parts[0] : `${reach.use('join')}(${parts.join(', ')})`})`
}

function data(expr: Expr, reach: Reach): string {
  return bytesText(present(emitExpr(expr, reach), reach), reach)
}

function extreme(name: 'min' | 'max', args: readonly Expr[], reach: Reach): Code {
  const codes = args.map(arg => enumNumber(present(emitExpr(arg, reach), reach), reach))
  const pick = (values: readonly (bigint | undefined)[]): bigint | undefined =>
    values.includes(undefined)
      ? undefined
      : (values as readonly bigint[]).reduce((a, b) => (name === 'min' ? (a < b ? a : b) : a > b ? a : b))
  const [low, high] = [pick(codes.map(code => code.low)), pick(codes.map(code => code.high))]
  const known = { ...(low === undefined ? {} : { low }), ...(high === undefined ? {} : { high }), ...flags(...codes) }
  if (codes.every(code => code.form === 'number')) {
    return { text: `Math.${name}(${codes.map(code => code.text).join(', ')})`, form: 'number', prec: ATOM, ...known }
  }
  const text = codes.map(asBig).reduce((a, b) => {
    const [x, y] = alike(a, b)
    return { ...x, text: `${reach.use(name === 'min' ? 'bigMin' : 'bigMax')}(${x.text}, ${y.text})` }
  }).text
  return { text, form: 'bigint', prec: ATOM, ...known }
}

/** Length of a list or of bytes; 0 where absent. */
function lengthOf(code: Code): Code {
  const text = code.absent ? `(${code.text}?.length ?? 0)` : `${wrap(code, 18)}.length`
  return { text, form: 'number', prec: ATOM, ...ANY_SIZE, ...flags(code) }
}

function paren(text: string): string {
  return /[ ]/.test(text) ? `(${text})` : text
}

const CHECKSUMS: Readonly<Record<string, string>> = {
  crc32: 'crc32',
  crc32c: 'crc32c',
  adler32: 'adler32',
  fletcher16: 'fletcher16',
  internet_checksum: 'internetChecksum',
  sum8: 'sum8',
  xor8: 'xor8',
}
const HASHES: ReadonlySet<string> = new Set(
  (
    'md5 sha1 sha256 sha384 sha512 sha3_256 blake2s blake2b blake3 hmac_md5 hmac_sha1 hmac_sha256 hmac_sha384 ' +
    'hmac_sha512 keyed_blake2s keyed_blake2b keyed_blake3'
  ).split(' '),
)

// The functions of the expression language, in one table: the model checks calls against it, the interpreter and the
// emitters implement exactly these names, and the reference page is made from it.

/** What an argument may be. `data` is bytes, text or a range of fields; `part` a field, a member or a range. */
export type ParameterKind =
  | 'int'
  | 'number'
  | 'bool'
  | 'bytes'
  | 'data'
  | 'part'
  | 'field'
  | 'list'
  | 'struct'
  | 'secret'

/** What a call gives; `lookahead`: the value of the type looked at. */
export type ResultKind = 'int' | 'bool' | 'bytes' | 'text' | 'lookahead'

/** Where a call may stand: anywhere; where a value is drawn (`?=`, steps, clear fields); in key schedules. */
export type Allowed = 'anywhere' | 'drawn' | 'keys'

export interface FunctionDefinition {
  readonly name: string
  readonly parameters: readonly { readonly name: string; readonly kind: ParameterKind }[]
  /** The last parameter may be given any number of times, but at least once. */
  readonly repeats: boolean
  readonly result: ResultKind
  readonly allowed: Allowed
  readonly doc: string
}

/** Conversions `u16(x)`, `u32le(x)`: 1 to 8 whole bytes. Undefined for any other name. */
export function conversion(name: string): { signed: boolean; bits: number; little: boolean } | undefined {
  const match = /^([ui])(8|16|24|32|40|48|56|64)(le|be)?$/.exec(name)
  if (!match) return undefined
  return { signed: match[1] === 'i', bits: Number(match[2]), little: match[3] === 'le' }
}

/** `crc32(data, ..) -> int`, for messages and the reference. */
export function signature(definition: FunctionDefinition): string {
  const names = definition.parameters.map(parameter => parameter.name)
  return `${definition.name}(${names.join(', ')}${definition.repeats ? ', ..' : ''})`
}

function define(
  line: string,
  result: ResultKind,
  doc: string,
  allowed: Allowed = 'anywhere',
): readonly [string, FunctionDefinition] {
  const [, name, list] = /^(\w+)\((.*)\)$/.exec(line)!
  const words = list!.split(', ').filter(word => word !== '' && word !== '..')
  const parameters = words.map(word => {
    const [parameter, kind] = word.split(':')
    return { name: parameter!, kind: kind as ParameterKind }
  })
  return [name!, { name: name!, parameters, repeats: list!.endsWith('..'), result, allowed, doc }]
}

const HASH = 'data:data, ..'

/** Every function by name; `u16(x)` and its kin are in `conversion`. */
export const FUNCTIONS: ReadonlyMap<string, FunctionDefinition> = new Map([
  define('size(x:part)', 'int', 'Bytes of x as written, without its own length prefix; of a range; 0 where absent.'),
  define('count(list:list)', 'int', 'Items of a list; 0 where absent.'),
  define('present(x:field)', 'bool', 'Whether a conditional field, or a well-known entry of a multimap, is there.'),
  define('offset(x:field)', 'int', 'Bytes from the start of the frame to the field.'),
  define('next()', 'lookahead', 'next(T): the value of type T that stands here, read without moving on.'),

  define('min(a:int, b:int, ..)', 'int', 'The smallest.'),
  define('max(a:int, b:int, ..)', 'int', 'The greatest.'),
  define('width(n:int)', 'int', 'Bytes that the integer needs; 0 for 0.'),
  define('uint(data:bytes)', 'int', 'Bytes as a number, most significant first.'),
  define('uintle(data:bytes)', 'int', 'Bytes as a number, least significant first.'),

  define('slice(data:data, from:int, length:int)', 'bytes', 'Part of some bytes.'),
  define('join(data:data, ..)', 'bytes', 'The arguments one behind the other.'),
  define('mask(data:data, key:data)', 'bytes', 'Each byte xor the key, repeated as often as needed.'),
  define('zeros(n:int)', 'bytes', 'n zero bytes.'),
  define('encode(x:struct)', 'bytes', 'A struct as written.'),
  define('base64(data:data)', 'text', 'Base64 with padding.'),

  define(`crc32(${HASH})`, 'int', 'CRC-32 of IEEE 802.3 (zip, PNG).'),
  define(`crc32c(${HASH})`, 'int', 'CRC-32C (Castagnoli).'),
  define(
    'crc(width:int, poly:int, init:int, reflect:bool, xorout:int, data:data, ..)',
    'int',
    'Any CRC of 8 to 64 bits; reflect means input and output. CRC-16/MODBUS is crc(16, 0x8005, 0xffff, true, 0, ..).',
  ),
  define(`adler32(${HASH})`, 'int', 'Adler-32 (zlib).'),
  define(`fletcher16(${HASH})`, 'int', 'Fletcher-16.'),
  define(
    `internet_checksum(${HASH})`,
    'int',
    "One's complement of the one's complement sum of 16-bit words (RFC 1071).",
  ),
  define(`sum8(${HASH})`, 'int', 'Sum of the bytes modulo 256.'),
  define(`xor8(${HASH})`, 'int', 'Exclusive or of the bytes.'),

  define(`md5(${HASH})`, 'bytes', 'MD5, for protocols that need it.'),
  define(`sha1(${HASH})`, 'bytes', 'SHA-1, for protocols that need it.'),
  define(`sha256(${HASH})`, 'bytes', 'SHA-256.'),
  define(`sha384(${HASH})`, 'bytes', 'SHA-384.'),
  define(`sha512(${HASH})`, 'bytes', 'SHA-512.'),
  define(`sha3_256(${HASH})`, 'bytes', 'SHA3-256.'),
  define(`blake2s(${HASH})`, 'bytes', 'BLAKE2s with 32 bytes.'),
  define(`blake2b(${HASH})`, 'bytes', 'BLAKE2b with 64 bytes.'),
  define(`blake3(${HASH})`, 'bytes', 'BLAKE3 with 32 bytes.'),
  define(`hmac_md5(key:data, ${HASH})`, 'bytes', 'HMAC-MD5.'),
  define(`hmac_sha1(key:data, ${HASH})`, 'bytes', 'HMAC-SHA-1.'),
  define(`hmac_sha256(key:data, ${HASH})`, 'bytes', 'HMAC-SHA-256.'),
  define(`hmac_sha384(key:data, ${HASH})`, 'bytes', 'HMAC-SHA-384.'),
  define(`hmac_sha512(key:data, ${HASH})`, 'bytes', 'HMAC-SHA-512.'),
  define(`keyed_blake2s(key:data, ${HASH})`, 'bytes', 'BLAKE2s with a key of at most 32 bytes.'),
  define(`keyed_blake3(key:data, ${HASH})`, 'bytes', 'BLAKE3 with a key of 32 bytes.'),
  define('hkdf_sha256(ikm:data, salt:data, info:data, length:int)', 'bytes', 'HKDF with SHA-256 (RFC 5869).'),

  define('dh(own:secret, peer:secret)', 'bytes', 'X25519 of an own key pair and a public key.', 'keys'),
  define('random(n:int)', 'bytes', 'n random bytes; for an integer field the number they make.', 'drawn'),
  define('now()', 'int', 'Unix milliseconds.', 'drawn'),
])

/** Bytes that these give, where it is always the same. */
export const RESULT_SIZE: ReadonlyMap<string, number> = new Map([
  ['md5', 16],
  ['sha1', 20],
  ['sha256', 32],
  ['sha384', 48],
  ['sha512', 64],
  ['sha3_256', 32],
  ['blake2s', 32],
  ['blake2b', 64],
  ['blake3', 32],
  ['hmac_md5', 16],
  ['hmac_sha1', 20],
  ['hmac_sha256', 32],
  ['hmac_sha384', 48],
  ['hmac_sha512', 64],
  ['keyed_blake2s', 32],
  ['keyed_blake3', 32],
  ['dh', 32],
])

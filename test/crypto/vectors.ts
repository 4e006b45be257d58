// Runs published vector files against our cryptography: `npm run --silent vectors -- noise FILE [--crypto native|node|noble]`
// for files in the format of cacophony and snow, `-- wycheproof FILE` for Wycheproof AEAD and XDH files.
// Prints one JSON object: { total, passed, skipped, failed: [ { test, why } ] }. Exit 0 where all passed or were skipped, 1
// where some failed, 2 for a wrong command line, 65 for a file of another format, 66 where there is none.
import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { AeadRows } from '../../runtime/crypto/batch.ts'
import { NoiseHandshake } from '../../runtime/crypto/noise/handshake.ts'
import { parseProtocolName, type Suite } from '../../runtime/crypto/noise/pattern.ts'
import { AEAD_SIZES, type AeadName, type CryptoProvider, TAG_LENGTH } from '../../runtime/crypto/provider.ts'
import { chooseProvider } from '../../runtime/native/choose.ts'

export interface Report {
  total: number
  passed: number
  skipped: number
  failed: { test: string; why: string }[]
}

interface NoiseVector {
  readonly protocol_name?: string
  readonly name?: string
  readonly init_prologue?: string
  readonly init_psks?: readonly string[]
  readonly init_static?: string
  readonly init_ephemeral?: string
  readonly init_remote_static?: string
  readonly resp_prologue?: string
  readonly resp_psks?: readonly string[]
  readonly resp_static?: string
  readonly resp_ephemeral?: string
  readonly resp_remote_static?: string
  readonly handshake_hash?: string
  readonly fallback?: boolean
  readonly fail?: boolean
  readonly messages: readonly { readonly payload: string; readonly ciphertext: string }[]
}

/** Every vector: both sides write exactly the given bytes and read the payloads back, through the transport phase. */
export function runNoise(text: string, crypto: CryptoProvider): Report {
  const file = JSON.parse(text) as readonly NoiseVector[] | { vectors?: readonly NoiseVector[] }
  const vectors = 'vectors' in file ? file.vectors : file
  if (!Array.isArray(vectors)) throw new SyntaxError('no list of vectors: is this a file of cacophony or snow?')
  return tally(
    vectors as readonly NoiseVector[],
    v => v.protocol_name ?? v.name ?? '?',
    v => noiseVector(v, crypto),
  )
}

function noiseVector(v: NoiseVector, crypto: CryptoProvider): string | undefined | null {
  const name = v.protocol_name ?? v.name ?? ''
  const suite = suiteOf(name)
  // Patterns and primitives that nobody here has, and vectors of two patterns in a row.
  if (suite === undefined || v.fail === true || v.fallback === true) return null
  if (!Array.isArray(v.messages) || v.messages.length < suite.pattern.messages.length)
    return `there are ${v.messages?.length ?? 'no'} messages, the pattern has ${suite.pattern.messages.length}`
  const side = (role: 'init' | 'resp') => {
    const bytes = (key: string | undefined) => (key === undefined ? undefined : Buffer.from(key, 'hex'))
    const [fixed, ephemeral, remote, prologue] = [
      bytes(v[`${role}_static`]),
      bytes(v[`${role}_ephemeral`]),
      bytes(v[`${role}_remote_static`]),
      bytes(v[`${role}_prologue`]),
    ]
    const theirs = bytes(v.init_ephemeral)
    const isKnown = role === 'resp' && theirs && suite.pattern.initiatorPre.includes('e')
    return new NoiseHandshake({
      suite,
      crypto,
      initiator: role === 'init',
      ...(prologue && { prologue }),
      ...(fixed && { static: fixed }),
      ...(ephemeral && { ephemeral }),
      ...(remote && { remoteStatic: remote }),
      ...(isKnown && { remoteEphemeral: crypto.curve(suite.curve).publicKey(theirs) }),
      psks: (v[`${role}_psks`] ?? []).map(k => Buffer.from(k, 'hex')),
    })
  }
  const initiator = side('init')
  const responder = side('resp')
  let keyed = false
  let transport: { fromInitiator: Transport; fromResponder: Transport } | undefined
  for (const [i, message] of v.messages.entries()) {
    const payload = Buffer.from(message.payload, 'hex')
    if (!initiator.finished) {
      const [writer, reader] = initiator.writes ? [initiator, responder] : [responder, initiator]
      const overhead = writer.overhead
      const wire = writer.write(payload)
      if (hex(wire) !== lower(message.ciphertext)) return `message ${i} is ${hex(wire)}`
      if (wire.length !== payload.length + overhead)
        return `message ${i} has ${wire.length - payload.length} bytes of overhead, announced were ${overhead}`
      keyed ||= suite.pattern.messages[i]!.some(t => t.length > 1 || (t === 'e' && suite.pattern.psks > 0))
      if (keyed) {
        // A flipped bit is refused and does not disturb the real message behind it.
        const forged = Uint8Array.from(wire)
        forged[forged.length - 1]! ^= 1
        if (reader.read(forged)) return `message ${i} was accepted with a flipped bit`
      }
      const read = reader.read(wire)
      if (!read || hex(read) !== lower(message.payload)) return `message ${i} was not read back (${reader.failure})`
      continue
    }
    transport ??= split(initiator, responder)
    const fromInitiator = suite.pattern.oneWay || (i % 2 === 0) !== suite.pattern.responderFirst
    const { write, read } = fromInitiator ? transport.fromInitiator : transport.fromResponder
    const wire = write(payload)
    if (hex(wire) !== lower(message.ciphertext)) return `transport message ${i} is ${hex(wire)}`
    const back = read(wire)
    if (!back || hex(back) !== lower(message.payload)) return `transport message ${i} was not read back`
  }
  if (v.handshake_hash && hex(initiator.handshakeHash) !== lower(v.handshake_hash))
    return `the handshake hash is ${hex(initiator.handshakeHash)}`
  return undefined
}

interface Transport {
  readonly write: (payload: Uint8Array) => Uint8Array
  readonly read: (wire: Uint8Array) => Uint8Array | undefined
}

function split(
  initiator: NoiseHandshake,
  responder: NoiseHandshake,
): { fromInitiator: Transport; fromResponder: Transport } {
  const i = initiator.split()
  const r = responder.split()
  const none = new Uint8Array(0)
  return {
    fromInitiator: { write: p => i.send.encrypt(none, p), read: w => r.receive.decrypt(none, w) },
    fromResponder: { write: p => r.send.encrypt(none, p), read: w => i.receive.decrypt(none, w) },
  }
}

interface Wycheproof {
  readonly algorithm: string
  readonly testGroups: readonly {
    readonly curve?: string
    readonly keySize?: number
    readonly ivSize?: number
    readonly tagSize?: number
    readonly tests: readonly WycheproofTest[]
  }[]
}

interface WycheproofTest {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
  readonly flags?: readonly string[]
  readonly [field: string]: unknown
}

/**
 * AEAD files (AES-GCM, CHACHA20-POLY1305, XCHACHA20-POLY1305), each test alone and in a batch, and XDH files with raw keys,
 * keys in DER or PEM, and JSON web keys. Sizes and ciphers that no provider has are skipped.
 */
export function runWycheproof(text: string, crypto: CryptoProvider): Report {
  const file = JSON.parse(text) as Wycheproof
  if (typeof file.algorithm !== 'string' || !Array.isArray(file.testGroups))
    throw new SyntaxError('no `algorithm` and `testGroups`: is this a file of Wycheproof?')
  const tests = file.testGroups.flatMap(group => (group.tests ?? []).map((test: WycheproofTest) => ({ group, test })))
  const algorithm = file.algorithm.toLowerCase().replaceAll('_', '-')
  return tally(
    tests,
    ({ test }) => `${test.tcId} ${test.comment}`,
    ({ group, test }) => {
      if (XDH.includes(algorithm)) return xdh(group.curve ?? algorithm, test, crypto)
      const bits = (field: 'key' | 'iv' | 'tag') =>
        typeof test[field] === 'string' ? 4 * test[field].length : undefined
      const keySize = group.keySize ?? bits('key')
      const name = (algorithm === 'aes-gcm' ? `aes-${keySize}-gcm` : algorithm) as AeadName
      if (!Object.hasOwn(AEAD_SIZES, name)) return null
      const { key, nonce } = AEAD_SIZES[name]
      const [ivSize, tagSize] = [group.ivSize ?? bits('iv'), group.tagSize ?? bits('tag')]
      if (keySize !== key * 8 || ivSize !== nonce * 8 || tagSize !== TAG_LENGTH * 8) return null
      if (['key', 'iv', 'aad', 'msg', 'ct', 'tag'].some(field => typeof test[field] !== 'string'))
        return 'a field of this test is missing'
      return sealing(name, test, crypto)
    },
  )
}

function sealing(name: AeadName, test: WycheproofTest, crypto: CryptoProvider): string | undefined {
  const at = (field: string) => Buffer.from(test[field] as string, 'hex')
  const [message, iv, aad] = [at('msg'), at('iv'), at('aad')]
  const cipher = crypto.aead(name, at('key'))
  const rows = new AeadRows(1)
  const rowOf = (start: number, end: number): void => {
    rows.clear()
    rows.nonces.set(iv, rows.add(cipher, 0, aad.length, start, end))
  }
  if (test.result === 'valid') {
    const sealed = Buffer.alloc(message.length + TAG_LENGTH)
    sealed.set(message)
    cipher.seal(iv, aad, sealed, 0, message.length)
    if (hex(sealed) !== lower(`${test.ct}${test.tag}`)) return `sealed to ${hex(sealed)}`
    const slab = Buffer.concat([aad, message, Buffer.alloc(TAG_LENGTH)])
    rowOf(aad.length, aad.length + message.length)
    crypto.sealBatch(slab, rows)
    if (rows.result(0) !== sealed.length || Buffer.compare(slab.subarray(aad.length), sealed) !== 0)
      return `sealed in a batch to ${hex(slab.subarray(aad.length))}`
  }
  const wire = Buffer.concat([at('ct'), at('tag')])
  const slab = Buffer.concat([aad, wire])
  rowOf(aad.length, slab.length)
  crypto.openBatch(slab, rows)
  const lengths = [cipher.open(iv, aad, wire, 0, wire.length), rows.result(0)]
  cipher.destroy()
  for (const [i, opened] of [wire, slab.subarray(aad.length)].entries()) {
    const length = lengths[i] as number
    if (test.result === 'invalid') {
      if (length >= 0) return 'opened what is invalid'
    } else if (length !== message.length || hex(opened.subarray(0, length)) !== lower(String(test.msg)))
      return 'did not open'
  }
  return undefined
}

function xdh(curveName: string, test: WycheproofTest, crypto: CryptoProvider): string | undefined | null {
  const name = CURVES[curveName.toLowerCase()]
  if (!name) return null
  const curve = crypto.curve(name)
  const [secret, peer] = [rawKey(test.private, curve.length, 'd'), rawKey(test.public, curve.length, 'x')]
  // Encodings that are no key of this curve. They must not be "valid" ones.
  if (secret?.length !== curve.length || peer?.length !== curve.length)
    return test.result === 'valid' ? 'the keys were not understood' : undefined
  const shared = hex(curve.shared(secret, peer))
  // Zero results are "acceptable" there and refused by our handshakes; the raw value must still be the right one.
  if (test.result !== 'invalid' && shared !== lower(String(test.shared))) return `shared secret ${shared}`
  return undefined
}

/** The bytes of a key that is given as hex, as hex of DER, as PEM, or as a JSON web key. */
function rawKey(given: unknown, length: number, part: 'd' | 'x'): Uint8Array | undefined {
  const read = part === 'd' ? createPrivateKey : (createPublicKey as unknown as typeof createPrivateKey)
  const raw = (key: KeyObject): Uint8Array => Buffer.from(key.export({ format: 'jwk' })[part] ?? '', 'base64url')
  try {
    if (typeof given === 'object') return raw(read({ key: given as JsonWebKey, format: 'jwk' }))
    const text = String(given)
    if (text.startsWith('-----')) return raw(read(text))
    const bytes = Buffer.from(text, 'hex')
    if (bytes.length === length) return bytes
    return raw(read({ key: bytes, format: 'der', type: part === 'd' ? 'pkcs8' : ('spki' as 'pkcs8') }))
  } catch {
    return undefined
  }
}

const CURVES: Readonly<Record<string, '25519' | '448'>> = {
  curve25519: '25519',
  x25519: '25519',
  curve448: '448',
  x448: '448',
}
/** Names of such files, old ones too. */
const XDH: readonly string[] = ['xdh', 'x25519', 'x448']

function tally<V>(vectors: readonly V[], name: (v: V) => string, run: (v: V) => string | undefined | null): Report {
  const report: Report = { total: vectors.length, passed: 0, skipped: 0, failed: [] }
  for (const v of vectors) {
    let why: string | undefined | null
    try {
      why = run(v)
    } catch (error) {
      why = (error as Error).message
    }
    if (why === null) report.skipped++
    else if (why === undefined) report.passed++
    else report.failed.push({ test: name(v), why })
  }
  return report
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const lower = (text: string): string => text.toLowerCase()

function suiteOf(name: string): Suite | undefined {
  try {
    return parseProtocolName(name)
  } catch {
    return undefined
  }
}

function main(args: string[]): number {
  let given: { positionals: string[]; values: { crypto?: string | undefined } }
  try {
    given = parseArgs({ args, allowPositionals: true, options: { crypto: { type: 'string' } } })
  } catch (error) {
    return wrong(2, (error as Error).message)
  }
  const [kind = '', file, ...more] = given.positionals
  const run = { noise: runNoise, wycheproof: runWycheproof }[kind]
  if (!run || !file || more.length > 0)
    return wrong(2, 'usage: npm run --silent vectors -- noise|wycheproof FILE [--crypto native|node|noble]')
  let crypto: CryptoProvider
  let text: string
  try {
    crypto = chooseProvider(given.values.crypto)
  } catch (error) {
    return wrong(2, (error as Error).message)
  }
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    return wrong(66, (error as Error).message)
  }
  try {
    const report = run(text, crypto)
    process.stdout.write(`${JSON.stringify(report)}\n`)
    return report.failed.length > 0 ? 1 : 0
  } catch (error) {
    return wrong(65, `${file}: ${(error as Error).message}`)
  }
}

function wrong(exit: number, message: string): number {
  process.stderr.write(`${message}\n`)
  return exit
}

if (process.argv[1]?.endsWith('vectors.ts') === true) process.exitCode = main(process.argv.slice(2))

// Frames, refusals and the key schedule of hydra-sync, profile crate-1.0.0-beta.9, against the crate.
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { sha3_256 } from '../../runtime/crypto/hash.ts'
import type { Context, DecodeOptions } from '../../runtime/wire/codec.ts'
import { CODECS, decode, encode, hex, protocolOf, toHex, vectors } from './codecs.ts'
import { hooks } from './seals.ts'

const file = vectors<File>('hydra-sync')
const protocol = protocolOf('schema/hydra-sync', 'crate-1.0.0-beta.9')
const STREAM: DecodeOptions = { whole: false, maxFrame: 16777244 }
/** Where each kind of frame travels: nothing on the wire names it. */
const WHERE: Readonly<Record<string, { frame: string; dir: string; state: string }>> = {
  join: { frame: 'Join', dir: 'producer>server', state: 'join' },
  status: { frame: 'Status', dir: 'server>client', state: 'answer' },
  length: { frame: 'Length', dir: 'server>client', state: 'length' },
  data: { frame: 'Data', dir: 'server>consumer', state: 'stream' },
  metrics: { frame: 'Metrics', dir: 'server>observer', state: 'stream' },
}
const CODES = ['success', 'invalid_role', 'session_not_found', 'session_occupied', 'invalid_token', 'internal_error']

for (const source of CODECS) {
  describe(`hydra-sync crate-1.0.0-beta.9, ${source.name}`, () => {
    it.each(file.frames.map((entry, i) => [i, entry.kind, entry] as const))('writes and reads frame %i, %s', (_i, kind, entry) => {
      const { frame, dir, state } = WHERE[kind]!
      const payload_len = kind === 'data' ? BigInt(entry.plaintext.length / 2) : undefined
      const codec = source.create(protocol, { ...sealed(entry.key), dir, state, session: { payload_len }, random: () => hex(entry.nonce) })
      const seen = decode(codec, hex(entry.wire), STREAM)
      expect(seen).toMatchObject({ frame, size: entry.wire.length / 2, fields: fieldsOf(entry) })
      const { nonce: _, ...given } = (seen as { fields: Record<string, unknown> }).fields
      expect(toHex(encode(codec, frame, given))).toBe(entry.wire)
    })

    it('waits for the whole frame and knows its size beforehand', () => {
      const entry = file.frames.find(({ kind }) => kind === 'join')!
      const codec = source.create(protocol, { ...sealed(entry.key), ...WHERE.join })
      for (let there = 0; there < entry.wire.length / 2; there++) {
        expect(decode(codec, hex(entry.wire).subarray(0, there), STREAM)).toEqual({ needs: entry.wire.length / 2 })
      }
    })

    it.each(file.rejects.map(entry => [entry.what, entry] as const))('refuses: %s', (what, entry) => {
      if (entry.wire === undefined) {
        const [frame, code] = entry.role_code === undefined ? ['status', entry.code!] : ['join', entry.role_code]
        const key = file.frames.find(({ kind }) => kind === frame)!.key
        const error = frame === 'join' ? 'UnknownRole' : 'UnknownCode'
        const codec = source.create(protocol, { ...sealed(key), ...WHERE[frame] })
        const plain = new Uint8Array(frame === 'join' ? 65 : 1)
        plain[0] = code
        expect(decode(codec, sealByHand(key, plain), STREAM)).toMatchObject({ error, offset: 12 })
        return
      }
      const short = what === 'data frame of 27 bytes'
      const session = { payload_len: short ? 0n : BigInt(entry.wire.length / 2 - 28) }
      const codec = source.create(protocol, { ...sealed(entry.key!), ...WHERE.data, session })
      const seen = decode(codec, hex(entry.wire), { ...STREAM, whole: true })
      expect(seen).toMatchObject(short ? { error: 'Truncated', offset: 12 } : { error: 'OpenFailed', offset: 12 })
    })

    it('reads the hellos and the sealed frames of recorded connections', () => {
      const all = [file.recorded_client, ...file.recorded_server]
      for (const recorded of all) {
        const codec = source.create(protocol, { ...sealed(recorded.transport_key), state: 'hello', dir: 'client>server' })
        const client = hello(decode(codec, hex(recorded.client_hello), STREAM), 'ClientHello')
        codec.context = { ...codec.context, dir: 'server>client' }
        const server = hello(decode(codec, hex(recorded.server_hello), STREAM), 'ServerHello')
        const secret = recorded.client_secret ?? recorded.server_secret!
        const other = recorded.client_secret === undefined ? client : server
        expect(toHex(transportKey(client, server, shared(hex(secret), other.public)))).toBe(recorded.transport_key)
        codec.context = { ...codec.context, ...WHERE.join, dir: 'client>server' }
        const join = recorded.who === 'role 9' ? { error: 'UnknownRole' } : { frame: 'Join' }
        expect(decode(codec, hex(recorded.join), STREAM)).toMatchObject(join)
        codec.context = { ...codec.context, ...WHERE.status }
        const code = CODES[recorded.status_code ?? 0]
        expect(decode(codec, hex(recorded.status), STREAM)).toMatchObject({ frame: 'Status', fields: { code } })
      }
    })
  })
}

describe('hydra-sync key schedule', () => {
  it.each(file.kdf.map(entry => [entry.name, entry] as const))('gives the transport key of the crate: %s', (_name, entry) => {
    const secret = shared(hex(entry.client_secret), hex(entry.server_public))
    expect(toHex(secret)).toBe(entry.shared_secret)
    const client = { nonce: hex(entry.client_nonce), public: hex(entry.client_public) }
    const server = { nonce: hex(entry.server_nonce), public: hex(entry.server_public) }
    expect(toHex(transportKey(client, server, secret))).toBe(entry.transport_key)
  })
})

interface Hello {
  nonce: Uint8Array
  public: Uint8Array
}

/** `handshake.keys.transport` of the profile, written out. */
function transportKey(client: Hello, server: Hello, secret: Uint8Array): Uint8Array {
  const label = protocol.params.get('kdf_label')!.fallback as { literal: string }
  return sha3_256(new Uint8Array(352), client.public, client.nonce, server.public, server.nonce, secret, Buffer.from(label.literal))
}

function hello(seen: ReturnType<typeof decode>, frame: string): Hello {
  expect(seen).toMatchObject({ frame, size: 160 })
  return (seen as unknown as { fields: Hello }).fields
}

function shared(secret: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.concat([PKCS8, secret]), format: 'der', type: 'pkcs8' })
  const peer = createPublicKey({ key: Buffer.concat([SPKI, publicKey]), format: 'der', type: 'spki' })
  return diffieHellman({ privateKey, publicKey: peer })
}

function sealed(key: string): Pick<Context, 'open' | 'seal'> {
  return hooks({ aead: 'aes-256-gcm', key: hex(key), nonce: frame => frame.clear('nonce') as Uint8Array })
}

/** A frame whose content no encoder would write. */
function sealByHand(key: string, plain: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + plain.length + 16)
  bytes.set(plain, 12)
  sealed(key).seal!('transport', bytes, 12, 12 + plain.length, { frameStart: 0, aadStart: 0, aadEnd: 0, clear: () => bytes.slice(0, 12) })
  return bytes
}

function fieldsOf({ kind, fields, plaintext }: Entry): Record<string, unknown> {
  switch (kind) {
    case 'join':
      return { role: fields.role, id: hex(fields.uuid_or_token!) }
    case 'status':
      return { code: CODES[Number(fields.code)] }
    case 'length':
      return { value: BigInt(fields.value!) }
    case 'data':
      return { payload: hex(plaintext) }
    default:
      return {
        uptime_hours: fields.uptime_hrs,
        total_sessions: BigInt(fields.total_sessions!),
        active_sessions: BigInt(fields.active_sessions!),
        network_bytes: BigInt(fields.total_network_bandwidth!),
      }
  }
}

/** Headers of X25519 keys (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b656e04220420', 'hex')
const SPKI = Buffer.from('302a300506032b656e032100', 'hex')

interface Entry {
  kind: string
  key: string
  nonce: string
  plaintext: string
  wire: string
  fields: Record<string, string> & { uptime_hrs?: number }
}

interface Recorded {
  who?: string
  client_hello: string
  server_hello: string
  client_secret?: string
  server_secret?: string
  transport_key: string
  join: string
  status: string
  status_code?: number
}

interface File {
  frames: Entry[]
  rejects: { what: string; key?: string; wire?: string; role_code?: number; code?: number; error: string }[]
  kdf: Record<'name' | 'client_secret' | 'server_public' | 'client_public' | 'client_nonce' | 'server_nonce' | 'shared_secret' | 'transport_key', string>[]
  recorded_client: Recorded
  recorded_server: Recorded[]
}

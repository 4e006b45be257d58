// The header and the sealing of intentra, profile crate-0.1.3, against the crate.
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../runtime/crypto/hash.ts'
import { CODECS, decode, encode, hex, protocolOf, toHex, vectors } from './codecs.ts'
import { bigEndian, hooks } from './seals.ts'

const file = vectors<File>('intentra')
const protocol = protocolOf('schema/intentra', 'crate-0.1.3')
const FRAMES: Readonly<Record<number, string>> = { 0: 'Data', 1: 'Ack', 2: 'HsInit' }
const INTENTS = ['realtime', 'reliable']

for (const source of CODECS) {
  describe(`intentra crate-0.1.3, ${source.name}`, () => {
    const plain = source.create(protocol, { plain: true })

    it('encodes every header as the crate, or refuses it with the same error', () => {
      for (const { fields, result } of file.header_encode.cases) {
        const frame = FRAMES[fields.flags]
        if (frame === undefined) {
          // No frame has this kind, so nobody can ask for it; the crate refuses it too.
          expect(result.error).toBe('MalformedPacket')
          continue
        }
        const value = headerOf(fields)
        if (result.error) expect(() => encode(plain, frame, value)).toThrow(expect.objectContaining({ code: result.error }))
        else expect(toHex(encode(plain, frame, value))).toBe(result.bytes)
      }
    })

    it('refuses a priority above 7, which the crate takes modulo 8', () => {
      expect(() => encode(plain, 'Data', { intent: 'realtime', priority: 8, payload_len: 1, payload: hex('') })).toThrow(
        expect.objectContaining({ code: 'OutOfRange', field: 'priority' }),
      )
    })

    it.each(file.header_decode.cases.map(entry => [entry.bytes, entry.note, entry] as const))('decodes %s (%s)', (bytes, _note, { result }) => {
      const seen = decode(plain, hex(bytes), { whole: true })
      if (result.error) {
        expect(seen).toMatchObject({ error: result.error })
        return
      }
      const { flags, intent, ...numbers } = result.fields!
      expect(seen).toMatchObject({ frame: FRAMES[flags], fields: { ...numbers, kind: flags, intent: INTENTS[intent] } })
    })

    it.each(file.aead.sealed.map((entry, i) => [i, entry] as const))('seals and opens as the crate: packet %i', (_i, entry) => {
      const codec = source.create(protocol, hooks(seal(hex(entry.key))))
      if (!entry.header_aad.startsWith('1') || entry.header_aad.length !== 32) {
        // Sealed under something that is no header: only its AEAD can be held, not the frame.
        const into = new Uint8Array([...hex(entry.header_aad), ...hex(entry.plaintext), ...new Uint8Array(16)])
        const end = into.length - 16
        const nonce = bigEndian([entry.conn_id, 4], [entry.seq, 4], [0, 4])
        const aadEnd = entry.header_aad.length / 2
        hooks({ ...seal(hex(entry.key)), nonce: () => nonce }).seal!('packet', into, aadEnd, end, { frameStart: 0, aadStart: 0, aadEnd, clear: () => 0 })
        expect(toHex(into)).toBe(entry.packet)
        expect(decode(codec, hex(entry.packet), { whole: true })).toMatchObject({ error: 'UnsupportedVersion' })
        return
      }
      if (entry.plaintext.length / 2 > 512) {
        // The crate drops packets of more than 512 bytes behind the seal; the schema says so with `max`.
        expect(decode(codec, hex(entry.packet), { whole: true })).toMatchObject({ error: 'TooLong', field: 'payload' })
        return
      }
      const seen = decode(codec, hex(entry.packet), { whole: true })
      expect(seen).toMatchObject({ frame: 'Data', fields: { conn_id: entry.conn_id, seq: entry.seq, payload: hex(entry.plaintext) } })
      if ('fields' in seen) expect(toHex(encode(codec, 'Data', seen.fields))).toBe(entry.packet)
    })

    it.each(file.aead.acks.cases.map(entry => [entry.packet, entry] as const))('seals and opens the ACK %s', (packet, entry) => {
      const codec = source.create(protocol, hooks(seal(ZERO_KEY)))
      const value = { conn_id: entry.conn_id, ack: entry.ack }
      expect(toHex(encode(codec, 'Ack', value))).toBe(packet)
      expect(decode(codec, hex(packet), { whole: true })).toMatchObject({ frame: 'Ack', fields: value })
    })

    it('writes 16 bytes of header and touches nothing behind them', () => {
      const value = { intent: 'realtime', payload_len: 1, conn_id: 1, seq: 1, ack: 1, payload: hex('') }
      for (const { buffer_len: length, buffer_after: after } of file.header_encode.buffer_sizes.cases) {
        const buffer = new Uint8Array(length).fill(0x5a)
        if (after === undefined) expect(() => plain.encode('Data', value, buffer, 0)).toThrow(/./)
        else {
          expect(plain.encode('Data', value, buffer, 0)).toBe(16)
          expect(toHex(buffer)).toBe(after)
        }
      }
    })

    it('opens with the key of the other side, and not with its own', () => {
      const { packet } = file.aead.directions
      // The crate sealed it under other numbers than its header says.
      const nonce = bigEndian([1, 4], [1, 4], [0, 4])
      const under = (byte: number) => source.create(protocol, hooks({ ...seal(new Uint8Array(32).fill(byte)), nonce: () => nonce }))
      expect(decode(under(1), hex(packet), { whole: true })).toMatchObject({ frame: 'Data', fields: { payload: Uint8Array.of(0x78) } })
      expect(decode(under(2), hex(packet), { whole: true })).toMatchObject({ error: 'CryptoFailure' })
    })

    it.each(file.aead.open.cases.map(entry => [entry.note, entry] as const))('opens or refuses: %s', (_note, entry) => {
      const nonce = bigEndian([entry.conn_id, 4], [entry.seq, 4], [0, 4])
      const codec = source.create(protocol, hooks({ ...seal(ZERO_KEY), nonce: () => nonce }))
      const seen = decode(codec, hex(entry.aad + entry.ciphertext_and_tag), { whole: true })
      if (entry.result.error) expect(seen).toMatchObject({ error: 'CryptoFailure', offset: 16, consumed: hex(entry.aad + entry.ciphertext_and_tag).length })
      else expect(seen).toMatchObject({ fields: { payload: hex(entry.result.plaintext!) } })
    })
  })
}

it('makes the cookie that the crate computes and never sends out of the same bytes', () => {
  for (const { ip_text: ip, port, cookie } of file.cookie.cases)
    expect(toHex(sha256(hex(file.cookie.secret), new TextEncoder().encode(ip), Uint8Array.of(port & 255, port >> 8)))).toBe(cookie)
})

function seal(key: Uint8Array): Parameters<typeof hooks>[0] {
  const nonce = (frame: { clear: (field: string) => unknown }): Uint8Array =>
    bigEndian([frame.clear('conn_id'), 4], [frame.clear('seq'), 4], [0, 4])
  return { aead: 'aes-256-gcm', key, nonce }
}

/** The crate takes the priority modulo 8. */
function headerOf({ flags: _, intent, priority, ...numbers }: Header): Record<string, unknown> {
  const body = _ === 0 ? { payload: hex('') } : {}
  return { ...numbers, ...body, intent: INTENTS[intent], priority: priority % 8 }
}

const ZERO_KEY = new Uint8Array(32)

interface Header {
  ack: number
  conn_id: number
  flags: number
  intent: number
  payload_len: number
  priority: number
  seq: number
}

interface File {
  header_encode: { buffer_sizes: { cases: { buffer_len: number; buffer_after?: string }[] }; cases: { fields: Header; result: { bytes?: string; error?: string } }[] }
  header_decode: { cases: { bytes: string; note: string; result: { fields?: Header; error?: string } }[] }
  cookie: { secret: string; cases: { ip_text: string; port: number; cookie: string }[] }
  aead: {
    directions: { packet: string }
    sealed: { conn_id: number; seq: number; key: string; header_aad: string; packet: string; plaintext: string }[]
    acks: { cases: { ack: number; conn_id: number; packet: string }[] }
    open: { cases: { aad: string; ciphertext_and_tag: string; conn_id: number; seq: number; note: string; result: { plaintext?: string; error?: string } }[] }
  }
}

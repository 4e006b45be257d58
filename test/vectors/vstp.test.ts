// The codec of vstp against what the crate 0.2.1 writes, accepts and refuses.
import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { CODECS, decode, encode, hex, protocolOf, toHex, vectors } from './codecs.ts'

/** Where this schema refuses on purpose what the crate takes (docs/protocols/vstp.md). */
const STRICTER_DECODE: Readonly<Record<string, string>> = {
  'hdr-overrun-into-payload': 'an entry must end inside the header block; the crate reads on into the payload',
  'hdr-overrun-into-crc': 'an entry must end inside the header block; the crate reads on into the checksum',
  'hdr-len-1-payload-first-byte-as-value-len': 'a header block of one byte holds no entry; the crate reads on into the payload',
}
const STRICTER_ENCODE: Readonly<Record<string, { code: string; why: string }>> = {
  'version/0': { code: 'UnsupportedVersion', why: 'the version is fixed; the crate writes any' },
  'version/2': { code: 'UnsupportedVersion', why: 'the version is fixed; the crate writes any' },
  'version/255': { code: 'UnsupportedVersion', why: 'the version is fixed; the crate writes any' },
  'hdr/block-65536-WRAPS': { code: 'OutOfRange', why: 'the length of the block has 16 bits; the crate writes it modulo 65536' },
}
const ERRORS: Readonly<Record<string, string>> = {
  'Frame too large': 'FrameTooLarge',
  'Invalid magic bytes': 'InvalidMagic',
  'Unsupported version': 'UnsupportedVersion',
  'Invalid frame type': 'InvalidFrameType',
  'Incomplete header value': 'BadHeader',
}

const file = vectors<File>('vstp')

for (const source of CODECS) {
  for (const profile of [undefined, 'crate-0.2.1']) {
    describe(`vstp, ${source.name}, profile ${profile ?? 'default'}`, () => {
      const codec = source.create(protocolOf('schema/vstp', profile))

      it.each(file.decode.map(entry => [entry.name, entry] as const))('decodes as the crate: %s', (name, entry) => {
        const seen = decode(codec, hex(entry.input), { whole: false, maxFrame: entry.max_frame_size })
        if (STRICTER_DECODE[name]) {
          expect(seen).toMatchObject({ error: 'BadHeader', consumed: entry.consumed })
        } else if (entry.result === 'frame') {
          expect(seen).toMatchObject({ frame: frameName(entry.frame!), size: entry.consumed })
          expect(plainFrame(seen)).toEqual(wanted(entry.frame!))
        } else if (entry.result === 'need_more') {
          expect(seen).toEqual({ needs: expect.any(Number) })
          expect((seen as { needs: number }).needs).toBeGreaterThan(entry.input.length / 2)
        } else {
          const text = entry.error!.replace('Protocol error: ', '')
          const error = text.startsWith('CRC mismatch') ? 'CrcMismatch' : ERRORS[text]
          expect(seen).toMatchObject({ error, consumed: entry.consumed })
        }
      })

      it.each(file.encode.map(entry => [entry.name, entry] as const))('encodes as the crate: %s', (name, entry) => {
        if (!entry.frame) {
          expect(entry.error).toMatch(/too long/)
          const long = new Uint8Array(256)
          const header = name === 'hdr/key-256' ? { key: long, value: hex('') } : { key: hex(''), value: long }
          expect(() => encode(codec, 'Data', { headers: [header] })).toThrow(expect.objectContaining({ code: 'OutOfRange' }))
          return
        }
        const value = { ...valueOf(entry.frame), version: entry.frame.version }
        const stricter = STRICTER_ENCODE[name]
        if (stricter) {
          expect(() => encode(codec, frameName(entry.frame!), value)).toThrow(expect.objectContaining({ code: stricter.code }))
          return
        }
        expect(described(encode(codec, frameName(entry.frame), value), entry.wire)).toEqual(entry.wire)
      })

      it('reads every flag byte as declared', () => {
        const { map } = file.decode_flag_byte_map
        const seen = map.map((_, flags) => {
          // The schema writes undefined bits as they are, so every byte can be made.
          const outcome = decode(codec, encode(codec, 'Data', { flags }), { whole: true })
          return 'fields' in outcome ? outcome.fields.flags : outcome
        })
        expect(seen).toEqual(profile === undefined ? map.map((_, flags) => flags) : map)
      })

      it('decodes and writes again every frame that was captured', () => {
        const captured = file.captures.flatMap(framesOf)
        expect(captured.length).toBeGreaterThan(40)
        for (const text of captured) {
          let bytes = hex(text)
          while (bytes.length > 0) {
            const seen = decode(codec, bytes, { whole: false, maxFrame: 65536 })
            if (!('frame' in seen)) {
              expect(NOT_FRAMES, `${text}: ${JSON.stringify(seen)}`).toContain(text)
              break
            }
            // The crate forgets flags beside undefined ones, so such a frame cannot be written again.
            const forgotten = profile !== undefined && seen.fields.flags !== bytes[4]
            if (!forgotten) expect(toHex(encode(codec, seen.frame, seen.fields))).toBe(toHex(bytes.subarray(0, seen.size)))
            bytes = bytes.subarray(seen.size)
          }
        }
      })

      it('writes the datagrams that the crate makes of large payloads', () => {
        const captures = file.captures.filter(capture => capture.datagrams)
        expect(captures.length).toBeGreaterThan(1)
        for (const datagram of captures.flatMap(capture => capture.datagrams!)) {
          const payload = pattern(datagram.payload_len)
          expect(sha256(payload)).toBe(datagram.payload_sha256)
          const headers = datagram.headers.map(([key, value]) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
          const wire = encode(codec, 'Data', { flags: datagram.flags, headers, payload })
          expect({ len: wire.length, crc32: toHex(wire.subarray(-4)) }).toEqual({ len: datagram.len, crc32: datagram.crc32 })
        }
      })

      it('makes and reads the pieces that interoperate', () => {
        const { buffer, datagrams } = file.interop_fragments
        const whole = datagrams.flatMap(({ wire, index }) => {
          const seen = decode(codec, hex(wire), { whole: true })
          if (!('frame' in seen)) throw new Error(JSON.stringify(seen))
          expect(toHex(encode(codec, seen.frame, seen.fields))).toBe(wire)
          const headers = seen.fields.headers as { key: Uint8Array; value: Uint8Array }[]
          const read = headers.find(header => Buffer.from(header.key).toString() === 'frag-index')
          expect(Number(Buffer.from(read!.value).toString())).toBe(index)
          return [...(seen.fields.payload as Uint8Array)]
        })
        expect(sha256(Uint8Array.from(whole))).toBe(buffer.sha256)
      })
    })
  }
}

/** Bytes in the captures that are no frames, as the crate sees it too. */
const NOT_FRAMES: readonly string[] = []

function framesOf(capture: Capture): string[] {
  const cases = (capture.cases ?? []).flatMap(entry => [entry.sent, ...(entry.replies ?? [])])
  return [...(capture.datagrams_hex ?? []), ...cases, ...(capture.bytes === undefined ? [] : [capture.bytes])]
}

function valueOf(frame: Frame): { flags: number; headers: unknown[]; payload: Uint8Array } {
  const headers = frame.headers_hex.flatMap(entry => {
    if (Array.isArray(entry)) return [{ key: hex(entry[0]), value: hex(entry[1]) }]
    return Array.from({ length: entry.repeat }, () => ({ key: hex(entry.key_hex), value: hex(entry.value_hex) }))
  })
  const payload = typeof frame.payload === 'string' ? hex(frame.payload) : pattern(frame.payload.pattern_len)
  return { flags: frame.flags, headers, payload }
}

function wanted(frame: Frame): object {
  const { flags, headers, payload } = valueOf(frame)
  return { version: frame.version, flags, payload: toHex(payload), headers: frame.headers_hex.length, first: headers[0] ?? null }
}

function plainFrame(seen: ReturnType<typeof decode>): object {
  if (!('fields' in seen)) throw new Error(JSON.stringify(seen))
  const { version, flags, payload, headers } = seen.fields as { headers: { key: Uint8Array; value: Uint8Array }[] } & Record<string, unknown>
  const [first] = headers
  return {
    version,
    flags,
    payload: toHex(payload as Uint8Array),
    headers: headers.length,
    first: first ? { key: first.key, value: first.value } : null,
  }
}

function described(bytes: Uint8Array, as: Wire | undefined): unknown {
  if (typeof as === 'string') return toHex(bytes)
  return { first16: toHex(bytes.subarray(0, 16)), last4: toHex(bytes.subarray(-4)), len: bytes.length, sha256: sha256(bytes) }
}

function frameName(frame: Frame): string {
  return frame.type_name[0]! + frame.type_name.slice(1).toLowerCase()
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (31 * i + 7) % 256)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

type Wire = string | { first16: string; last4: string; len: number; sha256: string }

interface Frame {
  flags: number
  headers_hex: ([string, string] | { repeat: number; key_hex: string; value_hex: string })[]
  payload: string | { pattern_len: number }
  type_name: string
  version: number
}

interface Capture {
  name: string
  datagrams_hex?: string[]
  bytes?: string
  cases?: { name: string; sent: string; replies?: string[] }[]
  datagrams?: { crc32: string; flags: number; headers: [string, string][]; len: number; payload_len: number; payload_sha256: string }[]
}

interface File {
  decode: { name: string; input: string; max_frame_size: number; result: string; consumed: number; error?: string; frame?: Frame }[]
  encode: { name: string; frame?: Frame; wire?: Wire; error?: string }[]
  decode_flag_byte_map: { map: number[] }
  captures: Capture[]
  interop_fragments: { buffer: { sha256: string }; datagrams: { index: number; wire: string }[] }
}


// Varints, text and 64-bit integers: known answers, and the way there and back.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeUtf8,
  fitsBytes,
  isUtf8,
  readAscii,
  readDecimal,
  readHexadecimal,
  readLatin1,
  readUtf8,
  sizeUtf8,
  TOO_BIG,
  writeLatin1,
  writeUtf8,
} from '../../runtime/wire/text.ts'
import * as u64 from '../../runtime/wire/u64.ts'
import * as varint from '../../runtime/wire/varint.ts'

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))

describe('varints', () => {
  const big = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n })

  it('come back as they went, in the size that was said', () => {
    fc.assert(
      fc.property(big, value => {
        const into = new Uint8Array(20)
        const out = { value: 0n }
        const signed = BigInt.asIntN(63, value)
        expect(varint.writeLeb128Big(into, 2, value)).toBe(2 + varint.sizeLeb128Big(value))
        expect(varint.readLeb128Big(into, 2, 20, 10, out)).toBe(varint.sizeLeb128Big(value))
        expect(out.value).toBe(value)
        expect(varint.writeSleb128Big(into, 2, signed)).toBe(2 + varint.sizeSleb128Big(signed))
        varint.readSleb128Big(into, 2, 20, 10, out)
        expect(out.value).toBe(signed)
        varint.writeLeb128Big(into, 2, varint.zigzagBig(signed))
        varint.readZigzagBig(into, 2, 20, 10, out)
        expect(out.value).toBe(signed)
        expect(varint.writeVlqBig(into, 2, value)).toBe(2 + varint.sizeLeb128Big(value))
        expect(varint.readVlqBig(into, 2, 20, 10, out)).toBe(varint.sizeLeb128Big(value))
        expect(out.value).toBe(value)
        const quic = value >> 2n
        expect(varint.writeQuicBig(into, 2, quic)).toBe(2 + varint.sizeQuicBig(quic))
        expect(varint.readQuicBig(into, 2, 20, 8, out)).toBe(varint.sizeQuicBig(quic))
        expect(out.value).toBe(quic)
      }),
    )
  })

  it('are the same as numbers and as bigints', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 9 }), fc.integer({ min: 1, max: 7 }), (data, max) => {
        const number = { value: 0 }
        const exact = { value: 0n }
        const pairs = [
          [varint.readLeb128, varint.readLeb128Big],
          [varint.readSleb128, varint.readSleb128Big],
          [varint.readZigzag, varint.readZigzagBig],
          [varint.readVlq, varint.readVlqBig],
        ] as const
        for (const [small, large] of pairs) {
          const taken = small(data, 0, data.length, max, number)
          expect(large(data, 0, data.length, max, exact)).toBe(taken)
          if (taken > 0) expect(number.value).toBe(Number(exact.value))
        }
        const taken = varint.readQuic(data, 0, data.length, 4, number)
        expect(varint.readQuicBig(data, 0, data.length, 4, exact)).toBe(taken)
        if (taken > 0) expect(number.value).toBe(Number(exact.value))
      }),
    )
  })

  it('of numbers are written as those of bigints', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), value => {
        const [a, b] = [new Uint8Array(10), new Uint8Array(10)]
        expect(varint.writeLeb128(a, 0, value)).toBe(varint.writeLeb128Big(b, 0, BigInt(value)))
        expect(a).toEqual(b)
        expect(varint.writeVlq(a, 0, value)).toBe(varint.writeVlqBig(b, 0, BigInt(value)))
        expect(a).toEqual(b)
        expect(varint.sizeLeb128(value)).toBe(varint.sizeLeb128Big(BigInt(value)))
        expect(BigInt(varint.zigzag(Math.floor(-value / 4)))).toBe(varint.zigzagBig(BigInt(Math.floor(-value / 4))))
      }),
    )
  })

  it('say when they are cut or too long', () => {
    const out = { value: 0n }
    expect(varint.readLeb128Big(bytes('80'), 0, 1, 3, out)).toBe(varint.INCOMPLETE)
    expect(varint.readLeb128Big(bytes('8080'), 0, 2, 2, out)).toBe(varint.TOO_LONG)
    expect(varint.readQuicBig(bytes('c000'), 0, 2, 8, out)).toBe(varint.INCOMPLETE)
    expect(varint.readQuicBig(bytes('c000'), 0, 2, 4, out)).toBe(varint.TOO_LONG)
    expect(varint.readVlqBig(bytes('81'), 0, 1, 4, out)).toBe(varint.INCOMPLETE)
    expect(varint.readVlqBig(bytes('8181818100'), 0, 5, 4, out)).toBe(varint.TOO_LONG)
    // X.690 section 8.19.2: no subidentifier begins with 0x80.
    expect(varint.readVlqBig(bytes('8001'), 0, 2, 4, out)).toBe(varint.TOO_LONG)
    // Standard MIDI Files, table of variable-length quantities.
    expect(varint.readVlqBig(bytes('ffffff7f'), 0, 4, 4, out)).toBe(4)
    expect(out.value).toBe(0x0fffffffn)
    // RFC 9000 appendix A.1
    expect(varint.readQuicBig(bytes('9d7f3e7d'), 0, 4, 8, out)).toBe(4)
    expect(out.value).toBe(494878333n)
  })
})

describe('text', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  it('is valid where a strict decoder says so, and gives the same', () => {
    const mixed = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.string({ unit: 'binary', maxLength: 40 }).map(text => new Uint8Array(Buffer.from(text))),
    )
    fc.assert(
      fc.property(mixed, fc.nat(3), (data, start) => {
        const from = Math.min(start, data.length)
        let wanted: string | undefined
        try {
          wanted = strict.decode(data.subarray(from))
        } catch {
          wanted = undefined
        }
        expect(isUtf8(data, from, data.length)).toBe(wanted !== undefined)
        expect(readUtf8(data, from, data.length)).toBe(wanted)
        if (wanted !== undefined) expect(decodeUtf8(data, from, data.length)).toBe(wanted)
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses the classic malformed sequences', () => {
    for (const bad of [
      'c080',
      'c1bf',
      'e08080',
      'eda080',
      'f0808080',
      'f4908080',
      'f5808080',
      'ff',
      '80',
      'e282',
      'c3',
    ]) {
      expect(isUtf8(bytes(bad), 0, bad.length / 2)).toBe(false)
    }
    expect(readUtf8(bytes('efbfbd'), 0, 3)).toBe('\ufffd')
  })

  it('has the size that it takes, and none with half a pair', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), text => {
        const into = new Uint8Array(300)
        const size = sizeUtf8(text)
        expect(size).toBe(Buffer.byteLength(text))
        expect(writeUtf8(into, 3, text)).toBe(3 + size)
        expect(readUtf8(into, 3, 3 + size)).toBe(text)
      }),
    )
    expect(sizeUtf8('\ud800')).toBe(-1)
    expect(sizeUtf8('a\udc00')).toBe(-1)
  })

  it('of single bytes', () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i)
    const text = readLatin1(all, 0, 256)
    const into = new Uint8Array(256)
    expect(writeLatin1(into, 0, text)).toBe(256)
    expect(into).toEqual(all)
    expect(readAscii(all, 0, 128)).toBe(text.slice(0, 128))
    expect(readAscii(all, 120, 129)).toBeUndefined()
    expect([fitsBytes('é', 0x80), fitsBytes('é', 0x100), fitsBytes('€', 0x100)]).toEqual([false, true, false])
  })

  it('holds numbers, canonical unless lenient', () => {
    const decimal = (text: string, signed = false, lenient = false) =>
      readDecimal(Buffer.from(text), 0, text.length, signed, lenient)
    expect(['0', '7', '18446744073709551615'].map(text => decimal(text))).toEqual([0n, 7n, 2n ** 64n - 1n])
    expect(['', '-', '+1', '01', '1a', '-1', ' 1'].map(text => decimal(text))).toEqual(Array(7).fill(undefined))
    expect(['-5', '-0', '--1'].map(text => decimal(text, true))).toEqual([-5n, undefined, undefined])
    expect(['+7', '007', '00', '+', '-0', '-05'].map(text => decimal(text, true, true))).toEqual([
      7n,
      7n,
      0n,
      undefined,
      0n,
      -5n,
    ])
    expect(decimal('9'.repeat(5000))).toBe(TOO_BIG)
    const hexadecimal = (text: string, lenient = false) => readHexadecimal(Buffer.from(text), 0, text.length, lenient)
    expect(['0', 'ff', 'FF', '0f', ''].map(text => hexadecimal(text))).toEqual([
      0n,
      255n,
      undefined,
      undefined,
      undefined,
    ])
    expect(['FF', '0f'].map(text => hexadecimal(text, true))).toEqual([255n, 15n])
    expect(hexadecimal('f'.repeat(17))).toBe(TOO_BIG)
  })
})

describe('64-bit integers', () => {
  it('are read and written as DataView does', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.integer({ min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
        (value, number) => {
          const data = new Uint8Array(12)
          const view = new DataView(data.buffer)
          u64.writeU64(data, 1, value)
          expect([view.getBigInt64(1), u64.readI64(data, 1), u64.readU64(data, 1)]).toEqual([
            value,
            value,
            BigInt.asUintN(64, value),
          ])
          u64.writeU64le(data, 1, value)
          expect([view.getBigInt64(1, true), u64.readI64le(data, 1), u64.readU64le(data, 1)]).toEqual([
            value,
            value,
            BigInt.asUintN(64, value),
          ])
          u64.writeU64Number(data, 2, number)
          expect([view.getBigInt64(2), u64.readI64Number(data, 2)]).toEqual([BigInt(number), number])
          u64.writeU64leNumber(data, 2, number)
          expect([view.getBigInt64(2, true), u64.readI64leNumber(data, 2)]).toEqual([BigInt(number), number])
          u64.writeU64Number(data, 2, Math.abs(number))
          expect(u64.readU64Number(data, 2)).toBe(Math.abs(number))
          u64.writeU64leNumber(data, 2, Math.abs(number))
          expect(u64.readU64leNumber(data, 2)).toBe(Math.abs(number))
        },
      ),
    )
  })

  it('of any number of bytes', () => {
    const data = new Uint8Array(8)
    u64.writeUint(data, 1, 3, 0x010203n)
    expect([...data]).toEqual([0, 1, 2, 3, 0, 0, 0, 0])
    expect([u64.readUint(data, 1, 3), u64.readUintle(data, 1, 3), u64.readUint(data, 1, 0)]).toEqual([
      0x010203n,
      0x030201n,
      0n,
    ])
    u64.writeUintle(data, 1, 3, 0x010203n)
    expect(u64.readUintle(data, 1, 3)).toBe(0x010203n)
  })
})

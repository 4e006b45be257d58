// Every crypto provider that is here runs the same tests: published vectors, batches against single calls, misuse.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { AeadRows } from '../../runtime/crypto/batch.ts'
import { noble } from '../../runtime/crypto/noble.ts'
import { AEAD_SIZES, type AeadName, TAG_LENGTH } from '../../runtime/crypto/provider.ts'
import { chooseProvider, PROVIDERS, preferProvider } from '../../runtime/native/choose.ts'
import { allowNative, native, refuseNative } from '../../runtime/native/load.ts'
import { runWycheproof } from './vectors.ts'

const { addon, reason } = native()
const here = PROVIDERS.filter(name => name !== 'native' || addon !== undefined).map(name => chooseProvider(name))
if (addon === undefined) process.stdout.write(`skipped: the native crypto provider is not here: ${reason}\n`)

const NAMES = Object.keys(AEAD_SIZES) as AeadName[]
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const key = (name: AeadName, fill = 7): Uint8Array => new Uint8Array(AEAD_SIZES[name].key).fill(fill)
const nonce = (name: AeadName, fill: number): Uint8Array => new Uint8Array(AEAD_SIZES[name].nonce).fill(fill)

describe.each(here)('provider $name', crypto => {
  test.each([
    ['aes-gcm', 41, 26],
    ['chacha20-poly1305', 48, 9],
    ['xchacha20-poly1305', 48, 9],
    ['x25519', 103, 0],
    ['x448', 81, 0],
  ])('agrees with the published tests of %s, one by one and in batches', (name, passed, skipped) => {
    const text = readFileSync(new URL(`./vectors/wycheproof-${name}.json`, import.meta.url), 'utf8')
    const report = runWycheproof(text, crypto)
    expect(report).toEqual({ total: passed + skipped, passed, skipped, failed: [] })
  })

  test.each(NAMES)(
    'a batch of %s gives what single calls give, whatever the sizes, and keys may differ by row',
    name => {
      const piece = fc.record({
        aad: fc.uint8Array({ maxLength: 40 }),
        text: fc.uint8Array({ maxLength: 300 }),
        fill: fc.integer({ min: 0, max: 255 }),
        forge: fc.boolean(),
      })
      fc.assert(
        fc.property(fc.array(piece, { minLength: 1, maxLength: 70 }), pieces => {
          const keys = [crypto.aead(name, key(name, 1)), crypto.aead(name, key(name, 2))]
          const slab = new Uint8Array(pieces.reduce((n, p) => n + p.aad.length + p.text.length + TAG_LENGTH, 0))
          const rows = new AeadRows(8)
          let at = 0
          for (const [i, p] of pieces.entries()) {
            slab.set(p.aad, at)
            slab.set(p.text, at + p.aad.length)
            const start = at + p.aad.length
            const place = rows.add(keys[i & 1]!, at, start, start, start + p.text.length)
            rows.nonces.set(nonce(name, p.fill), place)
            at = start + p.text.length + TAG_LENGTH
          }
          expect(crypto.sealBatch(slab, rows)).toBe(pieces.length)
          const spans = pieces.map((_, i) => ({ start: rows.table[i * 6 + 3]!, length: rows.result(i) }))
          for (const [i, p] of pieces.entries()) {
            const one = new Uint8Array(p.text.length + TAG_LENGTH)
            one.set(p.text)
            keys[i & 1]!.seal(nonce(name, p.fill), p.aad, one, 0, p.text.length)
            const { start, length } = spans[i]!
            expect(hex(slab.subarray(start, start + length))).toBe(hex(one))
            if (p.forge) slab[start + (p.fill % length)]! ^= 1
            rows.table[i * 6 + 4] = start + length
          }
          expect(crypto.openBatch(slab, rows)).toBe(pieces.filter(p => !p.forge).length)
          for (const [i, p] of pieces.entries()) {
            expect(rows.result(i)).toBe(p.forge ? -1 : p.text.length)
            const { start } = spans[i]!
            if (!p.forge) expect(hex(slab.subarray(start, start + p.text.length))).toBe(hex(p.text))
          }
        }),
        { numRuns: crypto.name === 'native' ? 40 : 6 },
      )
    },
  )

  test.each(NAMES)('%s: one key seals and opens in turns, and what another provider sealed', name => {
    const mine = crypto.aead(name, key(name))
    const other = noble.aead(name, key(name))
    for (let i = 0; i < 20; i++) {
      const aad = new Uint8Array(i % 3).fill(i)
      const bytes = new Uint8Array(i * 7 + TAG_LENGTH)
      bytes.fill(i, 0, i * 7)
      const [from, to] = i % 2 === 0 ? [mine, other] : [other, mine]
      from.seal(nonce(name, i), aad, bytes, 0, i * 7)
      expect(to.open(nonce(name, i), aad, bytes, 0, bytes.length)).toBe(i * 7)
      expect(bytes.subarray(0, i * 7).every(byte => byte === i)).toBe(true)
    }
  })

  test('rows outside of the slab and rows of a destroyed key fail, and the others work', () => {
    const good = crypto.aead('aes-256-gcm', key('aes-256-gcm'))
    const gone = crypto.aead('aes-256-gcm', key('aes-256-gcm'))
    gone.destroy()
    expect([good.isDestroyed, gone.isDestroyed]).toEqual([false, true])
    const slab = new Uint8Array(100)
    const rows = new AeadRows()
    rows.add(good, 0, 10, 10, 20)
    rows.add(gone, 0, 10, 10, 20)
    for (const [aadStart, aadEnd, start, end] of [
      [0, 0, 90, 90],
      [0, 101, 10, 20],
      [-1, 5, 10, 20],
      [9, 5, 10, 20],
      [0, 5, 20, 10],
      [0, 5, -20, 10],
      [0, 5, 10, 2 ** 31 - 1],
    ] as const)
      rows.add(good, aadStart, aadEnd, start, end)
    expect(crypto.sealBatch(slab, rows)).toBe(1)
    expect([...Array(rows.count).keys()].map(i => rows.result(i))).toEqual([26, -1, -1, -1, -1, -1, -1, -1, -1])
    rows.clear()
    rows.add(good, 0, 10, 10, 36)
    rows.add(good, 0, 0, 0, 15)
    expect(crypto.openBatch(slab, rows)).toBe(1)
    expect([rows.result(0), rows.result(1)]).toEqual([10, -1])
  })

  test('misuse is told: lengths of keys and nonces, no room for the tag, a destroyed key', () => {
    expect(() => crypto.aead('aes-128-gcm', new Uint8Array(32))).toThrow(RangeError)
    const cipher = crypto.aead('chacha20-poly1305', new Uint8Array(32))
    const bytes = new Uint8Array(20)
    const none = new Uint8Array(0)
    expect(() => cipher.seal(new Uint8Array(11), none, bytes, 0, 4)).toThrow(RangeError)
    expect(() => cipher.seal(new Uint8Array(12), none, bytes, 0, 5)).toThrow(RangeError)
    expect(() => cipher.open(new Uint8Array(12), none, bytes, 4, 21)).toThrow(RangeError)
    expect(cipher.open(new Uint8Array(12), none, bytes, 0, 15)).toBe(-1)
    cipher.destroy()
    cipher.destroy()
    expect(() => cipher.seal(new Uint8Array(12), none, bytes, 0, 4)).toThrow('the key was destroyed')
    expect(() => cipher.open(new Uint8Array(12), none, bytes, 0, 16)).toThrow('the key was destroyed')
    const curve = crypto.curve('25519')
    expect(() => curve.shared(new Uint8Array(31), new Uint8Array(32))).toThrow()
    expect(() => curve.publicKey(new Uint8Array(33))).toThrow()
  })

  test('both sides of X25519 get the same secret, whoever computes it, and a point of low order gives zero', () => {
    const [mine, theirs] = [crypto.curve('25519'), noble.curve('25519')]
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), secret => {
        const peer = Uint8Array.from(secret, byte => byte ^ 0x5a)
        expect(hex(mine.publicKey(secret))).toBe(hex(theirs.publicKey(secret)))
        const shared = hex(mine.shared(secret, theirs.publicKey(peer)))
        expect(shared).toBe(hex(theirs.shared(peer, mine.publicKey(secret))))
      }),
      { numRuns: 5 },
    )
    expect(hex(mine.shared(new Uint8Array(32).fill(1), new Uint8Array(32)))).toBe('00'.repeat(32))
  })
})

describe('which provider is used', () => {
  afterEach(() => {
    preferProvider(undefined)
    allowNative()
  })

  test('the native one where it is here, else that of Node; any can be asked for', () => {
    expect(chooseProvider().name).toBe(addon === undefined ? 'node' : 'native')
    for (const name of ['node', 'noble'] as const) expect(chooseProvider(name).name).toBe(name)
    preferProvider('noble')
    expect(chooseProvider().name).toBe('noble')
    expect(() => chooseProvider('openssl')).toThrow(
      'there is no crypto provider "openssl"; there are native, node, noble',
    )
    expect(() => preferProvider('openssl')).toThrow('there is no crypto provider')
  })

  test('who refuses the accelerator gets node:crypto, and is told why the native one is not available', () => {
    refuseNative('refused by --no-native')
    expect(chooseProvider().name).toBe('node')
    expect(() => chooseProvider('native')).toThrow(
      'the crypto provider "native" is not available: refused by --no-native',
    )
  })
})

// The Noise framework against published vectors with both providers, and what vectors cannot show: fallback, turns,
// low-order keys, spent nonces.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { noble } from '../../runtime/crypto/noble.ts'
import { node } from '../../runtime/crypto/node.ts'
import { NoiseHandshake } from '../../runtime/crypto/noise/handshake.ts'
import { parseProtocolName } from '../../runtime/crypto/noise/pattern.ts'
import { CipherState } from '../../runtime/crypto/noise/symmetric.ts'
import { chooseProvider } from '../../runtime/native/choose.ts'
import { native } from '../../runtime/native/load.ts'
import { runNoise } from './vectors.ts'

const PROVIDERS_HERE = native().addon === undefined ? [node, noble] : [chooseProvider('native'), node, noble]

const VECTORS = readFileSync(new URL('./vectors/noise.json', import.meta.url), 'utf8')
const secret = (fill: number) => new Uint8Array(32).fill(fill)
const text = (s: string) => new TextEncoder().encode(s)

describe.each(PROVIDERS_HERE)('provider $name', crypto => {
  test('both sides agree with every published vector, to the byte and to the handshake hash', () => {
    const report = runNoise(VECTORS, crypto)
    expect(report.failed).toEqual([])
    expect(report.passed).toBe(report.total)
    expect(report.total).toBeGreaterThan(80)
  })

  test('a responder that cannot read IK falls back to XXfallback and both get the same keys', () => {
    const full = parseProtocolName('Noise_IK_25519_ChaChaPoly_BLAKE2s')
    const fallback = parseProtocolName('Noise_XXfallback_25519_ChaChaPoly_BLAKE2s')
    const stale = crypto.curve('25519').publicKey(secret(9)) // the key the server had yesterday
    const first = new NoiseHandshake({
      suite: full,
      crypto,
      initiator: true,
      static: secret(1),
      ephemeral: secret(2),
      remoteStatic: stale,
    })
    const message = first.write(text('early'))
    const refused = new NoiseHandshake({ suite: full, crypto, initiator: false, static: secret(3) })
    expect(refused.read(message)).toBeUndefined()
    expect(refused.failure).toBe('OpenFailed')

    const initiatorEphemeral = message.slice(0, 32)
    const server = new NoiseHandshake({
      suite: fallback,
      crypto,
      initiator: false,
      static: secret(3),
      ephemeral: secret(4),
      remoteEphemeral: initiatorEphemeral,
    })
    const client = new NoiseHandshake({
      suite: fallback,
      crypto,
      initiator: true,
      static: secret(1),
      ephemeral: secret(2),
    })
    expect(server.writes).toBe(true)
    expect(client.read(server.write(text('new key')))).toEqual(text('new key'))
    expect(server.read(client.write(text('hello')))).toEqual(text('hello'))
    const [a, b] = [client.split(), server.split()]
    const sealed = a.send.encrypt(text(''), text('over'))
    expect(b.receive.decrypt(text(''), sealed)).toEqual(text('over'))
  })

  test('an all-zero shared secret is refused, and accepted only where a profile says so', () => {
    const suite = parseProtocolName('Noise_NN_25519_AESGCM_SHA256')
    const lowOrder = new Uint8Array(32)
    const responder = (acceptZero: boolean) =>
      new NoiseHandshake({ suite, crypto, initiator: false, ephemeral: secret(5), acceptZero })
    const strict = responder(false)
    strict.read(lowOrder)
    expect(() => strict.write(text(''))).toThrow(/all zero/)
    const lax = responder(true)
    lax.read(lowOrder)
    expect(lax.write(text('')).length).toBe(48)
  })

  test('rekeying both ends keeps them in step and changes the bytes', () => {
    const suite = parseProtocolName('Noise_NN_25519_ChaChaPoly_SHA256')
    const [a, b] = [new CipherState(suite, crypto, secret(7)), new CipherState(suite, crypto, secret(7))]
    const before = a.encrypt(text(''), text('same'))
    b.decrypt(text(''), before)
    a.rekey()
    b.rekey()
    expect(b.decrypt(text(''), a.encrypt(text(''), text('after')))).toEqual(text('after'))
  })

  test('a cipher refuses to seal when its nonces are spent', () => {
    const suite = parseProtocolName('Noise_NN_25519_AESGCM_SHA256')
    const cipher = new CipherState(suite, crypto, secret(8))
    cipher.counter = 0xffff_ffff_ffff_ffffn
    expect(() => cipher.encrypt(text(''), text('x'))).toThrow(/spent/)
  })
})

describe('misuse is told in a sentence', () => {
  test('an unknown pattern, curve, cipher, hash or modifier is named', () => {
    expect(() => parseProtocolName('Noise_XZ_25519_AESGCM_SHA256')).toThrow(/pattern "XZ"/)
    expect(() => parseProtocolName('Noise_XX_P256_AESGCM_SHA256')).toThrow(/curve "P256"/)
    expect(() => parseProtocolName('Noise_XX_25519_RC4_SHA256')).toThrow(/cipher "RC4"/)
    expect(() => parseProtocolName('Noise_XX_25519_AESGCM_MD5')).toThrow(/hash "MD5"/)
    expect(() => parseProtocolName('Noise_XXhfs_25519_AESGCM_SHA256')).toThrow(/modifier "hfs"/)
    expect(() => parseProtocolName('Noise_IKfallback_25519_AESGCM_SHA256')).toThrow(/cannot be a fallback/)
  })

  test('writing out of turn and splitting too early throw, reading out of turn is refused', () => {
    const suite = parseProtocolName('Noise_NN_25519_AESGCM_SHA256')
    const initiator = new NoiseHandshake({ suite, crypto: node, initiator: true, ephemeral: secret(1) })
    expect(() => initiator.split()).toThrow(/not finished/)
    expect(initiator.read(text('x'))).toBeUndefined()
    expect(initiator.failure).toBe('OutOfTurn')
    initiator.write(text(''))
    expect(() => initiator.write(text(''))).toThrow(/turn of the peer/)
  })
})

// Stopgap until runtime/crypto/seal and runtime/guard are merged.
import { hmac_sha256 } from '../crypto/hash.ts'
import type { Aead } from '../crypto/provider.ts'
import { type Batch, type Instant, NEVER } from './machine.ts'
import type { SessionKeys } from './noise-exchange.ts'
import type { TaggedBatch } from './packets.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { DoorParts } from './secure-door.ts'
import type { ConnectionSeal, SecureHost } from './secure-host.ts'

export function makeSeal(host: SecureHost, _c: SecureConnection, keys: SessionKeys, _now: Instant): ConnectionSeal {
  const { seal, layout } = host.secure
  const send = host.crypto.aead(seal.aead, keys.send)
  const receive = host.crypto.aead(seal.aead, keys.receive)
  let counter = BigInt(seal.counter.start)
  const place = seal.counter.place!
  const seen = new Set<bigint>()
  const nonceOf = (bytes: Uint8Array, start: number, count: bigint): Uint8Array => {
    const parts = seal.nonce.flatMap(part => {
      if (part.is === 'bytes') return [...part.bytes]
      if (part.is === 'frame') return [...bytes.subarray(start + part.at, start + part.at + part.size)]
      return Array.from({ length: part.size }, (_, i) => Number((count >> BigInt(8 * (part.size - 1 - i))) & 0xffn))
    })
    return Uint8Array.from(parts)
  }
  const run = (aead: Aead, open: boolean, bytes: Uint8Array, start: number, end: number, count: bigint): number => {
    const aad = bytes.slice(start + layout.aadFrom, start + layout.aadTo)
    const nonce = nonceOf(bytes, start, count)
    return open
      ? aead.open(nonce, aad, bytes, start + layout.sealedAt, end)
      : aead.seal(nonce, aad, bytes, start + layout.sealedAt, end - 16)
  }
  return {
    deadline: NEVER,
    wake() {},
    destroy() {
      send.destroy()
      receive.destroy()
    },
    open(_now: Instant, batch: Batch, from: number, to: number, results: Int32Array) {
      for (let i = from; i < to; i++) {
        const start = batch.offsets[i] as number
        const end = start + (batch.lengths[i] as number)
        let count = 0n
        for (let k = 0; k < place.size; k++) count = (count << 8n) | BigInt(batch.slab[start + place.at + k] as number)
        if (seen.has(count)) results[i] = -2
        else {
          results[i] = run(receive, true, batch.slab, start, end, count)
          if ((results[i] as number) >= 0) seen.add(count)
        }
      }
    },
    seal(_now: Instant, batch: TaggedBatch<SecureConnection>, from: number, to: number) {
      for (let i = from; i < to; i++) {
        const start = batch.offsets[i] as number
        for (let k = 0; k < place.size; k++)
          batch.slab[start + place.at + k] = Number((counter >> BigInt(8 * (place.size - 1 - k))) & 0xffn)
        run(send, false, batch.slab, start, start + (batch.lengths[i] as number), counter++)
      }
    },
  }
}

export function guardsOf(host: SecureHost): Pick<DoorParts, 'cookies' | 'attempts'> {
  const secret = host.shared.random(32)
  const slot = (now: Instant): number => Math.floor(now / 10_000)
  const mac = (n: number, over: Uint8Array): Uint8Array =>
    hmac_sha256(secret, Uint8Array.of(n & 255), over).slice(0, 16)
  const attempts = new Map<string, SecureConnection | 'over'>()
  return {
    cookies: {
      challenge: (now, over) => mac(slot(now), over),
      isValid: (now, cookie, over) =>
        [slot(now), slot(now) - 1].some(n => mac(n, over).every((byte, i) => byte === cookie[i])),
    },
    attempts: {
      get: (_now, key) => attempts.get(key),
      begin: (key, connection) => void attempts.set(key, connection),
      end: (_now, key) => void attempts.set(key, 'over'),
    },
  }
}

// Stopgap until runtime/crypto/seal and runtime/guard are merged.
import { hmac_sha256 } from '../crypto/hash.ts'
import type { Instant } from './machine.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { DoorParts } from './secure-door.ts'
import type { SecureHost } from './secure-host.ts'

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

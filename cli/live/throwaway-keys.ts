// Keys of a Noise handshake for a run that nobody else takes part in: one pair for both sides, pinned by each, and what they
// share. Which params they are is seen from what the handshake reads.

import { randomBytes } from 'node:crypto'
import { paramsRead } from '../../runtime/core/params.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { node } from '../../runtime/crypto/node.ts'

/** Values for `--set` of the keys that have none. Empty where the handshake needs none, or some were given. */
export function throwawayKeys(protocol: ProtocolDescriptor, given: Readonly<Record<string, unknown>>): string[] {
  const noise = protocol.handshake?.script?.noise
  if (noise === undefined) return []
  const own = typeof noise.static === 'function' ? paramsRead(noise.static) : []
  const pinned = [...Object.values(noise.remote), ...Object.values(noise.accept)].flatMap(paramsRead)
  const shared = paramsRead(noise.psk)
  const secret = Uint8Array.from(randomBytes(noise.suite.includes('_448_') ? 56 : 32))
  const open = node.curve(noise.suite.includes('_448_') ? '448' : '25519').publicKey(secret)
  const set: string[] = []
  const give = (names: readonly string[], value: Uint8Array): void => {
    for (const name of new Set(names)) if (!(name in given)) set.push(`${name}=0x${Buffer.from(value).toString('hex')}`)
  }
  // A key that is pinned already belongs to a secret that only the user has.
  if (![...own, ...pinned].some(name => name in given)) {
    give(own, secret)
    give(pinned, open)
  }
  give(shared, randomBytes(32))
  return set
}

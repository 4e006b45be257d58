// Params for both sides of a simulation, where the user gave none: key pairs that belong together, and equal secrets.

import type { Protocol } from '../../generator/model/model.ts'
import type { ProtocolDescriptor, RoleDescriptor } from '../../runtime/core/protocol.ts'
import type { CryptoProvider } from '../../runtime/crypto/provider.ts'
import type { SimRandom } from '../../runtime/sim/random.ts'
import { usage } from '../failure.ts'

export type Params = Readonly<Record<string, unknown>>

/** What each side is given: its own secrets, the public keys of the other, and what both must have alike. */
export function simulatedParams(
  protocol: Protocol,
  descriptor: ProtocolDescriptor,
  [client, server]: readonly [RoleDescriptor, RoleDescriptor],
  given: Params,
  random: SimRandom,
  crypto: CryptoProvider,
): readonly [Params, Params] {
  const handshake = (protocol.document.handshake ?? {}) as Readonly<Record<string, unknown>>
  const own = paramOf(handshake.static)
  const keys = [client, server].map(() => random.bytes(32))
  const publicKeys = keys.map(secret => crypto.curve('25519').publicKey(secret))
  const sides = [client, server].map((role, i): Params => {
    const other = publicKeys[1 - i]!
    const values: Record<string, unknown> = { ...given }
    const put = (name: string | undefined, value: unknown): void => {
      if (name !== undefined && !(name in given)) values[name] = value
    }
    put(own, keys[i])
    for (const section of [handshake.remote, handshake.accept]) {
      const name = paramOf(byRole(section, role))
      const param = descriptor.params.find(one => one.name === name)
      if (param?.required) put(name, param.type.kind === 'list' ? [other] : other)
    }
    return values
  }) as [Params, Params]
  return share(sides, descriptor, [client, server], random)
}

/** Required bytes that nobody gave, the same on both sides. */
function share(
  sides: readonly [Params, Params],
  descriptor: ProtocolDescriptor,
  roles: readonly [RoleDescriptor, RoleDescriptor],
  random: SimRandom,
): readonly [Params, Params] {
  const shared: Record<string, unknown> = {}
  for (const { name, required, type, for: needs } of descriptor.params) {
    if (!required || sides.every(side => name in side)) continue
    const isNeeded = roles.some(
      (role, i) => !(name in sides[i]!) && (needs.length === 0 || needs.some(one => role.is.includes(one))),
    )
    if (!isNeeded) continue
    if (type.kind !== 'bytes' || type.size === undefined)
      throw usage(`the param ${name} has no value: give it with --set ${name}=VALUE`)
    shared[name] = random.bytes(type.size)
  }
  return [
    { ...shared, ...sides[0] },
    { ...shared, ...sides[1] },
  ]
}

function byRole(section: unknown, role: RoleDescriptor): unknown {
  if (typeof section !== 'object' || section === null) return section
  return Object.entries(section).find(([name]) => role.is.includes(name))?.[1]
}

function paramOf(text: unknown): string | undefined {
  return /^param\.(\w+)$/.exec(String(text ?? ''))?.[1]
}

// The connections of an endpoint with sealed datagrams, by their ids.
import { expect, test } from 'vitest'
import type { IdsDescriptor } from '../../runtime/core/handshake-descriptor.ts'
import { instant } from '../../runtime/core/machine.ts'
import type { SecureConnection } from '../../runtime/core/secure-connection.ts'
import { SecurePeers } from '../../runtime/core/secure-peers.ts'
import { SimRandom } from '../../runtime/sim/random.ts'

test('when all ids of one byte are taken there is none, and one that is given back rests first', () => {
  const random = new SimRandom(1)
  const ids = { place: { at: 0, size: 1, little: false } } as IdsDescriptor
  const peers = new SecurePeers(ids, n => random.bytes(n))
  const all = Array.from({ length: 255 }, () => {
    const one = connection(peers.draw(instant(0)) as number)
    peers.add(one)
    return one
  })
  expect(new Set(all.map(({ ownId }) => ownId)).size).toBe(255)
  expect(peers.find(Uint8Array.of(all[9]!.ownId), 0, 1, 'a:1')).toBe(all[9])
  expect(peers.draw(instant(0))).toBeUndefined()
  peers.delete(all[9]!, instant(0))
  expect([peers.size, peers.draw(instant(29_999)), peers.draw(instant(30_000))]).toEqual([
    254,
    undefined,
    all[9]!.ownId,
  ])
})

test('a schema without ids needs none', () => {
  const peers = new SecurePeers(undefined, () => new Uint8Array(0))
  expect([peers.draw(instant(0)), peers.mayExpect(0)]).toEqual([0, true])
})

/** What the table looks at. */
function connection(ownId: number): SecureConnection {
  return { ownId, place: -1, at: 0, deadline: Number.POSITIVE_INFINITY } as unknown as SecureConnection
}

// The lifecycle contract at the end of a connection: what OnDisconnect may count on, and what its timeouts cut. On the virtual
// network: a time in here is exact.
import { expect, test } from 'vitest'
import { bytes, codeOf, link, network, testNode, text } from './harness.ts'

test('OnDisconnect fires exactly once, however many causes compete, and the first one is its origin', async () => {
  const net = network()
  const near = testNode(net, {}, { onDisconnect: () => net.sleep(50) })
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  const first = connection.disconnect()
  const second = connection.disconnect()
  void far.node.shutDown()
  void near.node.shutDown()
  expect(await net.settled(second)).toBe(false)
  expect(await net.settled(first)).toBe(true)
  await net.play(500)
  expect(near.journal.disconnected.map(d => d.origin)).toEqual(['User'])
})

test('OnDisconnect fires at both ends: User at the one that left, Reading at the other', async () => {
  const net = network()
  const near = testNode(net)
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  await net.settled(connection.disconnect())
  await net.play(10)
  expect(near.journal.disconnected.map(d => d.origin)).toEqual(['User'])
  expect(far.journal.disconnected.map(d => d.origin)).toEqual(['Reading'])
})

test('during OnDisconnect the connection counts, may not be dialled again, and still carries messages', async () => {
  const net = network()
  const seen: unknown[] = []
  const far = testNode(net)
  const near = testNode(
    net,
    {},
    {
      onDisconnect: async connection => {
        seen.push(near.node.isConnected(connection.address), near.node.connectedCount)
        seen.push(await codeOf(near.node.connect(connection.address)))
        await connection.unicast(bytes('bye'))
        seen.push('sent')
      },
    },
  )
  const connection = await link(net, near.node, far.node)
  await net.settled(connection.disconnect())
  await net.play(10)
  expect(seen).toEqual([true, 1, 'AlreadyExists', 'sent'])
  expect(far.journal.messages.map(text)).toEqual(['bye'])
  expect(near.node.connectedCount).toBe(0)
})

test('messages may still be handled during OnDisconnect, and none after removal', async () => {
  const net = network()
  const near = testNode(net)
  const far = testNode(net, {}, { onDisconnect: () => net.sleep(20) })
  const connection = await link(net, near.node, far.node)
  const [behind] = far.node.connections
  const gone = behind!.disconnect()
  await connection.unicast(bytes('still'))
  await net.play(10)
  expect(far.journal.messages.map(text)).toEqual(['still'])
  await net.settled(gone)
  expect(() => connection.unicastFast(bytes('late'))).not.toThrow()
  await net.play(10)
  expect(far.journal.messages.map(text)).toEqual(['still'])
})

test('a slow OnDisconnect is cut at its timeout, told so, and the connection goes without it', async () => {
  const net = network()
  let wasTold = false
  const near = testNode(
    net,
    { hooks: { onDisconnect: { timeout: 200 } } },
    {
      onDisconnect: (_, _origin, signal) => {
        signal.addEventListener('abort', () => (wasTold = true))
        return net.sleep(60_000)
      },
    },
  )
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  const from = net.now
  expect(await net.settled(connection.disconnect())).toBe(true)
  expect(net.now - from).toBe(200)
  expect({ wasTold, count: near.node.connectedCount }).toEqual({ wasTold: true, count: 0 })
})

test('a disconnect whose caller gives up removes the connection at once and frees its address', async () => {
  const net = network()
  const near = testNode(net, { limits: { connectionsPerAddress: 1 } }, { onDisconnect: () => net.sleep(60_000) })
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  const gives = new AbortController()
  const gone = connection.disconnect(gives.signal)
  await net.play(10)
  expect(near.node.connectedCount).toBe(1)
  gives.abort()
  await net.settled(gone)
  expect(near.node.connectedCount).toBe(0)
  const again = testNode(net)
  await link(net, near.node, again.node)
  const from = net.now
  const bound = new AbortController()
  const end = near.node.shutDown(bound.signal)
  bound.abort()
  await codeOf(net.settled(end))
  expect(net.now - from).toBeLessThan(2000)
})

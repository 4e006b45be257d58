// Peers that mean harm: slow ones, silent ones, many, garbage. In every case honest peers notice nothing, memory stays within its bounds, and
// the node is as empty afterwards as before. On the virtual network; the same over real sockets is test/chaos and test/interop.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exampleNoise, type NoiseNode, noiseMessage } from '../../examples/pea2pea/noise-handshake.ts'
import { Node, type NodeOptions } from '../../runtime/service/node/index.ts'
import type { NodeNetwork, RawPeer } from '../../runtime/sim/index.ts'
import { bytes, codeOf, link, network, type TestNode, testNode } from './harness.ts'

/** A node under attack and an honest peer that talks to it once a virtual 10 ms. */
async function scene(
  net: NodeNetwork,
  options: Parameters<typeof testNode>[1] = {},
  hooks: Parameters<typeof testNode>[2] = {},
) {
  const victim = testNode(net, options, { reading: (message, from) => from.unicastFast(message), ...hooks })
  const honest = testNode(
    net,
    { hooks: { reading: { idle: 0 } } },
    hooks.handshake === undefined ? {} : { handshake: hooks.handshake },
    '10.0.0.1',
  )
  const connection = await link(net, honest.node, victim.node)
  let said = 0
  const say = (): void => {
    connection.unicastFast(bytes(`word ${said++}`))
    net.after(10, say)
  }
  say()
  return {
    victim,
    honest,
    /** Every word came back, but for those under way. */
    isUnaffected: () => honest.node.connectedCount === 1 && honest.journal.messages.length >= said - 2,
  }
}

async function attackers(net: NodeNetwork, victim: TestNode, count: number): Promise<RawPeer[]> {
  const peers: RawPeer[] = []
  for (let i = 0; i < count; i++) peers.push(await net.raw(victim.node.listeningAddress, `10.1.${i >> 8}.${i & 255}`))
  return peers
}

describe('slow peers', () => {
  test('a byte a second without ever finishing a frame ends at the idle time, whatever trickles', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(net, { hooks: { reading: { idle: 5000 } } })
    const slow = await attackers(net, victim, 20)
    for (const peer of slow) peer.write(0xff, 0xff)
    const drip = (): void => {
      for (const peer of slow) if (!peer.isOver) peer.write(1)
      if (net.now < 20_000) net.after(1000, drip)
    }
    drip()
    await net.play(4000)
    expect(victim.node.connectedCount).toBe(21)
    await net.play(3000)
    expect(slow.every(peer => peer.isOver)).toBe(true)
    expect([victim.node.connectedCount, victim.node.heuristics.idleTimeouts]).toEqual([1, 20])
    expect(isUnaffected()).toBe(true)
    expect(victim.node.memory.held).toBeLessThan(4096 * 2)
  })

  test('a frame that is announced and never finished takes memory for the bytes that came, not for those announced', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(net)
    for (const peer of await attackers(net, victim, 50)) peer.write(0xff, 0xff, 1, 2, 3)
    await net.play(50)
    expect(victim.node.memory.held).toBeLessThanOrEqual(50 * 4096)
    await net.play(70_000)
    expect([victim.node.connectedCount, victim.node.memory.held]).toEqual([1, 0])
    expect(isUnaffected()).toBe(true)
  })

  test('a peer that never reads is dropped at the write timeout, and what waited for it is bounded until then', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(net, { hooks: { writing: { timeout: 1000, queue: 8 } } })
    const [deaf] = await attackers(net, victim, 1)
    deaf!.port.pause()
    await net.play(5)
    const connection = victim.node.connections.find(c => c.address.startsWith('10.1.'))!
    let taken = 0
    let refused = 0
    for (let i = 0; i < 200; i++) {
      try {
        connection.unicastFast(new Uint8Array(30_000))
        taken++
      } catch (error) {
        expect(error).toMatchObject({ code: 'QuotaExceeded' })
        refused++
      }
    }
    expect(taken).toBeLessThan(20)
    expect(refused).toBeGreaterThan(180)
    await net.play(1500)
    expect([victim.node.connectedCount, victim.node.heuristics.writeTimeouts]).toEqual([1, 1])
    expect(isUnaffected()).toBe(true)
  })

  test('unfinished messages of all peers together have one bound: whoever goes beyond it goes', async () => {
    const net = network()
    const victim = testNode(net, { limits: { memory: 20_000 } })
    await net.settled(victim.node.toggleListener())
    const peers = await attackers(net, victim, 10)
    for (const peer of peers) peer.write(0xff, 0xff, ...new Uint8Array(3000))
    await net.play(50)
    expect(victim.node.memory.held).toBeLessThanOrEqual(20_000)
    expect(peers.filter(peer => peer.isOver)).toHaveLength(6)
  })
})

describe('floods', () => {
  test('silent connections beyond the setup budget wait in a bounded queue, the rest are closed; an honest peer keeps talking', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(
      net,
      { backlog: 20, limits: { connections: 1000, handshakes: 10 }, hooks: { handshake: { timeout: 1000 } } },
      {
        handshake: async stream =>
          stream.address.startsWith('10.0') || stream.side === 'initiator' ? undefined : void (await stream.read(1)),
      },
    )
    const flood = await attackers(net, victim, 200)
    await net.play(10)
    expect(victim.node.connectingCount).toBe(10)
    expect(flood.filter(peer => peer.isOver)).toHaveLength(170)
    expect(victim.node.heuristics.inboundConnectionsRejected).toBe(170)
    expect(isUnaffected()).toBe(true)
    await net.play(5000)
    expect([victim.node.connectingCount, victim.node.connectedCount, victim.node.heuristics.handshakeTimeouts]).toEqual(
      [0, 1, 30],
    )
    expect(victim.node.table.addresses).toBe(1)
  })

  test('a flood from one address uses up its own share, and nobody else finds the door closed', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(net, { limits: { connections: 100, connectionsPerAddress: 5 } })
    for (let i = 0; i < 300; i++) await net.raw(victim.node.listeningAddress, '10.6.6.6')
    await net.play(10)
    expect(victim.node.connectedCount).toBe(6)
    await link(net, testNode(net, {}, {}, '10.0.0.2').node, victim.node)
    expect(victim.node.connectedCount).toBe(7)
    expect(isUnaffected()).toBe(true)
  })

  test('half open connections, ended on their side at once, are gone at once', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(net)
    for (const peer of await attackers(net, victim, 90)) peer.port.end()
    await net.play(20)
    expect([victim.node.connectedCount, victim.node.table.addresses]).toEqual([1, 1])
    expect(isUnaffected()).toBe(true)
  })

  test('connections that are made and reset, thousands of times, leave nothing behind', async () => {
    const net = network()
    const { victim, isUnaffected } = await scene(net)
    for (let i = 0; i < 3000; i++) {
      const peer = await net.raw(victim.node.listeningAddress, `10.2.${i & 255}.1`)
      if (i % 3 === 0) peer.write(0, 4, 1)
      peer.port.destroy()
    }
    await net.play(50)
    expect([
      victim.node.connectedCount,
      victim.node.connectingCount,
      victim.node.table.addresses,
      victim.node.memory.held,
    ]).toEqual([1, 0, 1, 0])
    expect(victim.journal.connected).toHaveLength(victim.journal.disconnected.length + 1)
    expect(isUnaffected()).toBe(true)
  })
})

describe('garbage', () => {
  test('any bytes, cut anyhow, end at most their own connection', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }),
        fc.nat(),
        async (chunks, seed) => {
          const net = network(seed)
          const { victim, isUnaffected } = await scene(net, { hooks: { reading: { idle: 1000 } } })
          const peer = await net.raw(victim.node.listeningAddress, '10.1.1.1')
          for (const chunk of chunks) {
            if (!peer.isOver) peer.write(...chunk)
            await net.play(2)
          }
          await net.play(3000)
          expect(victim.node.connectedCount).toBe(1)
          expect(victim.node.memory.held).toBe(0)
          expect(isUnaffected()).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('fuzzed Noise handshakes fail by themselves: cut, changed, repeated, or of another key', async () => {
    const net = network()
    const victim = noiseNode(net, { hooks: { handshake: { timeout: 300 } } })
    await net.settled(victim.toggleListener())
    const good = await firstMessage(net)
    for (let i = 0; i < 150; i++) {
      const peer = await net.raw(victim.listeningAddress)
      const message = Uint8Array.from(good)
      const kind = i % 4
      if (kind === 0) message[2 + net.random.below(message.length - 2)]! ^= 1 << net.random.below(8)
      if (kind === 2) message.fill(net.random.below(256), 2)
      peer.write(...(kind === 1 ? message.subarray(0, net.random.below(message.length)) : message))
      if (kind === 3) peer.write(...message)
      if (i % 2 === 0) peer.port.end()
      await net.play(3)
    }
    await net.play(1000)
    expect([victim.connectedCount, victim.connectingCount, victim.table.addresses, victim.sendable.size]).toEqual([
      0, 0, 0, 0,
    ])
    const honest = noiseNode(net)
    const connection = await net.settled(honest.connect(victim.listeningAddress))
    await connection.unicast(noiseMessage(bytes('honest')))
    await net.play(20)
    expect(victim.stats.messagesReceived).toBe(1)
  })

  test('a record that was changed on its way ends the connection', async () => {
    const net = network()
    const far = noiseNode(net)
    await net.settled(far.toggleListener())
    const near = noiseNode(net)
    const connection = await net.settled(near.connect(far.listeningAddress))
    const { write } = connection.port
    connection.port.write = chunk => {
      chunk[chunk.length - 1]! ^= 1
      write.call(connection.port, chunk)
    }
    await connection.unicast(noiseMessage(bytes('a secret')))
    await net.play(20)
    expect([far.connectedCount, far.stats.messagesReceived]).toEqual([0, 0])
  })
})

test('an attacker who fills every place cannot keep a peer out that this node dials itself, where the budgets are apart', async () => {
  const net = network()
  const victim = testNode(net, { limits: { connections: 50, inbound: 30, outbound: 20 } })
  await net.settled(victim.node.toggleListener())
  await attackers(net, victim, 100)
  await net.play(10)
  expect(victim.node.connectedCount).toBe(30)
  const friend = testNode(net)
  expect(await codeOf(link(net, victim.node, friend.node))).toBe('none')
})

function noiseNode(net: NodeNetwork, options: NodeOptions = {}): NoiseNode {
  const wire = exampleNoise()
  return wire
    .node({ listener: '127.0.0.1:0', limits: { connectionsPerAddress: 1000 }, ...options }, { network: net.at() })
    .enableReading(wire.reading({}))
    .enableWriting(wire.writing)
}

/** The first message of an honest handshake. */
async function firstMessage(net: NodeNetwork): Promise<Uint8Array> {
  const listener = new Node({ listener: '127.0.0.1:0' }, { network: net.at() })
  let seen: Uint8Array = new Uint8Array(0)
  listener.enableHandshake(async stream => {
    seen = await stream.read(50)
  })
  await net.settled(listener.toggleListener())
  void noiseNode(net)
    .connect(listener.listeningAddress)
    .catch(() => {})
  await net.play(20)
  return seen
}

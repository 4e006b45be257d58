// What travels between two nodes: messages sent to one or all, what bounds them, and how they are read. On the virtual clock.
import { describe, expect, test } from 'vitest'
import { bytes, codeOf, link, network, testNode, text } from './harness.ts'

describe('sending', () => {
  test('without Writing nothing is sent: Unsupported', async () => {
    const net = network()
    const near = testNode(net, {}, { writing: false })
    const connection = await link(net, near.node, testNode(net).node)
    for (const send of [
      () => near.node.unicast(connection.address, bytes('x')),
      () => connection.unicastFast(bytes('x')),
      () => near.node.broadcast(bytes('x')),
    ])
      expect(send).toThrow(expect.objectContaining({ code: 'Unsupported' }))
  })

  test('to somebody unknown nothing is sent: NotConnected', () => {
    const { node } = testNode(network())
    expect(() => node.unicast('127.0.0.1:1', bytes('x'))).toThrow(expect.objectContaining({ code: 'NotConnected' }))
    expect(() => node.unicastFast('127.0.0.1:1', bytes('x'))).toThrow(expect.objectContaining({ code: 'NotConnected' }))
  })

  test('a broadcast reaches every peer that has room', async () => {
    const net = network()
    const hub = testNode(net)
    const spokes = Array.from({ length: 4 }, () => testNode(net))
    for (const spoke of spokes) await link(net, spoke.node, hub.node)
    expect(hub.node.broadcast(bytes('all'))).toBe(4)
    await net.play(10)
    expect(spokes.map(s => s.journal.messages.map(text))).toEqual([['all'], ['all'], ['all'], ['all']])
  })

  test('a message that is too large is refused at the caller, and nothing else happens', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    const connection = await link(net, near.node, far.node)
    expect(() => connection.unicast(new Uint8Array(65_536))).toThrow(expect.objectContaining({ code: 'InvalidInput' }))
    await connection.unicast(bytes('on'))
    await net.play(5)
    expect(far.journal.messages.map(text)).toEqual(['on'])
  })

  test('where the crate is reproduced, a message that is too large ends the connection and its batch', async () => {
    const net = network()
    const near = testNode(net, { hooks: { writing: { rejectOversize: false } } })
    const far = testNode(net)
    const connection = await link(net, near.node, far.node)
    const batch = [connection.unicast(bytes('with it')), connection.unicast(new Uint8Array(65_536))]
    expect(await Promise.all(batch.map(codeOf))).toEqual(['InvalidInput', 'InvalidInput'])
    await net.play(10)
    expect(near.journal.disconnected.map(d => d.origin)).toEqual(['Writing'])
  })

  test('a full queue refuses with QuotaExceeded; send waits for room instead', async () => {
    const net = network()
    let release: () => void = () => {}
    const far = testNode(
      net,
      { hooks: { reading: { queue: 1 } } },
      { reading: () => new Promise<void>(r => (release = r)) },
    )
    const near = testNode(net, { hooks: { writing: { queue: 1 } } })
    const connection = await link(net, near.node, far.node)
    const large = new Uint8Array(50_000)
    let refused = 0
    for (let i = 0; i < 10; i++) {
      try {
        connection.unicastFast(large)
      } catch (error) {
        expect(error).toMatchObject({ code: 'QuotaExceeded' })
        refused++
      }
      await net.play(2)
    }
    expect(refused).toBeGreaterThan(3)
    let isSent = false
    void connection.send(large).then(() => (isSent = true))
    await net.play(100)
    expect(isSent).toBe(false)
    for (let i = 0; i < 10; i++) {
      release()
      await net.play(5)
    }
    expect(isSent).toBe(true)
    expect(near.node.connectedCount).toBe(1)
  })

  test('a batch that a peer does not take in time fails as TimedOut, and the connection goes with origin Writing', async () => {
    const net = network()
    const near = testNode(net, { hooks: { writing: { timeout: 200 } } })
    const far = testNode(net, {}, { reading: false })
    const connection = await link(net, near.node, far.node)
    const deliveries = Array.from({ length: 20 }, () => connection.unicast(new Uint8Array(10_000)))
    await net.play(199)
    expect(near.node.connectedCount).toBe(1)
    await net.play(10)
    expect(near.node.connectedCount).toBe(0)
    expect(new Set(await Promise.all(deliveries.map(codeOf)))).toEqual(new Set(['none', 'TimedOut', 'Dropped']))
    expect(near.node.heuristics.writeTimeouts).toBe(1)
    expect(near.journal.disconnected.map(d => d.origin)).toEqual(['Writing'])
  })
})

describe('reading', () => {
  test('an empty frame of a codec that wants none ends the connection; sending to it is NotConnected then', async () => {
    const net = network()
    const far = testNode(
      net,
      {},
      {
        reading: message => {
          if (message.length === 0) throw new Error('empty')
        },
      },
    )
    const near = testNode(net)
    await link(net, near.node, far.node)
    const [address] = far.node.connectedAddresses
    near.node.connections[0]!.unicastFast(new Uint8Array(0))
    await net.play(10)
    expect(far.journal.disconnected.map(d => d.origin)).toEqual(['Reading'])
    expect(() => far.node.unicast(address!, bytes('x'))).toThrow(expect.objectContaining({ code: 'NotConnected' }))
  })

  test('a stream that ends inside a message is an error, told once', async () => {
    const net = network()
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    const client = await net.raw(far.node.listeningAddress)
    client.write(0, 9, 1, 2)
    client.port.end()
    await net.play(10)
    expect(far.journal.faults.map(f => (f.error as { code?: string }).code)).toEqual(['InvalidData'])
    expect(far.journal.disconnected.map(d => d.origin)).toEqual(['Reading'])
  })

  test('a silent peer is dropped after the idle time and not before; idle 0 keeps it for ever', async () => {
    const net = network()
    const far = testNode(net, { hooks: { reading: { idle: 250 } } })
    const patient = testNode(net, { hooks: { reading: { idle: 0 } } })
    const near = testNode(net, { hooks: { reading: { idle: 0 } } })
    await link(net, near.node, far.node)
    await link(net, near.node, patient.node)
    await net.play(200)
    expect(far.node.connectedCount).toBe(1)
    await net.play(60)
    expect(far.node.connectedCount).toBe(0)
    expect([far, patient].map(n => n.node.heuristics.idleTimeouts)).toEqual([1, 0])
    await net.play(10_000_000)
    expect(patient.node.connectedCount).toBe(1)
  })

  test('a queue of one without backpressure handles fewer than were sent, and counts all', async () => {
    const net = network()
    const far = testNode(
      net,
      { hooks: { reading: { queue: 1, backpressure: false } } },
      { reading: () => net.sleep(20) },
    )
    const connection = await link(net, testNode(net).node, far.node)
    for (let i = 0; i < 25; i++) connection.unicastFast(bytes('x'))
    await net.play(1000)
    expect(far.node.stats.messagesReceived).toBe(25)
    expect(far.journal.messages.length).toBeLessThan(25)
    expect(far.node.heuristics.messagesDropped).toBe(25 - far.journal.messages.length)
  })

  test('time that a peer is kept waiting by a full queue does not count as its silence', async () => {
    const net = network()
    const far = testNode(net, { hooks: { reading: { queue: 1, idle: 100 } } }, { reading: () => net.sleep(90) })
    const near = testNode(net, { hooks: { reading: { idle: 0 } } })
    const connection = await link(net, near.node, far.node)
    for (let i = 0; i < 10; i++) await connection.send(bytes('x'))
    // Six times the idle time, of which nobody was ready to read.
    await net.play(600)
    expect([far.node.connectedCount, far.journal.messages.length]).toEqual([1, 7])
  })
})

// What a node does: listening, dialling, views, statistics, shutdown. The properties that the published implementation's own tests
// demand, each once, on the virtual clock.
import { describe, expect, test } from 'vitest'
import { Node, ShuttingDown } from '../../runtime/service/node/index.ts'
import { bytes, codeOf, link, network, testNode, text } from './harness.ts'

describe('names and listening', () => {
  test('a node without a name gets a number of its own; a name given is kept verbatim', () => {
    const [a, b] = [new Node(), new Node()]
    expect(Number(b!.name)).toBe(Number(a!.name) + 1)
    expect(new Node({ name: ' Größe ' }).name).toBe(' Größe ')
  })

  test('the listener goes on and off, any number of times: what is connected lives on, what dials is refused meanwhile', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    const connection = await link(net, near.node, far.node)
    const address = far.node.listeningAddress
    for (let turn = 0; turn < 3; turn++) {
      expect(await net.settled(far.node.toggleListener())).toBeUndefined()
      expect(() => far.node.listeningAddress).toThrow(expect.objectContaining({ code: 'AddrNotAvailable' }))
      expect(await codeOf(net.settled(testNode(net).node.connect(address)))).toBe('ConnectFailed')
      await connection.unicast(bytes('on'))
      await net.play(5)
      expect(await net.settled(far.node.toggleListener())).toMatch(/^127\.0\.0\.1:\d+$/)
    }
    expect(far.journal.messages).toHaveLength(3)
  })

  test('two toggles in a row are one on and one off', async () => {
    const net = network()
    const { node } = testNode(net)
    const [on, off] = [node.toggleListener(), node.toggleListener()]
    expect(await net.settled(on)).toBeDefined()
    expect(await net.settled(off)).toBeUndefined()
    expect(node.isListening).toBe(false)
  })

  test('a node without a listening address never listens', async () => {
    const { node } = testNode(network(), { listener: 'none' })
    expect(await codeOf(node.toggleListener())).toBe('AddrNotAvailable')
  })
})

describe('dialling', () => {
  test('a node does not dial itself, also where it listens everywhere', async () => {
    const net = network()
    const { node } = testNode(net)
    await net.settled(node.toggleListener())
    expect(await codeOf(node.connect(node.listeningAddress))).toBe('AddrInUse')
    const wild = testNode(net, { listener: '0.0.0.0:0' }).node
    const { length } = '0.0.0.0:'
    const port = (await net.settled(wild.toggleListener()))!.slice(length)
    expect(await codeOf(wild.connect(`127.0.0.1:${port}`))).toBe('AddrInUse')
    expect(await codeOf(wild.connect(`127.9.9.9:${port}`))).toBe('AddrInUse')
    expect(wild.connectingCount).toBe(0)
  })

  test('the same address is dialled once, both directions at once are two connections', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    await link(net, near.node, far.node)
    expect(await codeOf(near.node.connect(far.node.listeningAddress))).toBe('AlreadyExists')
    await link(net, far.node, near.node)
    expect([near, far].map(n => n.node.connectedCount)).toEqual([2, 2])
  })

  test('of five dials to one address at once exactly four fail', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    await net.settled(far.node.toggleListener())
    const codes = Array.from({ length: 5 }, () => codeOf(near.node.connect(far.node.listeningAddress)))
    expect((await net.settled(Promise.all(codes))).sort()).toEqual([...Array(4).fill('AlreadyExists'), 'none'])
  })

  test('a dial that nobody answers ends at its timeout and gives its place back', async () => {
    const net = network()
    const { node } = testNode(net, { connectTimeout: 1 })
    const from = net.now
    expect(await codeOf(net.settled(node.connect('127.0.0.1:9')))).toBe('TimedOut')
    expect(net.now - from).toBe(1)
    expect([node.connectingCount, node.table.addresses]).toEqual([0, 0])
  })

  test('a dial whose caller gives up gives its place back at once', async () => {
    const net = network()
    const { node } = testNode(net)
    const gives = new AbortController()
    const dial = node.connect('127.0.0.1:9', { signal: gives.signal })
    await net.play(1)
    expect(node.isConnecting('127.0.0.1:9')).toBe(true)
    gives.abort(new Error('enough'))
    await expect(net.settled(dial)).rejects.toThrow('enough')
    expect(node.connectingCount).toBe(0)
  })

  test('the peer sees the address that a dial was made from', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    await net.settled(far.node.toggleListener())
    await net.settled(near.node.connect(far.node.listeningAddress, { source: { host: '127.0.0.77', port: 4711 } }))
    await net.play(5)
    expect(far.node.connectedAddresses).toEqual(['127.0.0.77:4711'])
  })

  test('an address that is none is refused with what to write', async () => {
    await expect(testNode(network()).node.connect('nonsense')).rejects.toThrow(/HOST:PORT/)
  })
})

describe('views', () => {
  test('a connection knows the side of its peer, and who asks for an unknown one gets nothing', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    const connection = await link(net, near.node, far.node)
    expect(connection.side).toBe('responder')
    expect(far.node.connections[0]?.side).toBe('initiator')
    expect(near.node.connection('127.0.0.1:1')).toBeUndefined()
  })

  test('all views agree while connections come and go', async () => {
    const net = network()
    const hub = testNode(net)
    const spokes = Array.from({ length: 5 }, () => testNode(net))
    const agree = (count: number): void => {
      const { connectedAddresses, connections, connectedCount } = hub.node
      expect(connectedCount).toBe(count)
      expect(connections.map(c => c.address)).toEqual(connectedAddresses)
      expect(connectedAddresses.every(a => hub.node.isConnected(a) && !hub.node.isConnecting(a))).toBe(true)
      expect(connectedAddresses.map(a => hub.node.connection(a)?.address)).toEqual(connectedAddresses)
    }
    for (const [i, spoke] of spokes.entries()) {
      await link(net, hub.node, spoke.node)
      agree(i + 1)
    }
    for (const [i, address] of hub.node.connectedAddresses.entries()) {
      expect(await net.settled(hub.node.disconnectFrom(address))).toBe(true)
      agree(4 - i)
    }
    await net.play(10)
    expect(spokes.map(s => s.node.connectedCount)).toEqual([0, 0, 0, 0, 0])
  })

  test('an address in its handshake is being connected, and connected afterwards', async () => {
    const net = network()
    let open: () => void = () => {}
    const gate = new Promise<void>(resolve => {
      open = resolve
    })
    const near = testNode(net, {}, { handshake: () => gate })
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    const address = far.node.listeningAddress
    const dial = near.node.connect(address)
    await net.play(50)
    expect([near.node.isConnecting(address), near.node.isConnected(address)]).toEqual([true, false])
    open()
    await net.settled(dial)
    expect([near.node.isConnecting(address), near.node.isConnected(address)]).toEqual([false, true])
  })

  test('disconnecting one of three leaves the others', async () => {
    const net = network()
    const hub = testNode(net)
    const spokes = Array.from({ length: 3 }, () => testNode(net))
    for (const spoke of spokes) await link(net, spoke.node, hub.node)
    await net.settled(spokes[1]!.node.disconnectFrom(hub.node.listeningAddress))
    await net.play(10)
    expect(hub.node.connectedCount).toBe(2)
    expect(spokes.map(s => s.node.connectedCount)).toEqual([1, 0, 1])
  })

  test('disconnecting from somebody unknown is false', async () => {
    expect(await testNode(network()).node.disconnectFrom('127.0.0.1:1')).toBe(false)
  })

  test('without Reading a node never notices that its peer left', async () => {
    const net = network()
    const near = testNode(net)
    const far = testNode(net, {}, { reading: false })
    const connection = await link(net, near.node, far.node)
    await connection.unicast(bytes('unheard'))
    await net.settled(connection.disconnect())
    await net.play(100_000)
    expect(far.node.connectedCount).toBe(1)
    expect({ ...far.node.stats }).toMatchObject({ messagesReceived: 0, bytesReceived: 0 })
  })
})

describe('statistics', () => {
  test('messages and bytes are exact at both ends, framing included', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    const connection = await link(net, near.node, far.node)
    for (const size of [0, 1, 10, 65_535]) await connection.send(new Uint8Array(size))
    await net.play(50)
    expect({ ...near.node.stats }).toEqual({
      messagesSent: 4,
      bytesSent: 65_546 + 8,
      messagesReceived: 0,
      bytesReceived: 0,
    })
    expect({ ...far.node.stats }).toEqual({ messagesSent: 0, bytesSent: 0, messagesReceived: 4, bytesReceived: 65_554 })
    expect(connection.traffic.messagesSent).toBe(4)
  })

  test("a node's statistics survive its connections, a connection's do not", async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    for (let turn = 1; turn <= 3; turn++) {
      const connection = await link(net, near.node, far.node)
      expect(connection.traffic.messagesSent).toBe(0)
      await connection.unicast(bytes('x'))
      await net.settled(connection.disconnect())
      await net.play(10)
      expect(near.node.stats.messagesSent).toBe(turn)
    }
  })

  test('an echo of messages not seen before comes back exactly as often', async () => {
    const net = network()
    const seen = new Set<string>()
    const far = testNode(
      net,
      {},
      {
        reading(message, from) {
          if (seen.has(text(message))) return
          seen.add(text(message))
          from.unicastFast(message)
        },
      },
    )
    const near = testNode(net)
    const connection = await link(net, near.node, far.node)
    for (const word of ['a', 'b', 'a', 'c', 'b']) connection.unicastFast(bytes(word))
    await net.play(10)
    expect(near.journal.messages.map(text)).toEqual(['a', 'b', 'c'])
  })
})

describe('shutdown', () => {
  test('it ends everything, clears every view, frees the port, and may be asked for twice', async () => {
    const net = network()
    const [near, far] = [testNode(net), testNode(net)]
    await link(net, near.node, far.node)
    const address = far.node.listeningAddress
    await net.settled(Promise.all([far.node.shutDown(), far.node.shutDown()]))
    expect([far.node.connectedCount, far.node.connectingCount, far.node.connectedAddresses.length]).toEqual([0, 0, 0])
    expect(far.node.isListening).toBe(false)
    expect(far.journal.disconnected.map(d => d.origin)).toEqual(['Shutdown'])
    const next = testNode(net, { listener: address })
    expect(await net.settled(next.node.toggleListener())).toBe(address)
    await net.settled(far.node.shutDown())
  })

  test('it is permanent: dialling and listening are refused as ShuttingDown, and take no place', async () => {
    const net = network()
    const { node } = testNode(net)
    await net.settled(node.shutDown())
    await expect(node.connect('127.0.0.1:1')).rejects.toBeInstanceOf(ShuttingDown)
    await expect(node.toggleListener()).rejects.toBeInstanceOf(ShuttingDown)
    expect(node.connectingCount).toBe(0)
  })

  test('setups under way fail as ShuttingDown', async () => {
    const net = network()
    const near = testNode(net, {}, { handshake: () => new Promise(() => {}) })
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    const dial = near.node.connect(far.node.listeningAddress)
    dial.catch(() => {})
    await net.play(20)
    await net.settled(near.node.shutDown())
    await expect(dial).rejects.toBeInstanceOf(ShuttingDown)
    expect(near.node.connectingCount).toBe(0)
  })

  test('one whose caller gives up removes everything at once, and a second one completes', async () => {
    const net = network()
    const near = testNode(
      net,
      { hooks: { onDisconnect: { timeout: 60_000 } } },
      { onDisconnect: () => net.sleep(60_000) },
    )
    await link(net, near.node, testNode(net).node)
    const gives = new AbortController()
    const end = near.node.shutDown(gives.signal)
    end.catch(() => {})
    await net.play(10)
    gives.abort(new Error('enough'))
    await expect(net.settled(end)).rejects.toThrow('enough')
    expect(near.node.connectedCount).toBe(0)
    const from = net.now
    await net.settled(near.node.shutDown())
    expect(net.now - from).toBeLessThan(2000)
  })
})

// The lifecycle contract of a node: one test for each guarantee about the order and number of hooks, and about
// what a connection's end does to what is under way. On the virtual network: a time in here is exact.
import { expect, test } from 'vitest'
import { prefixed } from '../../runtime/service/node/index.ts'
import { bytes, codeOf, link, network, testNode, text } from './harness.ts'

test('Handshake comes before both codecs, Reading before Writing, then registration, then the first read', async () => {
  const net = network()
  const order: string[] = []
  const near = testNode(
    net,
    {},
    { reading: false, writing: false, handshake: async stream => stream.write(bytes('hi\0\x01x')) },
  )
  const far = testNode(
    net,
    {},
    {
      reading: false,
      writing: false,
      handshake: async stream => {
        order.push(`handshake, registered ${far.node.connectedCount}: ${text(await stream.read(2))}`)
      },
    },
  )
  const { decoder, encoder } = prefixed('u16be')
  far.node.enableReading({
    codec: (address, side) => {
      order.push(`decoder for ${side}, registered ${far.node.connectedCount}`)
      return decoder(address, side)
    },
    message: message => void order.push(`message ${text(message)}, registered ${far.node.connectedCount}`),
  })
  far.node.enableWriting({
    codec: (address, side) => {
      order.push(`encoder for ${side}, registered ${far.node.connectedCount}`)
      return encoder(address, side)
    },
  })
  await link(net, near.node, far.node)
  expect(order).toEqual([
    'handshake, registered 0: hi',
    'decoder for responder, registered 0',
    'encoder for responder, registered 0',
    'message x, registered 1',
  ])
})

test('bytes that arrive behind the handshake belong to Reading, and are read at once', async () => {
  const net = network()
  const far = testNode(net, {}, { handshake: async stream => void (await stream.read(3)) })
  await net.settled(far.node.toggleListener())
  const client = await net.raw(far.node.listeningAddress)
  client.write(1, 2, 3, 0, 2, 104, 105, 0)
  await net.play(5)
  expect(far.journal.messages.map(text)).toEqual(['hi'])
  client.write(1, 33)
  await net.play(5)
  expect(far.journal.messages.map(text)).toEqual(['hi', '!'])
})

test('connections do not wait for each other: a handler that takes its time on one holds up nothing on another', async () => {
  const net = network()
  const handled: string[] = []
  const far = testNode(
    net,
    {},
    {
      reading: async message => {
        const word = text(message)
        if (word.startsWith('slow')) await net.sleep(1000)
        handled.push(word)
      },
    },
  )
  const [one, other] = [testNode(net), testNode(net)]
  const slow = await link(net, one.node, far.node)
  const quick = await link(net, other.node, far.node)
  for (const word of ['slow', 'slow too']) slow.unicastFast(bytes(word))
  for (const word of ['a', 'b', 'c']) quick.unicastFast(bytes(word))
  await net.play(2500)
  expect(handled).toEqual(['a', 'b', 'c', 'slow', 'slow too'])
})

test('after bytes that are no message nothing more is read from that connection', async () => {
  const net = network()
  const far = testNode(net, {}, { reading: false })
  let decoded = 0
  far.node.enableReading({
    codec: () => ({
      next: 0,
      needs: 1,
      decode: () => {
        decoded++
        throw new Error('no message')
      },
    }),
    message() {},
  })
  await net.settled(far.node.toggleListener())
  const client = await net.raw(far.node.listeningAddress)
  client.write(1)
  client.write(2)
  await net.play(5)
  client.write(3)
  await net.play(5)
  expect([decoded, far.journal.disconnected.map(d => d.origin)]).toEqual([1, ['Reading']])
})

test('messages of a connection are handled one at a time, in the order of the wire', async () => {
  const net = network()
  let running = 0
  let most = 0
  const far = testNode(
    net,
    {},
    {
      reading: async () => {
        most = Math.max(most, ++running)
        await net.sleep(1 + net.random.below(5))
        running--
      },
    },
  )
  const near = testNode(net)
  const connection = await link(net, near.node, far.node)
  for (let i = 0; i < 100; i++) await connection.send(bytes(String(i)))
  await net.play(2000)
  expect(most).toBe(1)
  expect(far.journal.messages.map(text)).toEqual(Array.from({ length: 100 }, (_, i) => String(i)))
})

test('a message that a hook takes its time for stays intact while others arrive', async () => {
  const net = network()
  const after: string[] = []
  const far = testNode(
    net,
    {},
    {
      reading: async message => {
        await net.sleep(10)
        after.push(text(message))
      },
    },
  )
  const near = testNode(net)
  const connection = await link(net, near.node, far.node)
  for (const word of ['first', 'second', 'third']) {
    connection.unicastFast(bytes(word))
    await net.play(3)
  }
  await net.play(100)
  expect(after).toEqual(['first', 'second', 'third'])
})

test('a failed setup runs neither OnConnect nor OnDisconnect, at either end', async () => {
  const net = network()
  const far = testNode(net, {}, { handshake: () => Promise.reject(new Error('no')) })
  const near = testNode(net, {}, { handshake: async stream => void (await stream.read(1)) })
  await net.settled(far.node.toggleListener())
  expect(await codeOf(net.settled(near.node.connect(far.node.listeningAddress)))).toBe('HandshakeFailed')
  await net.play(50)
  expect([...near.journal.events, ...far.journal.events]).toEqual([])
  expect([near, far].map(n => n.node.connectingCount + n.node.connectedCount)).toEqual([0, 0])
})

test('what was received before the end of the stream is handled before the connection goes', async () => {
  const net = network()
  const far = testNode(net, {}, { reading: () => net.sleep(5) })
  const near = testNode(net)
  const connection = await link(net, near.node, far.node)
  for (let i = 0; i < 50; i++) connection.unicastFast(bytes(String(i)))
  await connection.unicast(bytes('last'))
  await net.settled(connection.disconnect())
  await net.play(1000)
  expect(far.journal.messages).toHaveLength(51)
  expect(far.journal.disconnected.map(d => d.origin)).toEqual(['Reading'])
})

test('without draining, messages that still wait at the end of the stream are lost, as in the crate', async () => {
  const net = network()
  const far = testNode(net, { hooks: { reading: { drain: false } } }, { reading: () => net.sleep(5) })
  const near = testNode(net)
  const connection = await link(net, near.node, far.node)
  for (let i = 0; i < 50; i++) connection.unicastFast(bytes(String(i)))
  await net.settled(connection.disconnect())
  await net.play(1000)
  expect(far.node.stats.messagesReceived).toBe(50)
  expect(far.journal.messages.length).toBeLessThan(10)
})

test('promises of delivery are rejected as dropped when the connection goes before the outcome is known', async () => {
  const net = network()
  const far = testNode(net, {}, { reading: () => net.sleep(1_000_000) })
  const near = testNode(net)
  const connection = await link(net, near.node, far.node)
  const large = new Uint8Array(60_000)
  const deliveries: Promise<void>[] = []
  for (let i = 0; i < 40 && connection.hasRoom; i++) deliveries.push(connection.unicast(large))
  await net.play(20)
  void connection.disconnect()
  await net.play(10)
  const codes = new Set(await Promise.all(deliveries.map(codeOf)))
  expect([...codes].sort()).toEqual(['Dropped', 'none'])
})

test('awaiting the last delivery in OnDisconnect makes sure that everything left', async () => {
  const net = network()
  const far = testNode(net)
  const near = testNode(net, {}, { onDisconnect: async connection => connection.unicast(new Uint8Array(60_000)) })
  const connection = await link(net, near.node, far.node)
  for (let i = 0; i < 30; i++) connection.unicastFast(new Uint8Array(10_000))
  await net.settled(connection.disconnect())
  await net.play(100)
  expect(far.journal.messages.reduce((n, m) => n + m.length, 0)).toBe(360_000)
})

test('a hook enabled twice is refused; while shutting down enabling does nothing', async () => {
  const net = network()
  const { node } = testNode(net)
  expect(() => node.enableOnConnect(() => {})).toThrow(TypeError)
  const fresh = testNode(net, {}, { onConnect: false }).node
  await net.settled(fresh.shutDown())
  expect(fresh.enableOnConnect(() => {}).enabled.onConnect).toBeUndefined()
})

test('the first claim wins: a connection that reads garbage while it is disconnected is one end, not two', async () => {
  const net = network()
  const far = testNode(net, {}, { onDisconnect: () => net.sleep(20) })
  await net.settled(far.node.toggleListener())
  const client = await net.raw(far.node.listeningAddress)
  await net.play(5)
  const [connection] = far.node.connections
  const gone = connection!.disconnect()
  client.port.destroy()
  await net.settled(gone)
  expect(far.journal.disconnected.map(d => d.origin)).toEqual(['User'])
})

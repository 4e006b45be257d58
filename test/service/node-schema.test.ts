// What a schema says of handshakes and seals, on the connections of nodes: steps and Noise run by the engine of sessions, before any
// other hook; records with keys of their own; acceptance by the application.
import { describe, expect, test } from 'vitest'
import { nameOf, player } from '../../examples/pea2pea/hot-potato.ts'
import { protocol as noise } from '../../generated/noise-frames/index.ts'
import { protocol as marked } from '../../generated/pea2pea/profiles/chaos/index.ts'
import { protocol as rpc } from '../../generated/simple-rpc/index.ts'
import { type Fault, isNodeError, type MessagesOptions, messages, Node, type NodeOptions } from '../../runtime/index.ts'
import type { NodeNetwork } from '../../runtime/sim/index.ts'
import { bytes, codeOf, network, text } from './harness.ts'

const WIDE: NodeOptions = { listener: '127.0.0.1:0', limits: { connectionsPerAddress: 100 } }
const PSK = new Uint8Array(32).fill(7)

/** A node of noise-frames, what it heard, and what went wrong. */
function noisy(net: NodeNetwork, options: MessagesOptions & { handler?: () => unknown } = {}) {
  const { handler = () => {}, ...rest } = options
  const wire = messages(noise, { params: { psk: PSK }, ...rest })
  const heard: string[] = []
  const faults: Fault[] = []
  const node = wire
    .node(WIDE, { network: net.at(), report: fault => faults.push(fault) })
    .enableReading(
      wire.reading({
        async Message(frame) {
          await handler()
          heard.push(text(frame.data))
        },
      }),
    )
    .enableWriting(wire.writing)
  return { node, heard, faults }
}

interface Joinable<C> {
  readonly isListening: boolean
  readonly listeningAddress: string
  toggleListener(): Promise<string | undefined>
  connect(address: string): Promise<C>
}

async function joined<C>(net: NodeNetwork, near: Joinable<C>, far: Joinable<unknown>): Promise<C> {
  if (!far.isListening) await net.settled(far.toggleListener())
  const connection = await net.settled(near.connect(far.listeningAddress))
  await net.play(5)
  return connection
}

const message = (data: string | Uint8Array) => ({
  frame: 'Message' as const,
  value: { data: typeof data === 'string' ? bytes(data) : data },
})

describe('steps', () => {
  test('each side learns the name of the other before anything else happens', async () => {
    const net = network()
    const [near, far] = [
      player('one', {}, { network: net.at() }),
      player('sixteen letters!', {}, { network: net.at() }),
    ]
    const order: unknown[] = []
    for (const { node } of [near, far]) node.enableOnConnect(connection => void order.push(nameOf(connection)))
    await joined(net, near.node, far.node)
    expect(order.sort()).toEqual(['one', 'sixteen letters!'])
  })

  test('a name of more than sixteen bytes is refused, like bytes that are no text', async () => {
    const net = network()
    const { node } = player('one', {}, { network: net.at() })
    await net.settled(node.toggleListener())
    for (const name of [new Uint8Array(17).fill(65), Uint8Array.of(0xff, 0xfe)]) {
      const peer = await net.raw(node.listeningAddress)
      peer.write(...name)
      await net.play(5)
      expect([peer.isOver, peer.received.length, node.connectedCount]).toEqual([true, 0, 0])
    }
  })

  test('a byte that is not what the schema says ends the attempt, and no other hook hears of it', async () => {
    const net = network()
    const { node, count } = marks(net)
    await net.settled(node.toggleListener())
    const peer = await net.raw(node.listeningAddress)
    await net.play(5)
    expect([...peer.received]).toEqual([0xab])
    peer.write(0xce)
    await net.play(5)
    expect([peer.isOver, node.connectedCount, node.connectingCount, count.connected]).toEqual([true, 0, 0, 0])
  })

  test('bytes right behind the last message of the handshake are the first frame', async () => {
    const net = network()
    const { node, count } = marks(net)
    await net.settled(node.toggleListener())
    const peer = await net.raw(node.listeningAddress)
    peer.write(0xcd, 0, 0, 0, 2, 1, 2, 0, 0)
    await net.play(5)
    peer.write(0, 1, 3)
    await net.play(5)
    expect(count).toEqual({ connected: 1, payloads: ['0102', '03'] })
  })

  test('a peer that says nothing is gone at the timeout of the schema', async () => {
    const net = network()
    const { node } = marks(net)
    await net.settled(node.toggleListener())
    const peer = await net.raw(node.listeningAddress)
    await net.play(2990)
    expect([node.connectingCount, peer.isOver]).toEqual([1, false])
    await net.play(20)
    expect([node.connectingCount, peer.isOver, node.heuristics.handshakeTimeouts]).toEqual([0, true, 1])
  })

  test('the handshake of a schema is enabled with its node: a second one is refused', () => {
    const { node } = marks(network())
    expect(() => node.enableHandshake(() => {})).toThrow(/enabled already/)
  })
})

describe('frames that cannot be read', () => {
  const frame = (...body: number[]): number[] => [0, 0, 0, body.length, ...body]
  const request = frame(0, 0, 0, 0, 0, 0, 0, 0, 7, 104, 105)

  test('are left out where the schema says so, wherever they are cut, and what is behind them is handled', async () => {
    const net = network()
    const wire = messages(rpc)
    const heard: string[] = []
    const node = wire
      .node(WIDE, { network: net.at() })
      .enableReading(wire.reading({ Request: ({ id, text }) => void heard.push(`${id} ${text}`) }))
    await net.settled(node.toggleListener())
    const bytes = [...frame(0, 1, 2), ...frame(9, 0, 0, 0, 0, 0, 0, 0, 1, 65), ...request, ...frame(), ...request]
    for (const cut of [1, 3, 5, 7, bytes.length]) {
      const peer = await net.raw(node.listeningAddress)
      for (let at = 0; at < bytes.length; at += cut) {
        peer.write(...bytes.slice(at, at + cut))
        await net.play(1)
      }
      await net.play(5)
      expect([peer.isOver, heard.splice(0)]).toEqual([false, ['7 hi', '7 hi']])
    }
    for (let i = 0; i < 50; i++) {
      const peer = await net.raw(node.listeningAddress)
      for (let n = 0; n < 20; n++) peer.write(...frame(9, 9, 9))
      await net.play(2)
    }
    expect([node.connectedCount, node.stats.messagesReceived]).toEqual([55, 10])
  })

  test('end the connection everywhere else', async () => {
    const net = network()
    const { node } = player('one', {}, { network: net.at() })
    await net.settled(node.toggleListener())
    const peer = await net.raw(node.listeningAddress)
    peer.write(55)
    await net.play(5)
    peer.write(1, 9)
    await net.play(5)
    expect([peer.isOver, node.connectedCount]).toEqual([true, 0])
  })
})

describe('Noise', () => {
  test('both sides end with the same hash, keys of their own for each connection, and none left to read', async () => {
    const net = network()
    const [near, third, far] = [noisy(net), noisy(net), noisy(net)]
    const hashes: string[] = []
    for (let i = 0; i < 2; i++) {
      const connection = await joined(net, i === 0 ? near.node : third.node, far.node)
      const other = far.node.connections[i]
      const ends = [connection.secured?.noise, other?.secured?.noise]
      for (const end of ends) {
        expect([...(end?.send ?? [1]), ...(end?.receive ?? [1])].every(byte => byte === 0)).toBe(true)
        hashes.push(Buffer.from(end?.hash ?? []).toString('hex'))
      }
    }
    expect([hashes[0] === hashes[1], hashes[2] === hashes[3], hashes[0] === hashes[2]]).toEqual([true, true, false])
  })

  test('messages go both ways, and none of them can be read on the wire', async () => {
    const net = network()
    const [near, far] = [noisy(net), noisy(net)]
    const connection = await joined(net, near.node, far.node)
    const wire: Uint8Array[] = []
    const { write } = connection.port
    connection.port.write = chunk => {
      wire.push(Uint8Array.from(chunk))
      write.call(connection.port, chunk)
    }
    await connection.unicast(message('a secret'))
    await far.node.connections[0]?.unicast(message('another'))
    await net.play(20)
    expect([far.heard, near.heard]).toEqual([['a secret'], ['another']])
    const sent = Buffer.concat(wire)
    expect([sent.length, sent.includes('secret')]).toEqual([2 + 8 + 16, false])
  })

  test('a message too large for a record is refused at the caller, and spends no nonce: the next one opens', async () => {
    const net = network()
    const [near, far] = [noisy(net), noisy(net)]
    const connection = await joined(net, near.node, far.node)
    for (const size of [65_520, 65_536, 1_000_000])
      expect(() => connection.unicastFast(message(new Uint8Array(size)))).toThrow(/at most|TooLarge|data/)
    connection.unicastFast(message(new Uint8Array(65_519).fill(65)))
    connection.unicastFast(message('next'))
    await net.play(500)
    expect(far.heard.map(one => one.length)).toEqual([65_519, 4])
  })

  test('a handler that takes its time still reads its record, while others wait behind it and on other connections', async () => {
    const net = network()
    const far = noisy(net, { handler: () => net.sleep(10) })
    const near = [noisy(net), noisy(net)]
    const connections = [await joined(net, near[0]!.node, far.node), await joined(net, near[1]!.node, far.node)]
    for (let i = 0; i < 20; i++) for (const [c, one] of connections.entries()) one.unicastFast(message(`${c}:${i}`))
    await net.play(500)
    for (const c of [0, 1])
      expect(far.heard.filter(one => one.startsWith(`${c}:`))).toEqual(
        Array.from({ length: 20 }, (_, i) => `${c}:${i}`),
      )
  })

  test('whom to accept is asked when the peer has shown its key; refusing fails the attempt at both ends', async () => {
    const net = network()
    const shown: number[] = []
    const far = noisy(net, {
      accept({ noise: agreed }) {
        shown.push(agreed?.remoteStatic?.length ?? 0)
        if (shown.length === 1) throw new Error('banned')
      },
    })
    const near = noisy(net)
    await joined(net, near.node, far.node)
    expect([near.node.connectedCount, far.node.connectedCount, far.faults[0]?.error.message]).toEqual([0, 0, 'banned'])
    await joined(net, near.node, far.node)
    expect([near.node.connectedCount, far.node.connectedCount, shown]).toEqual([1, 1, [32, 32]])
  })

  test('another pre-shared key, or another protocol by the same name, is refused', async () => {
    const net = network()
    const far = noisy(net)
    for (const params of [{ psk: new Uint8Array(32).fill(8) }]) {
      const near = noisy(net, { params })
      await joined(net, near.node, far.node)
      expect([near.node.connectedCount, far.node.connectedCount]).toEqual([0, 0])
      expect(isNodeError(far.faults.at(-1)?.error, 'HandshakeFailed')).toBe(true)
    }
  })

  test('a key of the wrong length is the own mistake, said at once', () => {
    expect(() => messages(noise, { params: { psk: new Uint8Array(31) } })).toThrow(/psk/)
  })

  test('without a handshake there are no codecs', async () => {
    const net = network()
    const wire = messages(noise, { params: { psk: PSK } })
    const bare = (): Node<never, never> =>
      new Node(WIDE, { network: net.at() }).enableReading(wire.reading({}) as never) as never
    const [near, far] = [bare(), bare()]
    await net.settled(far.toggleListener())
    expect(await codeOf(net.settled(near.connect(far.listeningAddress)))).toBe('HandshakeFailed')
  })
})

/** A node that opens with AB and wants CD. */
function marks(net: NodeNetwork) {
  const wire = messages(marked)
  const count = { connected: 0, payloads: [] as string[] }
  const node = wire
    .node({ ...WIDE, limits: {} }, { network: net.at() })
    .enableReading(
      wire.reading({
        Message: frame => void count.payloads.push(Buffer.from(frame.payload).toString('hex')),
      }),
    )
    .enableOnConnect(() => {
      count.connected++
    })
  return { node, count }
}

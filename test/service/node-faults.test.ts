// Hooks that throw, peers that misbehave in handshakes: whatever happens to one connection, the node goes on serving. Each fault
// twice in a row, so that the first leaves nothing broken behind.
import { describe, expect, test } from 'vitest'
import { type Decoder, type Encoder, type Node, prefixed } from '../../runtime/service/node/index.ts'
import { bytes, codeOf, link, network, testNode, text } from './harness.ts'

const TWICE = [1, 2]

describe('a hook that throws', () => {
  test('Handshake: the attempt fails, the place is free', async () => {
    const net = network()
    const far = testNode(
      net,
      {},
      {
        handshake: () => {
          throw new Error('bug')
        },
      },
    )
    await net.settled(far.node.toggleListener())
    for (const _ of TWICE) {
      const client = await net.raw(far.node.listeningAddress)
      await net.play(10)
      expect([client.isOver, far.node.connectingCount, far.node.connectedCount]).toEqual([true, 0, 0])
    }
    expect(far.journal.faults.map(f => [f.hook, f.error.message])).toEqual([
      ['Handshake', 'bug'],
      ['Handshake', 'bug'],
    ])
  })

  test('a codec factory: the attempt fails, the place is free', async () => {
    const net = network()
    const near = testNode(net, {}, { reading: false })
    near.node.enableReading({
      codec: () => {
        throw new Error('bug')
      },
      message() {},
    })
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    for (const _ of TWICE) {
      await expect(net.settled(near.node.connect(far.node.listeningAddress))).rejects.toThrow('bug')
      expect([near.node.connectingCount, near.node.table.addresses, near.node.sendable.size]).toEqual([0, 0, 0])
    }
    expect(near.journal.events).toEqual([])
  })

  test('a decoder: the connection goes with origin Reading', async () => {
    const net = network()
    const far = testNode(net, {}, { reading: false })
    const decoder: Decoder<Uint8Array> = {
      next: 0,
      needs: 0,
      decode: () => {
        throw new Error('bug')
      },
    }
    far.node.enableReading({ codec: () => decoder, message() {} })
    const near = testNode(net)
    for (const turn of TWICE) {
      const connection = await link(net, near.node, far.node)
      await connection.unicast(bytes('x'))
      await net.play(10)
      expect(far.journal.disconnected.map(d => d.origin)).toEqual(Array(turn).fill('Reading'))
    }
    expect(far.node.connectedCount + near.node.connectedCount).toBe(0)
  })

  test.each([
    [
      'at once',
      () => {
        throw new Error('bug')
      },
    ],
    ['later', () => Promise.reject(new Error('bug'))],
  ])('Reading, %s: the connection goes with origin Reading, others stay', async (_, reading) => {
    const net = network()
    const far = testNode(net, {}, { reading })
    const bystander = testNode(net)
    await link(net, bystander.node, far.node)
    const near = testNode(net)
    for (const turn of TWICE) {
      const connection = await link(net, near.node, far.node)
      await connection.unicast(bytes('x'))
      await net.play(10)
      expect(far.journal.disconnected.map(d => d.origin)).toEqual(Array(turn).fill('Reading'))
    }
    expect(far.node.connectedCount).toBe(1)
  })

  test('an encoder: the connection goes with origin Writing, and what it was asked for is rejected', async () => {
    const net = network()
    const near = testNode(net, {}, { writing: false })
    const encoder: Encoder<Uint8Array> = {
      sizeOf: () => 10,
      encode: () => {
        throw new Error('bug')
      },
    }
    near.node.enableWriting({ codec: () => encoder })
    const far = testNode(net)
    for (const turn of TWICE) {
      const connection = await link(net, near.node, far.node)
      await expect(connection.unicast(bytes('x'))).rejects.toThrow(/bug/)
      await net.play(10)
      expect(near.journal.disconnected.map(d => d.origin)).toEqual(Array(turn).fill('Writing'))
    }
  })

  test('OnConnect: the connection goes with origin OnConnectAbort', async () => {
    const net = network()
    const near = testNode(net, {}, { onConnect: () => Promise.reject(new Error('bug')) })
    const far = testNode(net)
    for (const turn of TWICE) {
      await link(net, near.node, far.node)
      await net.play(10)
      expect(near.journal.disconnected.map(d => d.origin)).toEqual(Array(turn).fill('OnConnectAbort'))
    }
    expect(near.node.connectedCount + far.node.connectedCount).toBe(0)
  })

  test('OnDisconnect: it is reported, and the connection goes all the same', async () => {
    const net = network()
    const near = testNode(
      net,
      {},
      {
        onDisconnect: () => {
          throw new Error('bug')
        },
      },
    )
    const far = testNode(net)
    for (const turn of TWICE) {
      const connection = await link(net, near.node, far.node)
      expect(await net.settled(connection.disconnect())).toBe(true)
      expect([near.node.connectedCount, near.journal.faults.length]).toEqual([0, turn])
    }
  })
})

describe('handshakes', () => {
  test('on one side only they fail both, at the timeout', async () => {
    const net = network()
    const near = testNode(
      net,
      { hooks: { handshake: { timeout: 50 } } },
      { handshake: async stream => void (await stream.read(8)) },
    )
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    expect(await codeOf(net.settled(near.node.connect(far.node.listeningAddress)))).toBe('TimedOut')
    await net.play(10)
    expect([near.node.connectedCount, far.node.connectedCount, near.node.heuristics.handshakeTimeouts]).toEqual([
      0, 0, 1,
    ])
  })

  test('on both sides they exchange what they like, and keep it with the connection', async () => {
    const net = network()
    const exchange =
      (own: bigint) => async (stream: Parameters<NonNullable<Parameters<Node['enableHandshake']>[0]>>[0]) => {
        const nonce = Buffer.alloc(8)
        nonce.writeBigUInt64BE(own)
        if (stream.side === 'initiator') await stream.write(nonce)
        stream.context = Buffer.from(await stream.read(8)).readBigUInt64BE()
        if (stream.side === 'responder') await stream.write(nonce)
      }
    const [near, far] = [testNode(net, {}, { handshake: exchange(7n) }), testNode(net, {}, { handshake: exchange(9n) })]
    const connection = await link(net, near.node, far.node)
    expect([connection.context, far.node.connections[0]?.context]).toEqual([9n, 7n])
  })

  test('a rejected peer is never read: the frame it sends anyway reaches nobody, nothing is sent to it, it sees the end', async () => {
    const net = network()
    const far = testNode(net, {}, { handshake: () => net.sleep(5).then(() => Promise.reject(new Error('banned'))) })
    await net.settled(far.node.toggleListener())
    const client = await net.raw(far.node.listeningAddress)
    client.write(0, 1, 65)
    await net.play(50)
    expect([client.isOver, client.received.length, far.journal.messages.length]).toEqual([true, 0, 0])
    expect(far.node.stats.messagesReceived).toBe(0)
  })

  test('a failed handshake frees its place for the next dial', async () => {
    const net = network()
    let attempts = 0
    const near = testNode(
      net,
      { limits: { handshakes: 1, connections: 1 } },
      {
        handshake: () => {
          if (++attempts < 3) throw new Error('not yet')
        },
      },
    )
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    const codes: string[] = []
    for (let i = 0; i < 3; i++) codes.push(await codeOf(net.settled(near.node.connect(far.node.listeningAddress))))
    expect(codes).toEqual(['Error', 'Error', 'none'])
  })

  test('a dial that is given up in the handshake ends it', async () => {
    const net = network()
    let wasTold = false
    const near = testNode(
      net,
      {},
      {
        handshake: (_, signal) => new Promise(() => signal.addEventListener('abort', () => (wasTold = true))),
      },
    )
    const far = testNode(net)
    await net.settled(far.node.toggleListener())
    const gives = new AbortController()
    const dial = near.node.connect(far.node.listeningAddress, { signal: gives.signal })
    dial.catch(() => {})
    await net.play(20)
    gives.abort(new Error('enough'))
    await expect(net.settled(dial)).rejects.toThrow('enough')
    expect([wasTold, near.node.connectingCount]).toEqual([true, 0])
  })

  test('a peer that leaves in the handshake is a failed attempt at once, not at the timeout', async () => {
    const net = network()
    const far = testNode(net, {}, { handshake: async stream => void (await stream.read(4)) })
    await net.settled(far.node.toggleListener())
    const client = await net.raw(far.node.listeningAddress)
    client.write(1)
    client.port.end()
    await net.play(10)
    expect([far.node.connectingCount, far.node.heuristics.handshakeTimeouts]).toEqual([0, 0])
  })
})

test('two nodes with different codecs on one connection end it, and nothing else', async () => {
  const net = network()
  const far = testNode(net)
  const near = testNode(net, {}, { writing: false })
  near.node.enableWriting({ codec: prefixed('u32le').encoder })
  const connection = await link(net, near.node, far.node)
  await connection.unicast(bytes('hello, is there anybody?'))
  await net.play(10)
  // 24 as u32le is an empty message and then more that is none.
  expect(far.journal.messages.map(text)[0]).not.toBe('hello, is there anybody?')
  await link(net, testNode(net).node, far.node)
  expect(far.node.connectedCount).toBeGreaterThan(0)
})

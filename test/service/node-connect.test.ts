// The hook OnConnect: when it runs, what works in it, and what becomes of it when its connection or its node ends.

import { expect, test } from 'vitest'
import { bytes, link, network, testNode, text } from './harness.ts'

test('OnConnect comes after registration: sending, views and disconnecting work in it', async () => {
  const net = network()
  const seen: unknown[] = []
  const near = testNode(
    net,
    {},
    {
      onConnect: async connection => {
        seen.push(near.node.isConnected(connection.address), near.node.connection(connection.address)?.side)
        await near.node.unicast(connection.address, bytes('hello'))
        seen.push(await connection.disconnect())
      },
    },
  )
  const far = testNode(net)
  await link(net, near.node, far.node)
  await net.play(50)
  expect(seen).toEqual([true, 'responder', true])
  expect(far.journal.messages.map(text)).toEqual(['hello'])
})

test('OnConnect and messages run side by side: a message may be handled while OnConnect still runs', async () => {
  const net = network()
  const near = testNode(net)
  const far = testNode(net, {}, { onConnect: () => net.sleep(500) })
  const connection = await link(net, near.node, far.node)
  await connection.unicast(bytes('early'))
  await net.play(20)
  expect(far.journal.events).toEqual(['connect', 'message 5'])
})

test('connect resolves when OnConnect is scheduled, not when it is done', async () => {
  const net = network()
  let isDone = false
  const near = testNode(
    net,
    {},
    {
      onConnect: async () => {
        await net.sleep(500)
        isDone = true
      },
    },
  )
  const far = testNode(net)
  await link(net, near.node, far.node)
  expect(isDone).toBe(false)
  await net.play(500)
  expect(isDone).toBe(true)
})

test('an abortable OnConnect is told to stop when its connection goes', async () => {
  const net = network()
  let outcome = 'running'
  const near = testNode(
    net,
    {},
    {
      onConnect: async (_, signal) => {
        await net.sleep(500, signal).then(
          () => (outcome = 'to its end'),
          () => (outcome = 'aborted'),
        )
      },
    },
  )
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  expect(await net.settled(connection.disconnect())).toBe(true)
  await net.play(1000)
  expect(outcome).toBe('aborted')
})

test('an abortable OnConnect whose connection goes before it began never begins', async () => {
  const net = network()
  const near = testNode(net)
  const far = testNode(net)
  await net.settled(far.node.toggleListener())
  near.node.enabled.onDisconnect = undefined
  const { registered } = near.node
  // The connection ends in the same turn in which it is registered.
  near.node.registered = connection => {
    registered.call(near.node, connection)
    void connection.disconnect()
  }
  await net.settled(near.node.connect(far.node.listeningAddress))
  await net.play(10)
  expect(near.journal.connected).toEqual([])
})

test('an OnConnect that is not abortable runs exactly once, to its end, whatever becomes of its connection', async () => {
  const net = network()
  let ends = 0
  let wasAborted = false
  const near = testNode(
    net,
    { hooks: { onConnect: { abortable: false } } },
    {
      onConnect: async (_, signal) => {
        await net.sleep(500)
        wasAborted = signal.aborted
        ends++
      },
    },
  )
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  await net.settled(connection.disconnect())
  expect(ends).toBe(0)
  await net.settled(near.node.shutDown())
  expect({ ends, wasAborted, connects: near.journal.connected.length }).toEqual({
    ends: 1,
    wasAborted: false,
    connects: 1,
  })
})

test('OnDisconnect does not wait for OnConnect: it runs while that still does, and even before it begins', async () => {
  const net = network()
  const events: string[] = []
  const near = testNode(
    net,
    { hooks: { onConnect: { abortable: false } } },
    {
      onConnect: async () => {
        events.push('connect begins')
        await net.sleep(500)
        events.push('connect ends')
      },
      onDisconnect: () => void events.push('disconnect'),
    },
  )
  const far = testNode(net)
  const connection = await link(net, near.node, far.node)
  await net.settled(connection.disconnect())
  await net.play(600)
  expect(events).toEqual(['connect begins', 'disconnect', 'connect ends'])
  events.length = 0
  const again = await net.settled(
    near.node.connect(far.node.listeningAddress).then(one => ({ one, gone: one.disconnect() })),
  )
  await net.play(600)
  expect([await again.gone, [...events].sort()]).toEqual([true, ['connect begins', 'connect ends', 'disconnect']])
})

test('a dial whose caller gives up after registration changes nothing: the connection stays, OnConnect runs on', async () => {
  const net = network()
  let wasAborted: boolean | undefined
  const near = testNode(
    net,
    {},
    {
      onConnect: async (_, signal) => {
        await net.sleep(200)
        wasAborted = signal.aborted
      },
    },
  )
  const far = testNode(net)
  await net.settled(far.node.toggleListener())
  const caller = new AbortController()
  const connection = await net.settled(near.node.connect(far.node.listeningAddress, { signal: caller.signal }))
  caller.abort()
  await net.play(300)
  expect([near.node.isConnected(connection.address), wasAborted]).toEqual([true, false])
})

test('only a shutdown that waited long enough goes without a pinned OnConnect, and tells it', async () => {
  const net = network()
  let signalled: AbortSignal | undefined
  const near = testNode(
    net,
    { shutdownTimeout: 200, hooks: { onConnect: { abortable: false } } },
    {
      onConnect: (_, signal) => {
        signalled = signal
        return net.sleep(60_000)
      },
    },
  )
  const far = testNode(net)
  await link(net, near.node, far.node)
  const from = net.now
  await net.settled(near.node.shutDown())
  expect(net.now - from).toBe(200)
  expect(signalled?.aborted).toBe(true)
})

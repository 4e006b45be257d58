// How many connections there may be: in all, for each address, by direction, and being set up. A place is taken before anything
// happens on the wire, and given back whatever happens then.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Node } from '../../runtime/service/node/index.ts'
import { nodeSettings } from '../../runtime/service/node/settings.ts'
import { NodeTable, type Place } from '../../runtime/service/node/table.ts'
import { codeOf, link, network, testNode } from './harness.ts'

const limits = (some: object = {}) =>
  nodeSettings({ limits: { connections: 100, connectionsPerAddress: 100, handshakes: 100, ...some } }).limits

describe('the table', () => {
  test('places of one address add up, and nothing is left when they are given back', () => {
    const table = new NodeTable(limits())
    const places = [1, 2, 3].map(port => table.reserve(`10.0.0.1:${port}`, 'responder'))
    expect(table.addresses).toBe(1)
    table.register(places[0]!, 'connection')
    for (const place of places) table.release(place)
    expect([table.addresses, table.connecting, table.open.size]).toEqual([0, 0, 0])
  })

  test('a place is given back once, however often it is asked', () => {
    const table = new NodeTable(limits({ connectionsPerAddress: 2 }))
    const [one] = [table.reserve('10.0.0.1:1', 'responder'), table.reserve('10.0.0.1:2', 'responder')]
    for (let i = 0; i < 3; i++) table.release(one!)
    table.reserve('10.0.0.1:3', 'responder')
    expect(() => table.reserve('10.0.0.1:4', 'responder')).toThrow(expect.objectContaining({ code: 'QuotaExceeded' }))
  })

  test('an IPv4 address inside an IPv6 one counts as itself, and an IPv6 address as its /64', () => {
    const table = new NodeTable(limits({ connectionsPerAddress: 1 }))
    table.reserve('10.0.0.1:1', 'responder')
    expect(() => table.reserve('[::ffff:10.0.0.1]:2', 'responder')).toThrow(/10\.0\.0\.1/)
    table.reserve('[2001:db8:1:2::1]:1', 'responder')
    expect(() => table.reserve('[2001:db8:1:2:ffff::9]:1', 'responder')).toThrow(/2001:db8:1:2::\/64/)
    table.reserve('[2001:db8:1:3::1]:1', 'responder')
  })

  test('counts are right after any sequence of reservations, registrations and releases', () => {
    const step = fc.record({
      what: fc.constantFrom('reserve', 'register', 'release'),
      host: fc.integer({ min: 1, max: 4 }),
      port: fc.integer({ min: 1, max: 6 }),
      side: fc.constantFrom('initiator' as const, 'responder' as const),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), steps => {
        const bounds = limits({
          connections: 8,
          connectionsPerAddress: 3,
          handshakes: 4,
          inbound: 5,
          outboundHandshakes: 2,
        })
        const table = new NodeTable(bounds)
        const held = new Map<string, Place>()
        for (const { what, host, port, side } of steps) {
          const address = `10.0.0.${host}:${port}`
          const place = held.get(address)
          if (what === 'reserve') {
            try {
              held.set(address, table.reserve(address, side))
            } catch {}
          } else if (place !== undefined && what === 'register' && !place.isOpen) table.register(place, address)
          else if (place !== undefined && what === 'release') {
            table.release(place)
            held.delete(address)
          }
          const places = [...held.values()]
          const setups = places.filter(p => !p.isOpen)
          expect(table.connecting).toBe(setups.length)
          expect(table.open.size).toBe(places.length - setups.length)
          expect(table.addresses).toBe(new Set(places.map(p => p.key)).size)
          expect(places.length).toBeLessThanOrEqual(bounds.connections)
          expect(setups.length).toBeLessThanOrEqual(bounds.handshakes)
          expect(places.filter(p => p.side === 'responder').length).toBeLessThanOrEqual(bounds.inbound)
          expect(setups.filter(p => p.side === 'initiator').length).toBeLessThanOrEqual(bounds.outboundHandshakes)
        }
      }),
    )
  })
})

describe('settings', () => {
  test.each(['connections', 'connectionsPerAddress', 'handshakes'])('a limit of 0 for %s is refused', name => {
    expect(() => new Node({ limits: { [name]: 0 } })).toThrow(expect.objectContaining({ code: 'InvalidInput' }))
  })

  test('queues of 0 are refused', () => {
    expect(() => new Node({ hooks: { reading: { queue: 0 } } })).toThrow(/at least 1/)
    expect(() => new Node({ hooks: { writing: { queue: 0 } } })).toThrow(/at least 1/)
  })

  test('there are never more setups than connections', () => {
    expect(new Node({ limits: { connections: 5 } }).settings.limits.handshakes).toBe(5)
  })
})

describe('a node', () => {
  test('a limit of one refuses the second dial with an error, and the second peer without a word', async () => {
    const net = network()
    const hub = testNode(net, { limits: { connections: 1 } })
    const [first, second] = [testNode(net), testNode(net)]
    await link(net, first.node, hub.node)
    const seen = await net.raw(hub.node.listeningAddress)
    await net.play(10)
    expect(seen.isOver).toBe(true)
    // A dialler sees the connection succeed, and then its end.
    await link(net, second.node, hub.node)
    await net.play(10)
    expect(second.node.connectedCount).toBe(0)
    expect(hub.node.heuristics).toMatchObject({ inboundConnectionsRejected: 2, acceptErrors: 0 })
    await net.settled(second.node.toggleListener())
    expect(await codeOf(hub.node.connect(second.node.listeningAddress))).toBe('QuotaExceeded')
    expect(hub.journal.events).toEqual(['connect'])
  })

  test('one connection for each address: a second from 127.0.0.1 is rejected, one from 127.0.0.2 admitted', async () => {
    const net = network()
    const hub = testNode(net, { limits: { connectionsPerAddress: 1 } })
    await link(net, testNode(net).node, hub.node)
    await link(net, testNode(net).node, hub.node)
    expect(hub.node.connectedCount).toBe(1)
    await link(net, testNode(net, {}, {}, '127.0.0.2').node, hub.node)
    expect(hub.node.connectedCount).toBe(2)
    expect(hub.node.heuristics.inboundConnectionsRejected).toBe(1)
  })

  test('fifty dials at once on a limit of three never make more than three', async () => {
    const net = network()
    const hub = testNode(net, { limits: { connections: 3 } })
    const targets = Array.from({ length: 50 }, () => testNode(net))
    for (const { node } of targets) await net.settled(node.toggleListener())
    const codes = targets.map(t => codeOf(hub.node.connect(t.node.listeningAddress)))
    let most = 0
    await net.until(() => {
      most = Math.max(most, hub.node.connectedCount + hub.node.connectingCount)
      return false
    }, 100)
    expect(most).toBe(3)
    expect((await Promise.all(codes)).filter(code => code === 'none')).toHaveLength(3)
  })

  test('stalled handshakes use up the budget: the next dial is QuotaExceeded at once, and counted', async () => {
    const net = network()
    const near = testNode(net, { limits: { handshakes: 3 } }, { handshake: () => net.sleep(1000) })
    const targets = Array.from({ length: 4 }, () => testNode(net))
    for (const { node } of targets) await net.settled(node.toggleListener())
    for (const { node } of targets.slice(0, 3)) void near.node.connect(node.listeningAddress).catch(() => {})
    await net.play(20)
    expect(await codeOf(near.node.connect(targets[3]!.node.listeningAddress))).toBe('QuotaExceeded')
    expect([near.node.connectingCount, near.node.heuristics.connectBudgetRejections]).toEqual([3, 1])
  })

  test('a budget of one and an idle listener still leave room to dial, one after the other', async () => {
    const net = network()
    const near = testNode(net, { limits: { handshakes: 1 } })
    await net.settled(near.node.toggleListener())
    for (let i = 0; i < 3; i++) await link(net, near.node, testNode(net).node)
    expect(near.node.connectedCount).toBe(3)
  })

  test('surplus peers wait for a setup, in their order, and get it', async () => {
    const net = network()
    const order: string[] = []
    const far = testNode(
      net,
      { limits: { handshakes: 1 } },
      {
        handshake: async stream => {
          order.push(stream.address.split(':')[0]!)
          await net.sleep(100)
        },
      },
    )
    await net.settled(far.node.toggleListener())
    for (const host of ['10.0.0.1', '10.0.0.2', '10.0.0.3']) await net.raw(far.node.listeningAddress, host)
    await net.play(50)
    expect([far.node.connectingCount, order.length]).toEqual([1, 1])
    await net.play(300)
    expect(order).toEqual(['10.0.0.1', '10.0.0.2', '10.0.0.3'])
    expect(far.node.connectedCount).toBe(3)
  })

  test('a hundred silent sockets are a hundred setups, then none, and a hundred timeouts', async () => {
    const net = network()
    const far = testNode(
      net,
      { hooks: { handshake: { timeout: 300 } } },
      { handshake: async stream => void (await stream.read(1)) },
    )
    await net.settled(far.node.toggleListener())
    for (let i = 0; i < 100; i++) await net.raw(far.node.listeningAddress)
    expect(far.node.connectingCount).toBe(100)
    await net.play(400)
    expect([far.node.connectingCount, far.node.heuristics.handshakeTimeouts, far.node.heuristics.idleTimeouts]).toEqual(
      [0, 100, 0],
    )
    expect(far.journal.events).toEqual([])
  })

  test('budgets of each direction hold by themselves', async () => {
    const net = network()
    const hub = testNode(net, { limits: { inbound: 1, outbound: 1 } })
    await link(net, testNode(net).node, hub.node)
    await link(net, testNode(net).node, hub.node)
    const out = [testNode(net), testNode(net)]
    for (const { node } of out) await net.settled(node.toggleListener())
    await net.settled(hub.node.connect(out[0]!.node.listeningAddress))
    expect(await codeOf(hub.node.connect(out[1]!.node.listeningAddress))).toBe('QuotaExceeded')
    expect(hub.node.connectedCount).toBe(2)
  })
})

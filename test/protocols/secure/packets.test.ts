// Sealed packets between peers that know each other, and what others make of them, on every protocol: the tests of the
// security review by their numbers (docs/security.md).
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { batchOf, CLIENT, Party, SERVER, Stranger } from './network.ts'
import {
  byName,
  changed,
  feed,
  figure,
  heard,
  join,
  LONG,
  meet,
  numbers,
  placesOf,
  SUBJECTS,
  UNLIMITED,
} from './subjects.ts'

describe.each(SUBJECTS)('%s', (name, subject) => {
  const { id, sealedAt } = placesOf(subject)

  test('36: forged packets with the id and the address of a peer', () => {
    const met = meet(
      changed(subject, { limits: { rate: { packets: 2000, bytes: Infinity, burst: 500, before: 'deliver' } } }),
      36,
    )
    const { net, server, client } = met
    net.run(net.now + 100)
    const packet = client.wire.sent.at(-1)!.bytes
    feed(met, 100)
    let forged = 0
    // 20,000 a second for a second.
    for (let at = 0; at < 1000; at += 5)
      net.at(net.now + at, () => {
        const many = Array.from({ length: 100 }, (_, i) => ({
          to: CLIENT,
          bytes: Uint8Array.from(packet, (byte, k) =>
            k >= sealedAt ? byte ^ (i + 1) : k === id.at + id.size ? byte ^ i : byte,
          ),
        }))
        server.endpoint.receive(instant(net.now), batchOf(many))
        forged += 100
      })
    net.run(net.now + 4000)
    figure(
      `36: ${name}: ${forged} forged packets in a second, ${100 - heard(subject, server).length} of 100 messages lost, ${server.count('limit.rate')} packets over the rate`,
    )
    expect(forged).toBe(20_000)
    expect(heard(subject, server)).toEqual(numbers(100))
    expect(server.count('limit.rate')).toBe(0)
    expect(server.closes).toEqual([])
  })

  test('42: the address of the client changes in mid-transfer', () => {
    const met = meet(changed(subject, UNLIMITED), 42, { link: { latency: 20, loss: 0.05 } })
    const { net, server, client } = met
    net.run(net.now + 1500)
    feed(met, 600)
    net.run(net.now + 50)
    client.socket.move('10.0.0.2:6001')
    const moved = net.now
    const before = heard(subject, server).length
    net.runUntil(() => heard(subject, server).length > before + 5, moved + 20_000)
    const back = net.now - moved
    net.runUntil(() => heard(subject, server).length === 600, moved + 60_000)
    figure(`42: ${name}: messages go on ${back.toFixed(0)} ms after the address changed, 600 of 600 exactly once`)
    expect(heard(subject, server)).toEqual(numbers(600))
    net.run(net.now + 500)
    expect(server.peer().address).toBe('10.0.0.2:6001')
    expect([client.closes, server.closes]).toEqual([[], []])
  })

  test('43: the very first reliable message is lost', () => {
    const met = meet(subject, 43)
    const { net, server, client } = met
    net.run(net.now + 200)
    let lost = 0
    client.wire.filter = bytes => (lost++ === 0 ? [] : [bytes])
    feed(met, 1)
    net.run(net.now + 3000)
    expect(lost).toBeGreaterThan(1)
    expect(heard(subject, server)).toEqual([0])
  })

  test('45: closes that are not sealed, replayed, or of another connection', () => {
    const met = meet(subject, 45)
    const { net, server, client } = met
    const other = join(met, '10.0.0.3:5000')
    net.run(net.now + 1000)
    const before = other.wire.sent.length
    other.close(other.peer())
    net.run(net.now + 1000)
    const closes = other.wire.sent.slice(before).map(one => one.bytes)
    expect(closes.length).toBeGreaterThanOrEqual(3)
    const own = client.wire.sent.at(-1)!.bytes
    const forger = new Stranger(net)
    for (const close of closes) {
      forger.throw(close)
      // Under the id of the connection that stays.
      forger.throw(Uint8Array.from(close, (byte, k) => (k >= id.at && k < id.at + id.size ? own[k]! : byte)))
    }
    forger.throw(new Uint8Array(48).fill(16))
    forger.throw(new Uint8Array(40))
    forger.socket.touch()
    net.run(net.now + 500)
    expect([server.closes.length, client.closes]).toEqual([1, []])
    feed(met, 1)
    net.run(net.now + 1000)
    expect(heard(subject, server)).toEqual([0])
  })
})

test('37: a full reorder buffer, by honest loss, is neither a strike nor an end', () => {
  const subject = changed(byName('intentra'), UNLIMITED)
  const channels = subject.protocol.channels.map(one => ({ ...one, reorder: { messages: 32, bytes: 4096 } }))
  const met = meet({ ...subject, protocol: { ...subject.protocol, channels } }, 37, {
    link: { latency: 20, loss: 0.2, reorder: 0.3, reorderBy: 80 },
    // The sender's schema is another one, or it would not send so far ahead.
    client: { protocol: subject.protocol },
  })
  const { net, server, client } = met
  feed(met, 300)
  net.runUntil(() => heard(subject, server).length === 300, 900_000)
  figure(
    `37: intentra: ${server.count('limit.reorder')} messages found the reorder buffer full, ${server.count('strike')} strikes`,
  )
  expect(heard(subject, server)).toEqual(numbers(300))
  expect(server.count('limit.reorder')).toBeGreaterThan(20)
  expect(server.count('strike')).toBe(0)
  expect(server.closes.concat(client.closes)).toEqual([])
})

test('14: a server never gives an id that is in use, or was within 30 s of its end', () => {
  const subject = byName('fastnet')
  const net = new SimNetwork({ seed: 14 })
  // So few different values that nearly every draw meets one that is taken.
  const source = net.random.fork('few')
  const random = (n: number): Uint8Array =>
    Uint8Array.from({ length: n }, (_, i) => (i < n - 2 ? 0 : source.below(i === n - 1 ? 256 : 16)))
  const server = new Party(net, subject.protocol, 'accepts', SERVER, { params: subject.server, random })
  const endpoint = server.endpoint as SecureEndpoint
  const draws = LONG ? 1_000_000 : 20_000
  const live = new Set<number>()
  const ended = new Map<number, number>()
  const hello = subject.protocol.frames.find(one => one.name === 'Hello')!
  let wrong = 0
  let ends = 0
  for (let i = 0; i < draws; i++) {
    const now = instant(i * 20)
    const id = endpoint.drawId(now)
    if (id === 0 || live.has(id) || now - (ended.get(id) ?? -30_000) < 30_000) wrong++
    live.add(id)
    // It is told its keys and never comes: soon it makes room for others.
    const over = (): void => {
      live.delete(id)
      ended.set(id, now)
      ends++
    }
    const keys = { c2s_key: new Uint8Array(32).fill(1), s2c_key: new Uint8Array(32).fill(2) }
    const session = { peer_id: 1, udp_port: 7000, conn_id: id, ...keys }
    endpoint.expect(now, {
      address: `10.${i & 255}.1.1:1`,
      id,
      session,
      passed: [{ descriptor: hello } as never],
      over,
    })
    endpoint.wake(now)
  }
  figure(
    `14: fastnet: ${draws} ids drawn out of 4096, ${ends} given back meanwhile, ${wrong} in use or within 30 s of their end`,
  )
  expect(ends).toBeGreaterThan(draws - 1000)
  expect(wrong).toBe(0)
})

// The bars of DESIGN section 7 for peers in the simulated network, on every protocol with sealed datagrams, each with its
// figure: 7.1 amplification, 7.2 floods, 7.3 replays, 7.4 nonces and keys, 7.5 flipped bits and low-order keys, 7.8 blackouts,
// 7.9 exactly once. 7.6 is in design-7-6-hostile.test.ts, 7.7 in liars.test.ts, 7.10 in design-7-10-secrets.test.ts.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { HARSH } from '../harsh.ts'
import { bytesInUse } from './memory.ts'
import { batchOf, CLIENT, Party, SERVER, Stranger } from './network.ts'
import { Recorder } from './recorder.ts'
import {
  changed,
  dial,
  feed,
  figure,
  heard,
  isSealedPacket,
  join,
  LONG,
  meet,
  numbers,
  placesOf,
  SUBJECTS,
  say,
  UNLIMITED,
} from './subjects.ts'

describe.each(SUBJECTS)('DESIGN 7: %s', (name, subject) => {
  const isHanded = subject.protocol.handshake?.script?.noise === undefined

  test('7.1: an address that has not shown a cookie costs no memory, no key agreement, and gets less than it sends', () => {
    const crypto = new Recorder()
    const net = new SimNetwork({ seed: 71, link: { latency: 5 } })
    const server = new Party(net, subject.protocol, 'accepts', SERVER, { params: subject.server, crypto })
    const client = new Party(net, subject.protocol, 'dials', CLIENT, { params: subject.client })
    const first: Uint8Array[] = []
    client.wire.filter = bytes => {
      first.push(bytes)
      return []
    }
    dial(subject, server, client, net)
    net.run(50)
    const [connections, keys] = [server.endpoint.size, crypto.keys.length]
    const strangers = Array.from({ length: 20 }, (_, i) => new Stranger(net, `10.5.0.${i}:5`))
    const sent = 500
    // The first packet of a client with ids of its own: nobody's, so that no address is the right one.
    for (const stranger of strangers)
      for (let i = 0; i < sent; i++) {
        const bytes = Uint8Array.from(first[0]!)
        bytes.set(net.random.bytes(4), placesOf(subject).id.at)
        stranger.throw(bytes)
      }
    for (const { socket } of strangers) socket.touch()
    net.run(1000)
    const got = strangers.reduce((sum, one) => sum + one.got.reduce((all, bytes) => all + bytes.length, 0), 0)
    const gave = strangers.length * sent * first[0]!.length
    const largest = Math.max(0, ...strangers.flatMap(one => one.got.map(bytes => bytes.length)))
    figure(
      `7.1: ${name}: ${gave} bytes in, ${got} out (${(got / gave).toFixed(2)}x), longest answer ${largest} of ${first[0]!.length}, ${server.endpoint.size - connections} connections`,
    )
    expect(largest).toBeLessThanOrEqual(first[0]!.length)
    expect(got).toBeLessThanOrEqual(gave)
    expect([server.endpoint.size, crypto.keys.length]).toEqual([connections, keys])
  })

  test('7.2: a flood of spoofed first packets at 50,000 a second hurts no peer and keeps nobody out', () => {
    const most = LONG ? 1_000_000 : 25_000
    const met = meet(changed(subject, UNLIMITED), 72, { link: { latency: 5 } })
    const { net, server, client } = met
    const first = client.wire.sent[0]!.bytes
    const { id } = placesOf(subject)
    const source = net.random.fork('flood')
    net.run(1000)
    server.wire.sent.length = client.wire.sent.length = 0
    const before = bytesInUse().all
    let thrown = 0
    const began = net.now
    const flood = (): void => {
      const batch = batchOf(
        Array.from({ length: 64 }, () => {
          const bytes = Uint8Array.from(first)
          bytes.set(source.bytes(4), id.at)
          // Behind the id: where a handshake has its first message, another one in each.
          if (!isHanded) bytes.set(source.bytes(32), bytes.length === 192 ? (name === 'intentra' ? 34 : 24) : id.at)
          const [a, b, c, d] = source.bytes(4)
          return { to: `10.${a}.${b}.${c}:${1024 + d!}`, bytes }
        }),
      )
      server.endpoint.receive(instant(net.now), batch)
      for (let out = server.endpoint.transmit(); out !== undefined; out = server.endpoint.transmit())
        server.endpoint.release(out)
      thrown += 64
      if (thrown < most) net.at(net.now + 1.28, flood)
    }
    const seconds = most / 50_000
    let said = 0
    for (let at = 0; at < seconds * 1000; at += 20) net.at(began + at, () => feed(met, 1, 'client', said++))
    let openedAt = 0
    const late: Party[] = []
    net.at(began + 10, () => late.push(join(met, '10.0.0.3:5000')))
    net.at(began + 5, flood)
    net.runUntil(
      () => {
        if (openedAt === 0 && (late[0]?.sessions.length ?? 0) > 0) openedAt = net.now - began - 10
        return net.now >= began + seconds * 1000 + 500 && thrown >= most
      },
      began + seconds * 1000 + 5000,
    )
    net.run(net.now + 1000)
    const all = heard(subject, server)
    server.got.length = server.wire.sent.length = client.wire.sent.length = 0
    const grown = (bytesInUse().all - before) / 2 ** 20
    figure(
      `7.2: ${name}: ${thrown} spoofed first packets at 50 k/s, memory ${grown.toFixed(1)} MiB more, a new client in after ${openedAt.toFixed(0)} ms, ${said - all.length} of ${said} reliable messages lost, ${client.closes.length} peers lost`,
    )
    expect(thrown).toBeGreaterThanOrEqual(most)
    expect(grown).toBeLessThan(16)
    expect(openedAt).toBeGreaterThan(0)
    expect(openedAt).toBeLessThan(3000)
    expect(all).toEqual(numbers(said))
    expect([client.closes, late[0]!.closes, server.endpoint.size]).toEqual([[], [], 2])
  }, 120_000)

  test('7.3: replayed packets deliver nothing, and the window is not moved by what does not open', () => {
    const most = LONG ? 1_000_000 : 30_000
    const met = meet(changed(subject, UNLIMITED), 73)
    const { net, server, client } = met
    const packets: Uint8Array[] = []
    client.wire.filter = bytes => {
      if (isSealedPacket(subject, bytes)) packets.push(bytes)
      return [bytes]
    }
    feed(met, 500)
    net.run(net.now + 4000)
    client.wire.filter = undefined
    net.run(net.now + 100)
    const before = server.got.length
    let replayed = 0
    while (replayed < most)
      for (let i = 0; i < packets.length; i += 64) {
        const some = packets.slice(i, i + 64).map(bytes => ({ to: CLIENT, bytes }))
        server.endpoint.receive(instant(net.now), batchOf(some))
        replayed += some.length
      }
    // Numbers far ahead, forged: a window that believed them would refuse all that is genuine.
    const { counter, sealedAt } = placesOf(subject)
    for (let i = 0; i < 50; i++) {
      const bytes = Uint8Array.from(packets.at(-1)!, (byte, at) => (at >= sealedAt ? byte ^ 1 : byte))
      bytes[counter.little ? counter.at + 2 : counter.at + counter.size - 3] = 100 + i
      server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes }]))
    }
    figure(
      `7.3: ${name}: ${replayed} replayed packets, ${server.got.length - before} delivered, ${server.count('seal.replayed')} counted`,
    )
    expect(server.got.length).toBe(before)
    expect(server.count('seal.replayed')).toBe(replayed)
    feed(met, 10, 'client', 500)
    net.run(net.now + 1000)
    expect(heard(subject, server)).toEqual(numbers(510))
    const replay = subject.protocol.seals.find(one => one.layout !== undefined)!.replay
    expect(replay?.by === 'window' ? replay.size : 0).toBeGreaterThanOrEqual(1024)
  }, 60_000)

  test('7.4: no key and nonce twice over restarts of both sides and changes of keys at 30 % loss', () => {
    const crypto = new Recorder()
    const packets = 300
    const rekeyed = changed(subject, { ...UNLIMITED, rekey: { packets } })
    let said = 0
    for (const seed of LONG ? numbers(20, 74) : [74, 75]) {
      // The same long-term keys, and whatever else survives a restart: nothing.
      const met = meet(rekeyed, seed, { link: { ...HARSH, corrupt: 0 }, server: { crypto }, client: { crypto } })
      feed(met, 500)
      feed(met, 100, 'server')
      met.net.runUntil(
        () => heard(subject, met.server).length >= 500 && heard(subject, met.client).length >= 100,
        600_000,
      )
      expect([heard(subject, met.server), heard(subject, met.client)]).toEqual([numbers(500), numbers(100)])
      said += 600
    }
    figure(
      `7.4: ${name}: ${crypto.seals} packets sealed under ${crypto.used.size} keys over restarts, ${crypto.repeats} (key, nonce) twice; ${said} messages at 30 % loss, none lost`,
    )
    expect(crypto.repeats).toBe(0)
    const { rekey } = subject.protocol.seals.find(one => one.layout !== undefined)!
    expect([rekey.packets, rekey.age]).toEqual([2 ** 20, 120_000])
  }, 120_000)

  test('7.5: any flipped bit of a sealed packet fails it, header and all, and nothing else', () => {
    const met = meet(changed(subject, UNLIMITED), 75)
    const { net, server, client, toServer } = met
    let genuine: Uint8Array | undefined
    client.wire.filter = bytes => {
      if (genuine === undefined && isSealedPacket(subject, bytes)) {
        genuine = bytes
        return []
      }
      return [bytes]
    }
    net.run(net.now + 500)
    genuine = undefined
    say(client, toServer, subject.loose(1))
    const packet = genuine as unknown as Uint8Array
    const before = server.got.length
    for (let bit = 0; bit < packet.length * 8; bit++) {
      const bytes = Uint8Array.from(packet)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes }]))
    }
    expect(server.got.length).toBe(before)
    server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes: packet }]))
    figure(
      `7.5: ${name}: ${packet.length * 8} of ${packet.length * 8} flipped bits of a sealed packet refused, the genuine one opened`,
    )
    expect(server.got.length).toBe(before + 1)
    expect([server.closes, client.closes]).toEqual([[], []])
  })

  if (!isHanded)
    test('7.5: a first message with a key of low order, whose every agreement is zero, is refused', () => {
      const net = new SimNetwork({ seed: 750, link: { latency: 5 } })
      const server = new Party(net, subject.protocol, 'accepts', SERVER, { params: subject.server })
      const client = new Party(net, subject.protocol, 'dials', CLIENT, { params: subject.client })
      const at = name === 'intentra' ? 34 : 24
      let inits = 0
      client.wire.filter = bytes => {
        if (bytes.length !== 192) return [bytes]
        inits++
        return [Uint8Array.from(bytes, (byte, i) => (i >= at && i < at + 32 ? 0 : byte))]
      }
      // The answer to a challenge covers the message, so the cookie of the changed message is the one it gets.
      client.connect()
      net.run(12_000)
      figure(
        `7.5: ${name}: ${inits} first messages of low order, ${server.endpoint.size} connections, ${server.count('handshake.failed')} refused`,
      )
      expect(inits).toBeGreaterThan(2)
      expect([server.sessions.length, client.sessions.length, server.endpoint.size]).toEqual([0, 0, 0])
      expect(server.count('handshake.failed')).toBeGreaterThan(0)
    })

  test('51 and 7.8: a blackout of 10 s is survived, and traffic goes on within 3 s', () => {
    const met = meet(changed(subject, UNLIMITED), 78, { link: { latency: 20, loss: 0.02 } })
    const { net, server, client } = met
    feed(met, 50)
    net.run(net.now + 1000)
    const restore = net.partition()
    feed(met, 30, 'client', 50)
    feed(met, 30, 'server')
    net.run(net.now + 10_000)
    restore()
    const since = net.now
    net.runUntil(() => heard(subject, server).length >= 80 && heard(subject, client).length >= 30, since + 20_000)
    figure(`7.8: ${name}: everything there ${(net.now - since).toFixed(0)} ms after a blackout of 10 s`)
    expect([heard(subject, server), heard(subject, client)]).toEqual([numbers(80), numbers(30)])
    expect(net.now - since).toBeLessThanOrEqual(3000)
    expect([client.closes, server.closes]).toEqual([[], []])
  })

  test('7.8: a socket that takes nothing for a while, and queues that are full, end no connection', () => {
    const met = meet(changed(subject, UNLIMITED), 781)
    const { net, server, client } = met
    net.run(net.now + 500)
    const endpoint = server.endpoint as SecureEndpoint
    const { transmit } = endpoint
    // As a driver does while the socket says EAGAIN.
    endpoint.isBlocked = true
    endpoint.transmit = () => undefined
    feed(met, 200)
    feed(met, 500, 'server')
    net.run(net.now + 5000)
    const queued = endpoint.queued
    endpoint.isBlocked = false
    endpoint.transmit = transmit
    net.runUntil(() => heard(subject, server).length >= 200 && heard(subject, client).length >= 500, net.now + 60_000)
    figure(
      `7.8: ${name}: 5 s without room in the socket: ${queued} bytes waited, nobody was closed, everything arrived`,
    )
    expect(queued).toBeLessThanOrEqual(subject.protocol.limits.queue.bytes + 4096)
    expect([heard(subject, server), heard(subject, client)]).toEqual([numbers(200), numbers(500)])
    expect([client.closes, server.closes]).toEqual([[], []])
  })

  test('7.9: reliable messages arrive exactly once and in order, both ways, in any seed', () => {
    const runs = LONG ? 100 : 4
    let told = 0
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), seed => {
        const met = meet(changed(subject, UNLIMITED), seed, { link: HARSH })
        const { net, server, client } = met
        feed(met, 150)
        feed(met, 150, 'server')
        net.runUntil(
          () => heard(subject, server).length >= 150 && heard(subject, client).length >= 150,
          net.now + 600_000,
        )
        net.run(net.now + 3000)
        expect([heard(subject, server), heard(subject, client)]).toEqual([numbers(150), numbers(150)])
        expect([client.closes, server.closes]).toEqual([[], []])
        told += 300
      }),
      { numRuns: runs },
    )
    figure(
      `7.9: ${name}: ${told} messages in ${runs} seeds at 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption: each once, in order`,
    )
  }, 240_000)
})

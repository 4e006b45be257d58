// Peers that were let in and lie: tests 40, 41, 44 and 46 of the security review by their numbers (docs/security.md), and
// bar 7 of DESIGN section 7, between whole endpoints, on every protocol.
import { describe, expect, test } from 'vitest'
import { acknowledgement, claimed, Liar, message } from './liar.ts'
import { bytesInUse } from './memory.ts'
import { Stranger } from './network.ts'
import {
  changed,
  codeOf,
  feed,
  figure,
  heard,
  join,
  LONG,
  meet,
  numbers,
  SUBJECTS,
  say,
  UNLIMITED,
} from './subjects.ts'

describe.each(SUBJECTS)('%s', (name, subject) => {
  test('40: the newest packet is copied from a third address', () => {
    const met = meet(changed(subject, UNLIMITED), 40)
    const { net, server, client, toServer, toClient } = met
    net.run(net.now + 1500)
    const thief = new Stranger(net)
    let copied = 0
    client.wire.filter = bytes => {
      if (copied > 0) return [bytes]
      copied = bytes.length
      thief.throw(bytes)
      thief.socket.touch()
      return []
    }
    say(client, toServer, subject.reliable(0))
    net.run(net.now + 50)
    for (let n = 0; n < 50; n++) say(server, toClient, subject.reliable(n))
    net.run(net.now + 20)
    say(client, toServer, subject.reliable(1))
    const since = net.now
    net.runUntil(() => heard(subject, client).length === 50, since + 10_000)
    const stolen = thief.got.reduce((sum, bytes) => sum + bytes.length, 0)
    figure(
      `40: ${name}: ${stolen} bytes went to the third address for ${copied} from there (${(stolen / copied).toFixed(2)}x), the stream was back after ${(net.now - since).toFixed(0)} ms`,
    )
    expect(copied).toBeGreaterThan(0)
    expect(stolen).toBeLessThanOrEqual(3 * copied)
    expect(heard(subject, client)).toEqual(numbers(50))
    expect(server.peer().address).toBe(client.socket.address)
    // Three RTOs of at least 100 ms, and a round trip.
    expect(net.now - since).toBeLessThan(1000)
  })

  test('41: a client names the address of a victim, and guesses what was asked there', () => {
    const met = meet(changed(subject, UNLIMITED), 41)
    const { net, server, client, toServer, toClient } = met
    net.run(net.now + 1500)
    const victim = new Stranger(net, '10.0.0.77:777')
    const liar = new Liar(client, toServer)
    net.run(net.now + 100)
    // From now on everything that it sends carries the address of the victim, as a forger on its network would have it.
    let thrown = 0
    client.wire.filter = bytes => {
      victim.throw(bytes)
      thrown += bytes.length
      return []
    }
    let n = 0
    const began = net.now
    for (let at = 0; at < 5000; at += 50)
      net.at(began + at, () => {
        for (let i = 0; i < 20; i++) liar.frame('Pong', { token: BigInt(net.random.below(2 ** 31)) })
        liar.frame(...message(subject, 'loose', { seq: 1000 + n }))
        liar.flush()
        victim.socket.touch()
        say(server, toClient, subject.loose(n++))
      })
    net.run(began + 6000)
    const flooded = victim.got.reduce((sum, bytes) => sum + bytes.length, 0)
    figure(`41: ${name}: 2000 guessed answers, the path was never proved; ${flooded} bytes for ${thrown} in its name`)
    expect(thrown).toBeGreaterThan(10_000)
    expect(flooded).toBeLessThanOrEqual(3 * thrown)
    // Back at the address that had proved itself, or over; never at the victim's.
    net.run(net.now + 5000)
    expect(server.sessions.filter(one => one.phase === 'open').map(one => one.address)).not.toContain('10.0.0.77:777')
  })

  test('44: a receiver that acknowledges what is on its way gets a window for each round trip of the handshake', () => {
    const met = meet(changed(subject, UNLIMITED), 44, { link: { latency: 50 } })
    const { net, server, client, toServer, toClient } = met
    net.run(net.now + 1000)
    const liar = new Liar(client, toServer)
    net.run(net.now + 300)
    const before = server.wire.sent.length
    const from = net.now
    feed(met, 200_000, 'server')
    // It knows what is sent the moment it is sent, and acknowledges it at once.
    let top = 0
    let most = 0
    const cheat = (): void => {
      if (net.now > from + 2500 || liar.isOver) return
      const sent = server.wire.sent.length - before
      if (sent > top && sent > 0) {
        top = Math.max(top + 1, Math.min(sent, server.peer().channels!.counters.sent))
        liar.frame(...acknowledgement(subject, top, 2n ** 64n - 1n))
        liar.flush()
      }
      most = Math.max(most, server.peer().channels!.path.window)
      net.at(net.now + 1, cheat)
    }
    net.at(net.now + 51, cheat)
    net.run(from + 2500)
    const bytes = server.wire.sent.slice(before).reduce((sum, one) => sum + one.bytes.length, 0)
    const allowed = ((most + 12_000) * (net.now - from)) / 100 + 12_000
    figure(
      `44: ${name}: ${bytes} bytes in ${net.now - from} ms at a window of at most ${most.toFixed(0)}, allowed ${allowed.toFixed(0)}`,
    )
    expect(toClient.phase).toBe('open')
    expect(bytes).toBeLessThanOrEqual(allowed)
  })

  test('44 and DESIGN 7.7: whoever acknowledges what was never sent is closed, in every way of saying it', () => {
    const lies: readonly (readonly [number, bigint])[] = [
      [5, 0n],
      [2 ** 31, 0n],
      [2 ** 32 - 1, 0n],
      [4, 0n],
      [3, 2n ** 32n - 1n],
    ]
    for (const [ack, bits] of lies) {
      const met = meet(subject, 77)
      const { net, server, client, toServer, toClient } = met
      for (let n = 0; n < 3; n++) say(server, toClient, subject.reliable(n))
      // The client would acknowledge them itself.
      net.run(net.now + 500)
      const other = join(met, '10.0.0.3:5000')
      net.run(net.now + 500)
      const liar = new Liar(client, toServer)
      liar.frame(...acknowledgement(subject, ack, bits))
      liar.flush()
      net.run(net.now + 500)
      expect([ack, bits, server.closes.map(one => one.code)]).toEqual([ack, bits, [codeOf(subject, 'WrongState')]])
      // Nobody else is.
      expect([server.endpoint.size, other.closes]).toEqual([1, []])
    }
    figure(
      `7.7: ${name}: ${lies.length} of ${lies.length} acknowledgements of what was never sent ended their connection alone`,
    )
  })

  test('46: a peer opens 65,536 messages and finishes none', () => {
    if (name === 'intentra')
      return expect(subject.protocol.channels.every(one => one.fragment === undefined)).toBe(true)
    const channel = subject.protocol.channels.find(
      one => one.fragment !== undefined && one.delivery.startsWith('reliable'),
    )!
    const met = meet(changed(subject, UNLIMITED), 46, { link: { latency: 1 } })
    const { net, server, client, toServer } = met
    const other = join(met, '10.0.0.3:5000')
    net.run(net.now + 1000)
    const liar = new Liar(client, toServer)
    liar.deafen()
    const before = bytesInUse().buffers
    let most = 0
    const many = LONG ? 65_536 : 16_384
    for (let n = 0; n < many && server.closes.length === 0; n++) {
      const piece = { id: n & 65_535, index: 0, count: 3 }
      liar.tell(claimed(liar, subject, 'pieces', { seq: 1 + 3 * n, piece, size: 1000 }))
      if (n % 64 === 63) {
        liar.flush()
        net.run(net.now + 2)
        client.wire.sent.length = server.wire.sent.length = 0
        if (n % 4096 === 4095) most = Math.max(most, bytesInUse().buffers - before)
      }
    }
    figure(
      `46: ${name}: ${liar.told} messages begun, none finished; at most ${(most / 2 ** 20).toFixed(1)} MiB of buffers, bound ${(channel.fragment!.bytesPerPeer / 2 ** 20).toFixed(0)} MiB a peer`,
    )
    expect(most).toBeLessThan(channel.fragment!.bytesPerPeer + channel.reorder.bytes)
    expect(other.closes).toEqual([])
    expect(server.closes).toEqual([])
    expect(server.count('limit.reorder')).toBeGreaterThan(many / 2)
  }, 60_000)

  test('46: a count that changes ends that connection, and no other', () => {
    if (name === 'intentra')
      return expect(subject.protocol.channels.every(one => one.fragment === undefined)).toBe(true)
    const met = meet(subject, 460)
    const { net, server, client, toServer } = met
    const other = join(met, '10.0.0.3:5000')
    net.run(net.now + 1000)
    const liar = new Liar(client, toServer)
    liar.tell(claimed(liar, subject, 'pieces', { seq: 1, piece: { id: 1, index: 0, count: 3 }, size: 900 }))
    liar.tell(claimed(liar, subject, 'pieces', { seq: 2, piece: { id: 1, index: 1, count: 4 }, size: 900 }))
    liar.flush()
    net.run(net.now + 1000)
    expect(server.closes.map(one => one.code)).toEqual([codeOf(subject, 'BadValue')])
    expect([server.endpoint.size, other.closes]).toEqual([1, []])
  })
})

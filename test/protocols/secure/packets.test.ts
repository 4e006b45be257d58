// Sealed packets between peers that know each other, and what others make of them: the tests of
// the security review, by their numbers, and bars 3, 4, 7 and 8 of DESIGN section 7.
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import type { Aead, CryptoProvider } from '../../../runtime/crypto/provider.ts'
import { chooseProvider } from '../../../runtime/native/choose.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { HARSH } from '../harsh.ts'
import { CHAT, INTENTRA } from './kinds.ts'
import { batchOf, CLIENT, type Kind, opened, Party, SERVER, Stranger, type World, world } from './network.ts'

const BOTH: readonly (readonly ['chat' | 'intentra', Kind])[] = [
  ['chat', CHAT],
  ['intentra', INTENTRA],
]
const text = (n: number): Uint8Array => new TextEncoder().encode(`${n}`)
/** A reliable message that carries a number. */
const SAY = {
  chat: (all: World, n: number) => all.client.send(all.client.peer(), 'Say', { room: '', text: `${n}` }),
  intentra: (all: World, n: number) => all.client.send(all.client.peer(), 'Data', { payload: text(n) }, 'reliable'),
}
const heard = (party: Party): number[] =>
  party.data.flatMap(({ frame, value }) => {
    if (frame === 'Say') return [Number(value.text)]
    return frame === 'Data' ? [Number(new TextDecoder().decode(value.payload as Uint8Array))] : []
  })
const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
/** Without the rate limit, which is not what these are about. */
const unlimited = (kind: Kind, changes: object = {}): Kind => {
  const rate = { packets: 1e6, bytes: Infinity, burst: 1e6, before: 'deliver' } as const
  return { ...kind, protocol: { ...kind.protocol, limits: { ...kind.protocol.limits, rate, ...changes } } }
}
/** Sends `count` numbers as fast as they are taken. */
function feed(all: World, say: (all: World, n: number) => boolean, count: number): void {
  let next = 0
  const more = (): void => {
    while (next < count && say(all, next)) next++
    // The one that was not taken waits inside.
    if (next < count) next++
    if (next < count) all.net.at(all.net.now + 10, more)
  }
  more()
}

/** Keeps every (key, nonce) that was sealed with. */
function recording(): { crypto: CryptoProvider; nonces: Set<string>; repeated: string[] } {
  const inner = chooseProvider('node')
  const nonces = new Set<string>()
  const repeated: string[] = []
  const aead: CryptoProvider['aead'] = (name, key) => {
    const made = inner.aead(name, key)
    const label = Buffer.from(key).toString('hex')
    const seal: Aead['seal'] = (nonce, aad, bytes, start, end) => {
      const used = `${label}:${Buffer.from(nonce).toString('hex')}`
      if (nonces.has(used)) repeated.push(used)
      nonces.add(used)
      return made.seal(nonce, aad, bytes, start, end)
    }
    return Object.assign(Object.create(made) as Aead, { name: made.name, seal })
  }
  return { crypto: { ...inner, aead }, nonces, repeated }
}

describe.each(BOTH)('%s', (name, kind) => {
  const say = SAY[name]

  test('1: messages that are sent again after the acknowledgements moved on never use a nonce twice', () => {
    const { crypto, nonces, repeated } = recording()
    const net = new SimNetwork({ seed: 1, link: HARSH })
    const server = new Party(net, unlimited(kind).protocol, 'accepts', SERVER, { params: kind.server, crypto })
    const client = new Party(net, unlimited(kind).protocol, 'dials', CLIENT, { params: kind.client, crypto })
    const all = { net, server, client }
    opened(all, 30_000)
    feed(all, say, 400)
    net.runUntil(() => heard(server).length === 400, 600_000)
    expect(heard(server)).toEqual(numbers(400))
    expect(nonces.size).toBeGreaterThan(800)
    expect(repeated).toEqual([])
  })

  test('2: a lost acknowledgement is repaired when the message comes again', () => {
    const all = world(kind, 2)
    opened(all)
    all.net.run(all.net.now + 300)
    let isDeaf = true
    let lost = 0
    all.server.wire.filter = bytes => {
      if (!isDeaf) return [bytes]
      lost++
      return []
    }
    say(all, 0)
    all.net.runUntil(() => lost >= 2, 10_000)
    isDeaf = false
    all.net.run(all.net.now + 3000)
    expect(heard(all.server)).toEqual([0])
    expect(all.client.peer().channels!.unsettled).toBe(0)
    expect(all.client.closes).toEqual([])
  })

  test('36: forged packets with the id and the address of a peer', () => {
    const all = world(kind, 36)
    opened(all)
    const packet = all.client.wire.sent.at(-1)!.bytes
    feed(all, say, 100)
    let forged = 0
    // 20,000 a second for a second.
    for (let at = 0; at < 1000; at += 5)
      all.net.at(all.net.now + at, () => {
        const many = Array.from({ length: 100 }, (_, i) => ({
          to: CLIENT,
          bytes: Uint8Array.from(packet, (byte, k) => (k > 16 ? byte ^ (i + 1) : byte)),
        }))
        all.server.endpoint.receive(instant(all.net.now), batchOf(many))
        forged += 100
      })
    all.net.run(all.net.now + 4000)
    expect(forged).toBe(20_000)
    expect(heard(all.server)).toEqual(numbers(100))
    expect(all.server.count('limit.rate')).toBe(0)
    expect(all.server.closes).toEqual([])
  })

  test('DESIGN 7.3: a hundred thousand replayed packets deliver nothing', () => {
    const all = world(unlimited(kind), 3)
    opened(all)
    const packets: Uint8Array[] = []
    all.client.wire.filter = bytes => {
      packets.push(bytes)
      return [bytes]
    }
    feed(all, say, 500)
    all.net.run(all.net.now + 3000)
    const before = all.server.got.length
    let replayed = 0
    while (replayed < 100_000)
      for (let i = 0; i < packets.length; i += 64) {
        const some = packets.slice(i, i + 64).map(bytes => ({ to: CLIENT, bytes }))
        all.server.endpoint.receive(instant(all.net.now), batchOf(some))
        replayed += some.length
      }
    expect(heard(all.server)).toEqual(numbers(500))
    expect(all.server.got.length).toBe(before)
    expect(all.server.count('seal.replayed')).toBe(replayed)
    console.log(`DESIGN 7.3: ${name}: ${replayed} replayed packets, 0 delivered`)
  })

  test('DESIGN 7.4: keys change at half of their packets, again and again, at 30 % loss, and nothing is lost', () => {
    const [seal] = kind.protocol.seals
    const seals = [{ ...seal!, rekey: { ...seal!.rekey, packets: 200 } }]
    const all = world({ ...unlimited(kind), protocol: { ...unlimited(kind).protocol, seals } }, 4, HARSH)
    opened(all, 30_000)
    const phases = new Set<number>()
    const at = name === 'chat' ? 0 : 1
    const shift = name === 'chat' ? 2 : 1
    all.client.wire.filter = bytes => {
      phases.add((bytes[at]! >> shift) & 3)
      return [bytes]
    }
    feed(all, say, 1200)
    all.net.runUntil(() => heard(all.server).length === 1200, 900_000)
    expect(heard(all.server)).toEqual(numbers(1200))
    expect(all.client.closes.concat(all.server.closes)).toEqual([])
    expect(phases.size).toBe(4)
  })

  test('43: the very first reliable message is lost', () => {
    const all = world(kind, 43)
    opened(all)
    all.net.run(all.net.now + 200)
    let lost = 0
    all.client.wire.filter = bytes => (lost++ === 0 ? [] : [bytes])
    say(all, 0)
    all.net.run(all.net.now + 3000)
    expect(lost).toBeGreaterThan(1)
    expect(heard(all.server)).toEqual([0])
  })

  test('45: closes that are not sealed, replayed, or of another connection', () => {
    const all = world(kind, 45)
    opened(all)
    const other = new Party(all.net, kind.protocol, 'dials', '10.0.0.3:5000', { params: kind.client })
    const otherSession = other.connect()
    all.net.run(all.net.now + 1000)
    const before = other.wire.sent.length
    other.close(otherSession)
    all.net.run(all.net.now + 1000)
    const closes = other.wire.sent.slice(before).map(one => one.bytes)
    expect(closes.length).toBeGreaterThanOrEqual(3)
    const own = all.client.wire.sent.at(-1)!.bytes
    const id = name === 'chat' ? 1 : 4
    const forger = new Stranger(all.net)
    for (const close of closes) {
      forger.throw(close)
      // Under the id of the connection that stays.
      forger.throw(Uint8Array.from(close, (byte, k) => (k >= id && k < id + 4 ? own[k]! : byte)))
    }
    forger.throw(new Uint8Array(40))
    forger.socket.touch()
    all.net.run(all.net.now + 500)
    expect(all.server.closes.length).toBe(1)
    expect(all.client.closes).toEqual([])
    say(all, 7)
    all.net.run(all.net.now + 1000)
    expect(heard(all.server)).toEqual([7])
  })

  test('51 and DESIGN 7.8: a blackout of 10 s is survived, and what waited arrives within 3 s', () => {
    const all = world(unlimited(kind), 51)
    opened(all)
    feed(all, say, 50)
    all.net.run(all.net.now + 1000)
    const restore = all.net.partition()
    for (let n = 50; n < 80; n++) say(all, n)
    all.net.run(all.net.now + 10_000)
    restore()
    const since = all.net.now
    all.net.runUntil(() => heard(all.server).length === 80, since + 20_000)
    console.log(`51: ${name}: all there ${(all.net.now - since).toFixed(0)} ms after a blackout of 10 s`)
    expect(heard(all.server)).toEqual(numbers(80))
    expect(all.net.now - since).toBeLessThanOrEqual(3000)
    expect(all.client.closes.concat(all.server.closes)).toEqual([])
  })

  test('40: the newest packet is copied from a third address', () => {
    const all = world(unlimited(kind), 40)
    opened(all)
    all.net.run(all.net.now + 500)
    const thief = new Stranger(all.net)
    let copied = 0
    all.client.wire.filter = bytes => {
      if (copied === 0 && all.net.now > 1000) {
        copied = bytes.length
        thief.throw(bytes)
        thief.socket.touch()
        return []
      }
      return [bytes]
    }
    all.net.at(1100, () => say(all, 0))
    const { server } = all
    all.net.at(1150, () => {
      for (let n = 0; n < 50; n++)
        if (name === 'chat') server.send(server.peer(), 'Say', { room: '', text: `${n}` })
        else server.send(server.peer(), 'Data', { payload: text(n) }, 'reliable')
    })
    all.net.at(1200, () => say(all, 1))
    all.net.run(6000)
    const stolen = thief.got.reduce((sum, bytes) => sum + bytes.length, 0)
    console.log(`40: ${name}: ${stolen} bytes went to the third address for ${copied} that came from there`)
    expect(copied).toBeGreaterThan(0)
    expect(stolen).toBeLessThanOrEqual(3 * copied)
    expect(heard(all.client)).toEqual(numbers(50))
    expect(server.peer().address).toBe(CLIENT)
  })

  test('42: the address of the client changes in the middle of a row', () => {
    const all = world(unlimited(kind), 42, { latency: 20 })
    opened(all)
    feed(all, say, 600)
    all.net.run(all.net.now + 50)
    all.client.socket.move('10.0.0.2:6001')
    const moved = all.net.now
    all.net.runUntil(() => heard(all.server).length === 600, moved + 20_000)
    expect(heard(all.server)).toEqual(numbers(600))
    all.net.run(all.net.now + 500)
    expect(all.server.peer().address).toBe('10.0.0.2:6001')
    expect(all.client.closes.concat(all.server.closes)).toEqual([])
  })
})

test('37: a full reorder buffer, by honest loss, is neither a strike nor an end', () => {
  const channels = INTENTRA.protocol.channels.map(one => ({ ...one, reorder: { messages: 8, bytes: 4096 } }))
  const kind = { ...unlimited(INTENTRA), protocol: { ...unlimited(INTENTRA).protocol, channels } }
  const all = world(kind, 37, { latency: 20, loss: 0.2, reorder: 0.3, reorderBy: 80 })
  opened(all, 30_000)
  feed(all, SAY.intentra, 600)
  all.net.runUntil(() => heard(all.server).length === 600, 300_000)
  expect(heard(all.server)).toEqual(numbers(600))
  expect(all.server.count('strike')).toBe(0)
  expect(all.server.closes.concat(all.client.closes)).toEqual([])
})

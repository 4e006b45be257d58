// DESIGN 7.6: hostile input, raw or validly sealed, never throws out of a machine, never blocks it for long, and never grows
// its memory. Peers with valid keys seal garbage of every shape, in both directions, beside a peer that is honest.
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import type { Plain } from '../../../runtime/core/recast.ts'
import type { SimRandom } from '../../../runtime/sim/random.ts'
import { acknowledgement, claimed, Liar, message } from './liar.ts'
import { bytesInUse } from './memory.ts'
import { batchOf, CLIENT, type Party, SERVER } from './network.ts'
import {
  changed,
  feed,
  figure,
  join,
  LONG,
  type Met,
  meet,
  numbers,
  SUBJECTS,
  type Subject,
  UNLIMITED,
} from './subjects.ts'

/** Peers that lie, one after another, and packets of each. */
const LIVES = LONG ? 400 : 24
const EACH = 250
const WARM = LONG ? 40 : 6
const ROUNDS = LONG ? 3 : 1

describe.each(SUBJECTS)('DESIGN 7.6: %s', (name, subject) => {
  test('peers with valid keys that seal garbage of every shape harm nobody else', () => {
    // The same seed is the same attack: what took long by itself takes long each time, what was swept up meanwhile does not.
    const calls: number[] = []
    let result = attack(subject, calls)
    for (let round = 1; round < ROUNDS; round++) {
      const again: number[] = []
      result = attack(subject, again)
      for (let i = 0; i < calls.length; i++) calls[i] = Math.min(calls[i]!, again[i] ?? 0)
    }
    const longest = calls.reduce((most, one) => Math.max(most, one), 0)
    const { told, ended, grown } = result
    figure(
      `7.6: ${name}: ${told} validly sealed packets of ${LIVES - WARM} hostile peers: ${ended} were closed, longest call ${longest.toFixed(1)} ms (${ROUNDS === 1 ? 'whatever else ran' : `least of ${ROUNDS} runs`}), memory ${grown.toFixed(2)} MiB more when they were gone`,
    )
    expect(told).toBeGreaterThan(LIVES * 10)
    expect(grown).toBeLessThan(3)
    // A bound of time is only a bound where the machine is not at fault.
    if (LONG) expect(longest).toBeLessThan(10)
  }, 300_000)

  test('a server with valid keys does no harm to its client either', () => {
    const random = meet(subject, 1).net.random.fork('server')
    for (let life = 0; life < LIVES / 4; life++) {
      const met = meet(changed(subject, UNLIMITED), 760 + life, { link: { latency: 5 } })
      const liar = new Liar(met.server, met.toClient)
      const shapes = shapesOf(subject, random)
      for (let i = 0; i < EACH && !liar.isOver; i++) {
        pick(random, shapes)(liar)
        if (i % 16 === 15) {
          liar.flush()
          met.net.run(met.net.now + 1)
        }
      }
      met.net.run(met.net.now + 60_000)
      // Closed, or open as before; never stuck.
      expect(['open', 'over']).toContain(met.toServer.phase)
    }
  }, 300_000)

  test('raw garbage, from strangers and from the address of a peer, changes nothing', () => {
    const met = meet(changed(subject, UNLIMITED), 77, { link: { latency: 5 } })
    const { net, server, client } = met
    const honest = honestly(met)
    feed(met, 50)
    net.run(net.now + 2000)
    let longest = 0
    timed(server, ms => {
      longest = Math.max(longest, ms)
    })
    const random = net.random.fork('raw')
    const seen = [...client.wire.sent, ...server.wire.sent].map(one => one.bytes)
    const most = LONG ? 1_000_000 : 30_000
    const before = settled(met)
    const [answers, delivered] = [server.wire.sent.length, server.got.length]
    for (let done = 0; done < most; done += 64) {
      const all = Array.from({ length: 64 }, () => {
        const bytes = spoilt(random, random.chance(0.3) ? random.bytes(random.below(1500)) : pick(random, seen))
        return { to: random.chance(0.5) ? CLIENT : `10.66.0.${random.below(250)}:9`, bytes }
      })
      for (const party of [server, client]) {
        const from = party === server ? all : all.map(one => ({ ...one, to: one.to === CLIENT ? SERVER : one.to }))
        party.endpoint.receive(instant(net.now), batchOf(from))
        for (let out = party.endpoint.transmit(); out !== undefined; out = party.endpoint.transmit()) {
          for (let i = 0; i < out.count; i++) expect(out.lengths[i]).toBeLessThanOrEqual(192)
          party.endpoint.release(out)
        }
      }
    }
    const after = [server.got.length, server.wire.sent.length]
    const grown = settled(met) - before
    figure(
      `7.6: ${name}: ${2 * most} raw packets of garbage: longest call ${longest.toFixed(1)} ms, memory ${grown.toFixed(2)} MiB more, ${after[0]! - delivered} delivered`,
    )
    expect(after).toEqual([delivered, answers])
    expect(server.endpoint.size).toBe(1)
    expect(grown).toBeLessThan(3)
    feed(met, 50, 'client', 50)
    net.run(net.now + 2000)
    expect(honest).toEqual(numbers(100))
    expect([client.closes, server.closes]).toEqual([[], []])
  }, 300_000)
})

/** All lives of liars beside one honest peer. Fails where that one, or the server, comes to harm. */
function attack(subject: Subject, calls: number[]): { told: number; ended: number; grown: number } {
  const met = meet(changed(subject, UNLIMITED), 76, { link: { latency: 5 } })
  const { net, server } = met
  const random = net.random.fork('liars')
  const honest = honestly(met)
  let told = 0
  let ended = 0
  const live = (life: number): void => {
    const party = join(met, `10.7.${life >> 8}.${life & 255}:1000`)
    if (!net.runUntil(() => party.sessions.length > 0, net.now + 5000)) throw new Error(`life ${life} did not open`)
    const liar = new Liar(party, party.peer())
    liar.deafen()
    const closes = server.closes.length
    const shapes = shapesOf(subject, random)
    // Two out of three spoil what they will, the others choose one shape and stay with it.
    const only = life % 3 === 0 ? shapes[(life / 3) % shapes.length] : undefined
    for (let i = 0; i < EACH && server.closes.length === closes; i++) {
      ;(only ?? pick(random, shapes))(liar)
      if (i % 16 === 15) {
        liar.flush()
        net.run(net.now + 1)
      }
    }
    liar.flush()
    net.run(net.now + 30)
    told += liar.told
    ended += server.closes.length - closes
    party.socket.remove()
  }
  // The first ones find everything cold.
  for (let life = 0; life < WARM; life++) live(life)
  const before = settled(met)
  timed(server, ms => calls.push(ms))
  told = ended = 0
  for (let life = WARM; life < LIVES; life++) {
    // Ten messages for each, all of which must arrive, once and in order.
    feed(met, 10, 'client', 10 * (life - WARM))
    live(life)
  }
  const grown = settled(met) - before
  expect(honest).toEqual(numbers(10 * (LIVES - WARM)))
  expect(server.endpoint.size).toBe(1)
  expect(met.client.closes).toEqual([])
  return { told, ended, grown }
}

type Shape = (liar: Liar) => void

function pick<T>(random: SimRandom, of: readonly T[]): T {
  return of[random.below(of.length)]!
}

/** Everything that somebody with a key can say. */
function shapesOf(subject: Subject, random: SimRandom): Shape[] {
  const number = (): number => pick(random, [0, 1, 2, 3, random.below(400), random.below(70_000), 2 ** 31, 2 ** 32 - 1])
  const on = (): 'reliable' | 'loose' | 'pieces' => pick(random, ['reliable', 'loose', 'pieces'] as const)
  const count = (): number => pick(random, [0, 1, 2, 3, 255, 256, 16_384, 65_535])
  const bits = (): bigint => pick(random, [0n, 1n, 2n ** 64n - 1n, 0xaaaa_aaaa_aaaa_aaaan])
  const sample = (): [string, Plain] =>
    pick(random, [
      message(subject, on(), { seq: number(), size: random.below(1100) }),
      message(subject, 'pieces', { seq: number(), piece: { id: number() & 255, index: 0, count: 2 }, size: 900 }),
      acknowledgement(subject, 1),
      ['Ping', { token: 1n }],
      ['Pong', { token: 2n }],
    ])
  let seq = 1
  return [
    // Text that is no frame.
    liar => {
      const [header] = [liar.text('Ping', { token: 1n })]
      const text = new Uint8Array(random.below(1180) + header.length)
      text.set(random.bytes(text.length))
      text.set(header.subarray(0, random.below(header.length + 1)))
      liar.tell(withClear(header, text))
    },
    // Frames with some bytes changed, cut off, or with more behind them.
    liar => {
      const text = liar.text(...sample())
      liar.tell(withClear(text, spoilt(random, text)))
    },
    // Numbers far away, and back again.
    liar => liar.frame(...message(subject, on(), { seq: number(), size: random.below(1000) })),
    // A hole that is never filled, with as much behind it as the window takes.
    liar => liar.frame(...message(subject, 'reliable', { seq: (seq = (seq % 4000) + 2), size: 1000 })),
    // Pieces of messages that are never finished, and pieces that contradict each other.
    liar => {
      const of = count()
      const piece = { id: number() & 65_535, index: number() & 65_535, count: of }
      const channel = subject.name === 'fastnet' && random.chance(0.5) ? 'loose' : 'pieces'
      liar.tell(claimed(liar, subject, channel, { seq: number(), piece, size: 900 }))
    },
    liar => {
      seq = (seq % 4000) + 3
      liar.tell(claimed(liar, subject, 'pieces', { seq, piece: { id: seq & 255, index: 0, count: 3 }, size: 1000 }))
    },
    // What was never sent is acknowledged, or acknowledged in a strange way.
    liar => liar.frame(...acknowledgement(subject, pick(random, [0, 0, 0, number()]), bits())),
    liar =>
      liar.frame(...message(subject, 'reliable', { seq: number(), ack: pick(random, [0, 0, number()]), bits: bits() })),
    // Questions without end, answers that nobody asked for.
    liar => liar.frame('Ping', { token: BigInt(random.below(2 ** 31)) }),
    liar => liar.frame('Pong', { token: BigInt(random.below(2 ** 31)) }),
    // A goodbye now and then.
    liar => {
      if (random.chance(0.02)) liar.frame(...goodbye(subject))
    },
  ]
}

function goodbye({ name }: Subject): [string, Plain] {
  if (name === 'fastnet') return ['Disconnect', { _rest: new Uint8Array(9) }]
  return ['Close', name === 'intentra' ? { code: 9 } : { code: 9, reason: 'x' }]
}

/** The id and number in front have to be right, or nobody opens it. */
function withClear(header: Uint8Array, text: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(text.length < 16 ? new Uint8Array(16) : text)
  copy.set(header.subarray(0, Math.min(8, header.length)))
  return copy
}

function spoilt(random: SimRandom, bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  for (let i = random.below(4); i >= 0 && copy.length > 0; i--) copy[random.below(copy.length)] = random.below(256)
  if (random.chance(0.2)) return copy.subarray(0, random.below(copy.length + 1))
  if (random.chance(0.2)) return Uint8Array.of(...copy, ...random.bytes(random.below(100)))
  return copy
}

/** What the peer that does not lie is heard to say. */
function honestly({ subject, server }: Met): number[] {
  const heard: number[] = []
  server.handle = (session, value, frame) => {
    const found = session.address === CLIENT ? subject.numberOf(frame, value) : undefined
    if (found?.isReliable) heard.push(found.n)
  }
  return heard
}

/** How long each call into a machine takes, by the clock or by what the process used of its processors: what is less. */
function timed({ endpoint }: Party, took: (ms: number) => void): void {
  for (const name of ['receive', 'wake', 'transmit'] as const) {
    const call = endpoint[name] as (...args: unknown[]) => unknown
    Object.assign(endpoint, {
      [name]: (...args: unknown[]) => {
        const [from, used] = [performance.now(), process.cpuUsage()]
        const result = call.apply(endpoint, args)
        const { user, system } = process.cpuUsage(used)
        took(Math.min(performance.now() - from, (user + system) / 1000))
        return result
      },
    })
  }
}

/** MiB in use when all that is over is forgotten and swept up. */
function settled({ net, server, client }: Met): number {
  net.run(net.now + 45_000)
  server.wire.sent.length = client.wire.sent.length = 0
  server.got.length = server.errors.length = server.closes.length = server.sessions.length = 0
  return bytesInUse().all / 2 ** 20
}

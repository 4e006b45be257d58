// Numbers and keys of connections between whole endpoints, on every protocol: tests 1 to 12 of the security review by
// their numbers (docs/security.md), and bar 4 of DESIGN section 7. Evidence is counted, not believed.
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import { HARSH } from '../harsh.ts'
import { Liar } from './liar.ts'
import { batchOf, CLIENT, type Party } from './network.ts'
import { Recorder } from './recorder.ts'
import {
  bitsOf,
  changed,
  codeOf,
  counterOf,
  feed,
  figure,
  heard,
  isSealedPacket,
  LONG,
  meet,
  numbers,
  placesOf,
  SUBJECTS,
  type Subject,
  say,
  UNLIMITED,
  withBits,
} from './subjects.ts'

const rekeying = (subject: Subject, packets: number, age = 1e9, limits = {}): Subject =>
  changed(subject, { rekey: { packets, age }, limits: { ...UNLIMITED.limits, ...limits } })

describe.each(SUBJECTS)('%s', (name, subject) => {
  const { phase, seen, sealedAt } = placesOf(subject)
  const isSealed = (bytes: Uint8Array): boolean => isSealedPacket(subject, bytes)
  const isLarge = name === 'intentra' || name === 'fastnet'
  /** Phases of the sealed packets that went out. */
  const phasesOf = (party: Party): number[] =>
    party.wire.sent.filter(one => isSealed(one.bytes)).map(one => bitsOf(phase, one.bytes))

  test('1: messages sent again after the acknowledgements moved on never seal a number twice', () => {
    const most = LONG && isLarge ? 1_000_000 : 6000
    const crypto = new Recorder()
    const met = meet(rekeying(subject, Math.max(400, most / 8)), 1, {
      link: HARSH,
      server: { crypto },
      client: { crypto },
    })
    const { net, server, client } = met
    let said = 0
    while (crypto.seals < most && client.closes.length === 0) {
      feed(met, 200, 'client', said)
      said += 200
      net.runUntil(() => server.got.length > 0 && heard(subject, server).includes(said - 1), net.now + 600_000)
      server.got.length = server.wire.sent.length = client.wire.sent.length = 0
    }
    figure(
      `1: ${name}: ${crypto.seals} packets sealed under ${crypto.used.size} keys, ${crypto.repeats} (key, nonce) twice`,
    )
    expect(crypto.seals).toBeGreaterThanOrEqual(most)
    expect(crypto.repeats).toBe(0)
  }, 240_000)

  test('2: a lost acknowledgement is repaired when the message comes again', () => {
    const met = meet(subject, 2)
    const { net, server, client } = met
    net.run(net.now + 300)
    let isDeaf = true
    let lost = 0
    server.wire.filter = bytes => {
      if (!isDeaf) return [bytes]
      lost++
      return []
    }
    feed(met, 1)
    net.runUntil(() => lost >= 2, net.now + 10_000)
    isDeaf = false
    net.run(net.now + 3000)
    expect(heard(subject, server)).toEqual([0])
    expect([lost >= 2, client.peer().channels!.unsettled, client.closes]).toEqual([true, 0, []])
  })

  test('3: what could not be sent takes a new number when it is sealed again', () => {
    const crypto = new Recorder()
    const met = meet(rekeying(subject, 1e6), 3, { client: { crypto }, server: { crypto } })
    const { net, server, client } = met
    net.run(net.now + 300)
    // The socket takes nothing: sealed packets stay with the driver, which drops some and sends others late.
    const kept: Uint8Array[] = []
    const all = new Set<number>()
    client.wire.filter = bytes => {
      if (isSealed(bytes)) all.add(counterOf(subject, bytes))
      kept.push(bytes)
      return []
    }
    feed(met, 20)
    net.run(net.now + 1000)
    const held = kept.length
    const distinct = all.size
    client.wire.filter = undefined
    for (const bytes of kept.slice(0, held / 2))
      server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes }]))
    net.run(net.now + 5000)
    expect(heard(subject, server)).toEqual(numbers(20))
    expect([held > 20, distinct, crypto.repeats]).toEqual([true, held, 0])
  })

  test('4: a sender at half its budget changes phase and the receiver follows, at 30 % loss and 20 % reorder', () => {
    const met = meet(rekeying(subject, 300), 4, { link: { latency: 20, loss: 0.3, reorder: 0.2, reorderBy: 60 } })
    const { net, server, client } = met
    feed(met, 1500)
    feed(met, 300, 'server')
    net.runUntil(() => heard(subject, server).length >= 1500 && heard(subject, client).length >= 300, 900_000)
    expect(heard(subject, server)).toEqual(numbers(1500))
    expect(heard(subject, client)).toEqual(numbers(300))
    expect([client.closes, server.closes]).toEqual([[], []])
    const steps = stepsOf(phasesOf(client))
    figure(`4: ${name}: 1500 messages one way and 300 the other at 30 % loss, ${steps} changes of key, 0 lost`)
    expect(steps).toBeGreaterThan(4)
    expect(stepsOf(phasesOf(server))).toBeGreaterThan(4)
  })

  test('5: both sides change their keys in the same millisecond', () => {
    const met = meet(rekeying(subject, 1e9, 4000), 5)
    const { net, server, client, toServer, toClient } = met
    let n = 0
    const both = (at: number): void =>
      net.at(at, () => {
        say(client, toServer, subject.reliable(n))
        say(server, toClient, subject.reliable(n++))
      })
    for (let i = 0; i < 5; i++) both(net.now + 100 + i * 50)
    // At half of their age both keys are due; nobody has spoken since, and now both do.
    const isHanded = subject.protocol.handshake?.script?.noise === undefined
    const at = (isHanded ? 0 : net.now + 10) + 2000
    for (let i = 0; i < 5; i++) both(at + i * 200)
    for (let i = 0; i < 5; i++) both(at + 2500 + i * 200)
    net.run(at + 6000)
    for (const party of [client, server]) {
      const first = party.wire.sent.find(one => isSealed(one.bytes) && bitsOf(phase, one.bytes) === 1)!
      expect(first.at).toBe(at)
      expect(stepsOf(phasesOf(party))).toBeGreaterThanOrEqual(2)
    }
    expect(heard(subject, server)).toEqual(numbers(15))
    expect(heard(subject, client)).toEqual(numbers(15))
    expect([client.closes, server.closes, server.count('error'), client.count('error')]).toEqual([[], [], 0, 0])
  })

  test('6: a sender whose peer never confirms stops at the hard limit, one phase ahead', () => {
    const packets = 400
    // Each side decides about its own keys, and the client alone has so small a budget.
    const { protocol } = rekeying(subject, packets, 1e9, { idle: 3_600_000 })
    const met = meet(rekeying(subject, 1e9), 6, { client: { protocol } })
    const { net, server, client, toServer, toClient } = met
    net.run(net.now + 500)
    const began = client.wire.sent.filter(one => isSealed(one.bytes)).length
    let under1 = 0
    // The server goes on to speak, but nothing of the new phase reaches it, so it confirms none.
    client.wire.filter = bytes => {
      if (!isSealed(bytes) || bitsOf(phase, bytes) === 0) return [bytes]
      under1++
      return []
    }
    let spoken = 0
    let isWaiting = false
    const speak = (): void => {
      if (client.closes.length > 0 || toServer.phase !== 'open') return
      // What is not taken waits inside until it is; nothing more is said meanwhile.
      if (isWaiting) return
      for (let i = 0; i < 20 && !isWaiting; i++) isWaiting = !say(client, toServer, subject.loose(spoken++))
      net.at(net.now + 5, speak)
    }
    speak()
    const ask = (): void => {
      if (client.closes.length > 0 || toClient.phase !== 'open') return
      for (let i = 0; i < 10; i++) server.send(toClient, 'Ping', { token: BigInt(i + 1) })
      net.at(net.now + 20, ask)
    }
    net.at(net.now + 200, ask)
    net.runUntil(() => client.closes.length > 0, net.now + 120_000)
    const phases = new Set(phasesOf(client))
    figure(
      `6: ${name}: ${under1} packets under the unconfirmed key of a budget of ${packets} (at most 1024 of them beyond), then ${client.closes[0]?.code}`,
    )
    expect([...phases].sort()).toEqual([0, 1])
    expect(client.closes.map(one => one.code)).toEqual(['Timeout'])
    // The whole of the budget, the control packets beyond it, and nothing after them: not even a goodbye.
    expect(under1).toBeGreaterThan(packets)
    expect(under1).toBeLessThanOrEqual(packets + 1024)
    expect(began).toBeGreaterThan(0)
  })

  test('7: one-way traffic that may get lost changes its keys', () => {
    const budget = LONG && isLarge ? 2 ** 20 : 2 ** 11
    const met = meet(rekeying(subject, budget), 7)
    const { net, server, client, toServer } = met
    const total = 3 * budget
    // A millisecond; so many that a confirmation is back long before the budget is used up.
    const rate = Math.min(64, budget / 512)
    let sent = 0
    let got = 0
    server.handle = (_session, value, frame) => {
      const found = subject.numberOf(frame, value)
      if (found !== undefined && !found.isReliable) got++
    }
    const steps = new Set<number>()
    let last = 0
    let changes = 0
    while (sent < total && client.closes.length === 0) {
      for (let i = 0; i < rate && sent < total; i++) say(client, toServer, subject.loose(sent++))
      net.run(net.now + 1)
      for (const one of phasesOf(client)) {
        if (one !== last) changes++
        last = one
        steps.add(one)
      }
      client.wire.sent.length = server.wire.sent.length = server.got.length = 0
    }
    net.run(net.now + 2000)
    figure(`7: ${name}: ${total} packets one way, ${got} arrived, ${changes} changes of key (budget ${budget})`)
    expect(got).toBe(total)
    expect(changes).toBeGreaterThanOrEqual(3)
    expect([client.closes, server.closes]).toEqual([[], []])
  }, 240_000)

  test('8: packets of the phase before open within ten seconds of the change, and not after', () => {
    const met = meet(rekeying(subject, 200), 8)
    const { net, server, client, toServer } = met
    net.run(net.now + 200)
    const held: Uint8Array[] = []
    client.wire.filter = bytes => {
      held.push(bytes)
      return []
    }
    for (let n = 0; n < 10; n++) say(client, toServer, subject.reliable(n))
    net.run(net.now + 1)
    client.wire.filter = undefined
    expect(held.filter(bytes => bitsOf(phase, bytes) === 0).length).toBe(held.length)
    expect(held.length).toBeGreaterThanOrEqual(10)
    for (let n = 0; n < 120; n++) say(client, toServer, subject.loose(n))
    net.runUntil(
      () => server.wire.sent.some(one => isSealed(one.bytes) && bitsOf(seen, one.bytes) === 1),
      net.now + 2000,
    )
    const changedAt = net.now
    net.run(changedAt + 9900)
    const throwIn = (bytes: Uint8Array): void => {
      server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes }]))
    }
    const before = server.count('error')
    const repeated = server.count('seal.replayed')
    for (const bytes of held.slice(0, 5)) throwIn(bytes)
    expect([server.count('error') - before, server.count('seal.replayed') - repeated]).toEqual([0, 0])
    net.run(changedAt + 10_100)
    for (const bytes of held.slice(5, 10)) throwIn(bytes)
    expect([server.count('error') - before, server.count('seal.replayed') - repeated]).toEqual([5, 0])
    expect(heard(subject, server)).toEqual(numbers(10))
    expect([client.closes, server.closes]).toEqual([[], []])
  })

  test('9: forged packets with each phase leave keys and phase as they were, at one attempt each', () => {
    const crypto = new Recorder()
    const met = meet(rekeying(subject, 200), 9, { server: { crypto } })
    const { net, server, client, toServer } = met
    // Into the second phase, so that there is one before.
    for (let n = 0; n < 120; n++) say(client, toServer, subject.loose(n))
    net.run(net.now + 1000)
    const genuine = client.wire.sent.at(-1)!.bytes
    const ahead = counterOf(subject, genuine)
    expect(bitsOf(phase, genuine)).toBe(1)
    const [opens, keys] = [crypto.opens, crypto.keys.filter(one => !one.isDestroyed).length]
    const forged = 4 * 2 * 50
    for (let i = 0; i < forged; i++) {
      const bytes = withBits(phase, genuine, i & 3)
      for (let at = sealedAt; at < bytes.length; at++) bytes[at]! ^= i + at
      // In front of all that came, or between them.
      setCounter(subject, bytes, (i & 4) === 0 ? ahead + 1000 + i : Math.max(1, ahead - 20))
      server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes }]))
    }
    const attempts = crypto.opens - opens
    const live = crypto.keys.filter(one => !one.isDestroyed).length
    figure(
      `9: ${name}: ${forged} forged packets of four phases cost ${attempts} attempts to open, ${live - keys} keys more`,
    )
    expect(attempts).toBeLessThanOrEqual(forged)
    // The next key, derived once.
    expect(live - keys).toBeLessThanOrEqual(1)
    say(server, met.toClient, subject.reliable(0))
    feed(met, 20)
    net.run(net.now + 2000)
    expect(bitsOf(seen, server.wire.sent.findLast(one => isSealed(one.bytes))!.bytes)).toBe(1)
    expect(heard(subject, server)).toEqual(numbers(20))
    expect([client.closes, server.closes]).toEqual([[], []])
  })

  test('10: a confirmation of a phase that was never sent ends the connection', () => {
    const met = meet(subject, 10)
    const liar = new Liar(met.client, met.toServer)
    liar.claimPhase(1)
    liar.frame(...subjectPing())
    liar.flush()
    met.net.run(met.net.now + 500)
    expect(met.server.closes.map(one => one.code)).toEqual([codeOf(subject, 'WrongState')])
    expect(met.server.endpoint.size).toBe(0)
  })

  test('11: what a server holds after two changes of key opens no packet of two phases ago', () => {
    const crypto = new Recorder()
    const met = meet(rekeying(subject, 200), 11, { server: { crypto } })
    const { net, server, client, toServer } = met
    const old = client.wire.sent.findLast(one => isSealed(one.bytes))!.bytes
    const first = crypto.keys.filter(one => one.opened > 0 && !one.isDestroyed)
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 120; n++) say(client, toServer, subject.loose(n))
      net.run(net.now + 1000)
    }
    net.run(net.now + 11_000)
    expect(stepsOf(phasesOf(client))).toBeGreaterThanOrEqual(2)
    const opens = crypto.opens
    server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes: old }]))
    // Not even tried, or tried in vain.
    expect(server.count('seal.replayed') + server.count('error')).toBeGreaterThan(0)
    expect(crypto.opens - opens).toBeLessThanOrEqual(1)
    // The key that opened it is gone, from the cipher and from the array it was made of.
    expect(first.length).toBeGreaterThan(0)
    for (const one of first) expect([one.isDestroyed, one.given.every(byte => byte === 0)]).toEqual([true, true])
    for (const one of crypto.keys.filter(key => !key.isDestroyed))
      for (const { copy } of first) expect(Buffer.from(one.copy).equals(copy)).toBe(false)
  })

  test('12: a replay of old packets over three phases delivers nothing', () => {
    const most = LONG ? 1_000_000 : 40_000
    const met = meet(rekeying(subject, 400), 12)
    const { net, server, client, toServer } = met
    const packets: Uint8Array[] = []
    client.wire.filter = bytes => {
      if (isSealed(bytes)) packets.push(bytes)
      return [bytes]
    }
    let sent = 0
    while (stepsOf(packets.map(bytes => bitsOf(phase, bytes))) < 3) {
      for (let i = 0; i < 30; i++) say(client, toServer, subject.loose(sent++))
      feed(met, 10, 'client', sent)
      net.run(net.now + 200)
    }
    client.wire.filter = undefined
    net.run(net.now + 1000)
    const before = server.got.length
    const counted = (): number => server.count('seal.replayed') + server.count('error')
    const refused = counted()
    let replayed = 0
    while (replayed < most)
      for (let i = 0; i < packets.length; i += 64) {
        const some = packets.slice(i, i + 64).map(bytes => ({ to: CLIENT, bytes }))
        server.endpoint.receive(instant(net.now), batchOf(some))
        replayed += some.length
      }
    figure(
      `12: ${name}: ${replayed} packets of ${stepsOf(packets.map(bytes => bitsOf(phase, bytes))) + 1} phases replayed, ${server.got.length - before} delivered`,
    )
    expect(server.got.length).toBe(before)
    expect(counted() - refused).toBe(replayed)
    expect(server.closes).toEqual([])
  }, 60_000)
})

const subjectPing = (): [string, { token: bigint }] => ['Ping', { token: 1n }]

/** Changes from one phase to the next; packets overtaken by the change do not count. */
function stepsOf(phases: readonly number[]): number {
  let last = phases[0] ?? 0
  let steps = 0
  for (const one of phases)
    if (one === ((last + 1) & 3)) {
      last = one
      steps++
    }
  return steps
}

function setCounter(subject: Subject, bytes: Uint8Array, value: number): void {
  const { at, size, little } = placesOf(subject).counter
  for (let i = 0; i < size; i++) bytes[little ? at + i : at + size - 1 - i] = Math.floor(value / 2 ** (8 * i)) & 255
}

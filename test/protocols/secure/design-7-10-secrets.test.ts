// DESIGN 7.10: secrets are never in errors, metrics, logs or JSON, and are overwritten when a connection ends. Every key that
// the cryptography was given is looked for in everything that anybody could print.
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { instant } from '../../../runtime/core/machine.ts'
import { connect, serve } from '../../../runtime/index.ts'
import { Metrics } from '../../../runtime/metrics/metrics.ts'
import { HARSH } from '../harsh.ts'
import { Liar } from './liar.ts'
import { batchOf, CLIENT, type Party, publicOf, secretOf } from './network.ts'
import { Recorder } from './recorder.ts'
import { changed, feed, figure, isSealedPacket, meet, SUBJECTS, UNLIMITED } from './subjects.ts'

/** As text, in every way that a key is written. */
function spellings(key: Uint8Array): string[] {
  const bytes = Buffer.from(key)
  const pairs = [...key].map(byte => byte.toString(16).padStart(2, '0'))
  return [
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    pairs.join(' '),
    pairs.join(':'),
    [...key].join(', '),
    [...key].join(','),
  ]
}

/** Everything about a side that somebody could print. */
function printed(party: Party): string {
  const sessions = [...party.sessions, ...party.endpoint.sessions()]
  return [
    ...party.errors,
    ...party.closes.map(one => inspect(one)),
    ...[...party.counts].map(one => one.join(' ')),
    ...sessions.flatMap(one => [inspect(one, { depth: 10, maxArrayLength: 64 }), json(one)]),
    inspect(party.endpoint, { depth: 10, maxArrayLength: 64 }),
  ].join('\n')
}

function json(value: unknown): string {
  const seen = new Set<unknown>()
  return JSON.stringify(value, (_key, one: unknown) => {
    if (typeof one === 'bigint') return `${one}`
    if (typeof one !== 'object' || one === null) return one
    if (seen.has(one) || (ArrayBuffer.isView(one) && one.byteLength > 256)) return undefined
    seen.add(one)
    return one instanceof Map || one instanceof Set ? [...one] : one
  })
}

describe.each(SUBJECTS)('DESIGN 7.10: %s', (name, subject) => {
  test('no key is in what a connection, its errors or its counters say, and none is left when it is over', () => {
    const crypto = new Recorder()
    const met = meet(changed(subject, { ...UNLIMITED, rekey: { packets: 200 } }), 710, {
      link: { ...HARSH, loss: 0.1 },
      server: { crypto },
      client: { crypto },
    })
    const { net, server, client, toServer } = met
    feed(met, 300)
    feed(met, 100, 'server')
    net.run(net.now + 20_000)
    // Whatever makes errors: forged packets, malformed frames, lies.
    const packet = client.wire.sent.findLast(one => isSealedPacket(subject, one.bytes))!.bytes
    for (let i = 0; i < 50; i++) {
      const bytes = Uint8Array.from(packet, (byte, at) => (at === i ? byte ^ 255 : byte))
      server.endpoint.receive(instant(net.now), batchOf([{ to: CLIENT, bytes }]))
    }
    const liar = new Liar(client, toServer)
    const text = liar.text('Ping', { token: 1n })
    for (let cut = 1; cut < 8; cut++) liar.tell(text.subarray(0, text.length - cut))
    liar.flush()
    net.run(net.now + 500)
    const open = printed(server) + printed(client)
    liar.claimPhase(1)
    liar.frame('Ping', { token: 1n })
    liar.flush()
    net.run(net.now + 2000)
    client.close(toServer)
    net.run(net.now + 60_000)
    const all = open + printed(server) + printed(client)
    expect([server.endpoint.size, client.endpoint.size]).toEqual([0, 0])
    const keys = crypto.keys.map(one => one.copy).filter(copy => copy.some(byte => byte !== 0))
    const own = [...Object.values(subject.server), ...Object.values(subject.client)].filter(
      (one): one is Uint8Array => one instanceof Uint8Array && !isPublic(subject, one),
    )
    const found = keys.flatMap(key => spellings(key).filter(one => all.includes(one)))
    const alive = crypto.keys.filter(one => !one.isDestroyed)
    const left = crypto.keys.filter(one => one.given.some(byte => byte !== 0))
    figure(
      `7.10: ${name}: ${keys.length} keys and ${own.length} long-term secrets looked for in ${all.length} characters: ${found.length} found; ${alive.length} still in use and ${left.length} not overwritten when all was over`,
    )
    expect(keys.length).toBeGreaterThan(6)
    expect(all.length).toBeGreaterThan(10_000)
    expect(found).toEqual([])
    expect([alive.length, left.length]).toEqual([0, 0])
    expect(
      own.flatMap(key => spellings(key).filter(one => [...server.errors, ...client.errors].join().includes(one))),
    ).toEqual([])
  })
})

function isPublic({ protocol }: { protocol: (typeof SUBJECTS)[number][1]['protocol'] }, key: Uint8Array): boolean {
  return protocol !== undefined && [7, 8].some(n => Buffer.from(publicOf(n)).equals(key))
}

test('DESIGN 7.10: over loopback, nothing that is printed carries a static key: errors, metrics, JSON of what arrived', async () => {
  const [, chat] = SUBJECTS.find(one => one[0] === 'chat')!
  const metrics = new Metrics({ protocol: 'chat', frames: chat.protocol.frames, metrics: chat.protocol.metrics })
  const printed: string[] = []
  await using server = await serve(chat.protocol, {
    listen: 'udp://127.0.0.1:0',
    params: { static_key: secretOf(7) },
    meter: metrics.meter,
    onFrame: (frame: { toObject(): unknown }, peer: unknown) =>
      void printed.push(json(frame.toObject()), inspect(frame, { depth: 9 }), inspect(peer, { depth: 9 })),
    onError: (error: unknown) => void printed.push(inspect(error, { depth: 9 }), json(error)),
  } as never)
  const client = await connect(chat.protocol, server.url, { params: { server_key: publicOf(7) } } as never)
  await client.send('Say', { room: 'r', text: 'x' })
  await expect(
    (async () =>
      connect(chat.protocol, server.url, { params: { server_key: secretOf(7).subarray(0, 31) } } as never))(),
  ).rejects.toSatisfy(error => {
    printed.push(inspect(error), json(error))
    return true
  })
  await client.close()
  printed.push(await metrics.text(), inspect(server, { depth: 9 }), inspect(client, { depth: 9 }))
  expect(printed.length).toBeGreaterThan(3)
  expect(spellings(secretOf(7)).filter(one => printed.join('\n').includes(one))).toEqual([])
})

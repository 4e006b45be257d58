// Two protocols of the examples that have no TypeScript besides their handlers: Noise IK with a pre-shared key, and XX.
import { expect, test } from 'vitest'
import { protocol as arena } from '../../../generated/arena/protocol.ts'
import { protocol as lobby } from '../../../generated/lobby/protocol.ts'
import { connect, serve } from '../../../runtime/index.ts'
import { HARSH } from '../harsh.ts'
import { type Kind, opened, Party, publicOf, SERVER, secretOf, world } from '../secure/network.ts'

const PASSWORD = secretOf(99)
const ARENA: Kind = {
  protocol: arena,
  server: { static_key: secretOf(7), players: [publicOf(8)], password: PASSWORD },
  client: { static_key: secretOf(8), server_key: publicOf(7), password: PASSWORD },
}

test('a fight over loopback: moves, hits and long shouts of typed handlers', async () => {
  const log: string[] = []
  await using server = await serve(arena, {
    listen: 'udp://127.0.0.1:0',
    params: { static_key: secretOf(7), players: [publicOf(8)], password: PASSWORD },
    onOpen: peer => void peer.send('Spawn', { player: 1, at: { x: 1, y: 2 } }),
    handlers: {
      Move: frame => void log.push(`move ${frame.at.x}`),
      Hit: frame => void log.push(`hit ${frame.weapon} ${frame.damage}`),
      Shout: frame => void log.push(`shout ${frame.text.length}`),
    },
  })
  let spawned: (at: { x: number; y: number }) => void = () => {}
  const spawn = new Promise<{ x: number; y: number }>(resolve => {
    spawned = resolve
  })
  const client = await connect(arena, server.url, {
    params: { static_key: secretOf(8), server_key: publicOf(7), password: PASSWORD },
    handlers: { Spawn: frame => spawned(frame.at), Hit: () => {}, Move: () => {}, Shout: () => {} },
  })
  expect(await spawn).toEqual({ x: 1, y: 2 })
  await client.send('Move', { player: 1, at: { x: 0.5, y: 0 }, facing: 0 })
  await client.send('Hit', { player: 2, weapon: 'bow', damage: 10 })
  await client.send('Shout', { player: 1, text: new Uint8Array(5000).fill(65) })
  expect(() => client.send('Hit', { player: 2, weapon: 'bow', damage: 0 })).toThrow(/damage/)
  await client.close()
  expect(log.sort()).toEqual(['hit bow 10', 'move 0.5', 'shout 5000'])
})

test('whoever has another password, or another key than those of the players, is not let in', () => {
  for (const [wrong, seed] of [
    [{ password: secretOf(98) }, 1],
    [{ static_key: secretOf(6) }, 2],
  ] as const) {
    const all = world({ ...ARENA, client: { ...ARENA.client, ...wrong } }, seed)
    all.client.connect()
    all.net.run(12_000)
    expect(all.client.closes).toMatchObject([{ code: 'HandshakeFailed' }])
    expect(all.server.sessions).toEqual([])
  }
})

test('21: a recorded first message of IK, sent from another address with a cookie of its own, stays half-open', () => {
  const all = world(ARENA, 21)
  const { toServer } = opened(all)
  const [first] = all.client.wire.sent
  // A client of the same id and ephemeral key at another place: the recording, with whatever cookie that place is given.
  const thief = new Party(all.net, arena, 'dials', '10.0.0.66:6666', { params: ARENA.client })
  let cookie: Uint8Array | undefined
  all.server.wire.filter = (bytes, to) => {
    if (to === '10.0.0.66:6666' && bytes[0]! >> 4 === 2) cookie = bytes.slice(5, 21)
    return [bytes]
  }
  thief.wire.filter = bytes => {
    if (bytes[0]! >> 4 !== 1) return []
    const recorded = Uint8Array.from(first!.bytes)
    if (cookie !== undefined) recorded.set(cookie, 6)
    return [recorded]
  }
  thief.connect()
  all.net.run(all.net.now + 5000)
  expect(cookie).toBeDefined()
  expect(all.server.sessions.length).toBe(1)
  expect(all.server.endpoint.size).toBe(2)
  all.net.run(all.net.now + 12_000)
  expect(all.server.endpoint.size).toBe(1)
  expect(all.server.closes).toEqual([])
  all.client.send(toServer, 'Hit', { player: 1, weapon: 'fist', damage: 3 })
  all.net.run(all.net.now + 500)
  expect(all.server.data.map(one => one.frame)).toEqual(['Hit'])
})

test('in the simulator, over a harsh network, everything reliable arrives exactly once', () => {
  const all = world(ARENA, 5, HARSH)
  const { toServer } = opened(all, 30_000)
  for (let i = 0; i < 100; i++) all.client.send(toServer, 'Hit', { player: i, weapon: 'wand', damage: 1 + i })
  for (let i = 0; i < 20; i++) all.client.send(toServer, 'Shout', { player: i, text: new Uint8Array(2500).fill(i) })
  all.net.runUntil(() => all.server.data.length >= 120, 300_000)
  const hits = all.server.data.filter(one => one.frame === 'Hit').map(one => one.value.damage as number)
  expect(hits.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
  const shouts = all.server.data.filter(one => one.frame === 'Shout').map(one => one.value.text as Uint8Array)
  expect(shouts).toEqual(Array.from({ length: 20 }, (_, i) => new Uint8Array(2500).fill(i)))
})

test('a lobby over loopback: requests with replies, and a talk in order', async () => {
  const heard: string[] = []
  await using server = await serve(lobby, {
    listen: 'udp://127.0.0.1:0',
    params: { static_key: secretOf(7) },
    handlers: {
      Invite: frame => ({ ticket: frame.ticket, table: frame.name.length }),
      Talk: frame => void heard.push(frame.text),
    },
    onFrame: () => undefined,
  })
  const client = await connect(lobby, server.url, { params: { server_keys: [publicOf(7)] } })
  expect(await client.request('Invite', { ticket: 0, name: 'ada' })).toMatchObject({ table: 3 })
  for (let i = 0; i < 20; i++) await client.send('Talk', { text: `${i}` })
  await client.close()
  expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`))
  expect(SERVER).toBeDefined()
})

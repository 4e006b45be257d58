// The examples of nodes, each for a moment: what they show, and the bytes that make them compatible with the published ones.
import { expect, test } from 'vitest'
import { churn } from '../../../examples/pea2pea/churn.ts'
import { mesh } from '../../../examples/pea2pea/dense-mesh.ts'
import { nameOf, player, wire } from '../../../examples/pea2pea/hot-potato.ts'
import { libp2pNode } from '../../../examples/pea2pea/libp2p.ts'
import { noiseMessage, noiseNode } from '../../../examples/pea2pea/noise-handshake.ts'
import { processed, RpcClient, rpcServer } from '../../../examples/pea2pea/simple-rpc.ts'
import { play } from '../../../examples/pea2pea/telephone-game.ts'
import { exchange } from '../../../examples/pea2pea/tls.ts'
import { connectNodes, type Node, prefixed } from '../../../runtime/index.ts'

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !done(); i++) await new Promise(resolve => setTimeout(resolve, 5))
}

test('telephone game: the rumour reaches the last of ten players, changed at half of them', async () => {
  let turn = 0
  const { heard } = await play(10, 'abcdefgh', () => (turn++ % 3) / 3)
  expect(heard).toHaveLength(10)
  expect(heard.every(text => text.length === 8)).toBe(true)
  expect(new Set(heard).size).toBeGreaterThan(1)
})

test('hot potato: everybody in the mesh catches it, and knows the names of the others', async () => {
  const players = Array.from({ length: 4 }, (_, i) => player(`player ${i}`))
  for (const { node } of players) await node.toggleListener()
  await connectNodes(players.map(({ node }) => node) as unknown as Node[], 'mesh')
  await until(() => players.every(({ node }) => node.connectedCount === 3))
  players[0]!.throwPotato()
  await until(() => players.every(({ caught }) => caught > 0))
  for (const one of players) one.isPlaying = false
  const names = players.flatMap(({ node }) => node.connections.map(nameOf))
  expect(new Set(names)).toEqual(new Set(['player 0', 'player 1', 'player 2', 'player 3']))
  expect(players.every(({ caught }) => caught > 0)).toBe(true)
  await Promise.all(players.map(({ node }) => node.shutDown()))
})

test.each([
  [{ frame: 'HotPotato' } as const, '0100'],
  [{ frame: 'IHaveThePotato', value: { name: '7' } } as const, '03010137'],
])('hot potato on the wire: %j', (message, hex) => {
  const encoder = wire.encoder('', 'initiator')
  const bytes = new Uint8Array(encoder.sizeOf(message))
  expect(Buffer.from(bytes.subarray(0, encoder.encode(message, bytes, 0))).toString('hex')).toBe(hex)
})

test('remote calls: each gets its own answer', async () => {
  const server = rpcServer(processed)
  const client = new RpcClient()
  const peer = await client.node.connect((await server.toggleListener()) as string)
  const words = ['one', 'two', 'three']
  expect(await Promise.all(words.map(text => client.call(peer, text)))).toEqual(words.map(processed))
  await Promise.all([server.shutDown(), client.node.shutDown()])
})

test('TLS: a node that trusts the authority gets through, one that trusts another does not', async () => {
  expect(await exchange('herp derp')).toBe('herp derp')
  await expect(exchange('herp derp', 'stranger-ca')).rejects.toMatchObject({ code: 'HandshakeFailed' })
})

test('Noise: an empty message is an empty record, others are 16 bytes longer; nothing is readable on the wire', async () => {
  const heard: string[] = []
  const far = noiseNode({ listener: '127.0.0.1:0' }, (text, answer) => {
    heard.push(Buffer.from(text).toString())
    answer(text)
  })
  const back: string[] = []
  const near = noiseNode({ listener: 'none' }, text => void back.push(Buffer.from(text).toString()))
  const peer = await near.connect((await far.toggleListener()) as string)
  peer.unicastFast(noiseMessage(new Uint8Array(0)))
  await peer.unicast(noiseMessage(Buffer.from('ten bytes!')))
  await until(() => back.length === 2)
  expect([heard, back]).toEqual([
    ['', 'ten bytes!'],
    ['', 'ten bytes!'],
  ])
  expect(peer.traffic).toMatchObject({ messagesSent: 2, bytesSent: 2 + 28 })
  await Promise.all([near.shutDown(), far.shutDown()])
})

test('churn: clients come and go, none fails, and none is left', async () => {
  const { cycles, failures, left } = await churn(5, 200)
  expect(cycles).toBeGreaterThan(5)
  expect([failures, left]).toEqual([0, 0])
})

test('dense mesh: one message for each end of every link', async () => {
  expect(await mesh(8)).toMatchObject({ links: 28, received: 56 })
})

test('libp2p: two nodes agree on Noise and yamux, and ping each other', async () => {
  const [near, far] = [libp2pNode(new Uint8Array(32).fill(1)), libp2pNode(new Uint8Array(32).fill(2))]
  const peer = await near.node.connect((await far.node.toggleListener()) as string)
  expect(await near.ping(peer)).toBeGreaterThan(0)
  await until(() => far.node.connectedCount === 1)
  expect(await far.ping(far.node.connections[0]!)).toBeGreaterThan(0)
  expect([near.answered(), far.answered()]).toEqual([1, 1])
  await Promise.all([near.node.shutDown(), far.node.shutDown()])
})

test('a frame of the telephone game is a u16 length and text', () => {
  const encoder = prefixed('u16be').encoder('', 'initiator')
  const bytes = new Uint8Array(16)
  const end = encoder.encode(Buffer.from('Talk!'), bytes, 0)
  expect(Buffer.from(bytes.subarray(0, end)).toString('latin1')).toBe('\0\x05Talk!')
})

// The libp2p example against js-libp2p from npm: multistream, Noise XX with identities, yamux, ping in both directions, whoever dials.
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, test } from 'vitest'
import { type Libp2pNode, libp2pNode } from '../../examples/pea2pea/libp2p.ts'
import { run, stopAll } from './process.ts'

const FOLDER = fileURLToPath(new URL('./libp2p/', import.meta.url))
const isThere = existsSync(`${FOLDER}node_modules/libp2p`)
if (!isThere) process.stdout.write('skipped: js-libp2p is not installed (npm install in test/interop/libp2p)\n')
const js = (...args: string[]) => run(process.execPath, [`${FOLDER}peer.js`, ...args])
const started: Libp2pNode[] = []

afterEach(async () => {
  stopAll()
  await Promise.all(started.splice(0).map(({ node }) => node.shutDown()))
})

function ours(): Libp2pNode {
  const one = libp2pNode(crypto.getRandomValues(new Uint8Array(32)))
  started.push(one)
  return one
}

async function until(done: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !done(); i++) await new Promise(resolve => setTimeout(resolve, 10))
}

describe.skipIf(!isThere)('js-libp2p', () => {
  test('we dial: it sees Noise and yamux, pings us twice, and we ping it', async () => {
    const peer = js()
    const { addr } = await peer.line(l => l.ev === 'listening')
    const [, host, port] = /\/ip4\/([^/]+)\/tcp\/(\d+)/.exec(String(addr))!
    const us = ours()
    const connection = await us.node.connect(`${host}:${port}`)
    expect(await peer.line(l => l.ev === 'open')).toMatchObject({ encryption: '/noise', muxer: '/yamux/1.0.0' })
    await peer.line(l => l.ev === 'ping' || l.ev === 'failed')
    await until(() => us.answered() >= 2)
    expect(peer.lines.filter(l => l.ev === 'failed')).toEqual([])
    expect(us.answered()).toBeGreaterThanOrEqual(2)
    expect(await us.ping(connection)).toBeGreaterThan(0)
    expect(await us.ping(connection)).toBeGreaterThan(0)
  })

  test('it dials: we offer Noise and yamux, and its pings come back', async () => {
    const us = ours()
    const [host, port] = ((await us.node.toggleListener()) as string).split(':')
    const peer = js(`/ip4/${host}/tcp/${port}`)
    await peer.line(l => l.ev === 'ping' || l.ev === 'failed', 20)
    await until(() => us.answered() >= 2)
    expect(peer.lines.filter(l => l.ev === 'failed')).toEqual([])
    expect(us.answered()).toBeGreaterThanOrEqual(2)
    expect(await us.ping(us.node.connections[0]!)).toBeGreaterThan(0)
  })
})

test('two nodes of ours ping each other', async () => {
  const [near, far] = [ours(), ours()]
  const connection = await near.node.connect((await far.node.toggleListener()) as string)
  expect(await near.ping(connection)).toBeGreaterThan(0)
  await until(() => far.node.connectedCount === 1)
  expect(await far.ping(far.node.connections[0]!)).toBeGreaterThan(0)
})

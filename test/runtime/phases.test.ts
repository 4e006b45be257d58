// How far a connection is: one table for all transports, and what an application sees of it.

import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { protocol as fastnet } from '../../generated/fastnet/protocol.ts'
import { protocol as vstp } from '../../generated/vstp/protocol.ts'
import { PHASES, type Phase, STATES } from '../../runtime/core/phases.ts'
import { connect, serve } from '../../runtime/index.ts'
import { GLIDER } from '../protocols/glider/glider.ts'
import { CLIENT, opened, SERVER, world } from '../protocols/secure/network.ts'

const file = (name: string): string => new URL(`certificates/${name}.pem`, import.meta.url).pathname
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

const ORDER = ['connecting', 'connected', 'disconnecting', 'disconnected']

test('every step of the table leads on or stays in its state, all phases are reached, and all of them end', () => {
  const reached = new Set<Phase>(['opening'])
  for (const [from, steps] of Object.entries(PHASES) as [Phase, Record<string, Phase>][])
    for (const to of Object.values(steps)) {
      reached.add(to)
      expect(ORDER.indexOf(STATES[to])).toBeGreaterThanOrEqual(ORDER.indexOf(STATES[from]))
    }
  expect([...reached].sort()).toEqual(Object.keys(PHASES).sort())
  for (const [from, steps] of Object.entries(PHASES)) if (from !== 'over') expect(steps.gone).toBe('over')
  expect(PHASES.over).toEqual({})
})

test('sessions change their phase through the table and nowhere else', () => {
  const core = new URL('../../runtime/core/', import.meta.url)
  const writers = readdirSync(core).filter(name => /\.phase = /.test(readFileSync(new URL(name, core), 'utf8')))
  expect(writers).toEqual(['session-record.ts'])
})

test('over UDP with its handshake elsewhere, both applications see connected, disconnecting, disconnected, each once', async () => {
  const seen: string[] = []
  const params = { certificate: file('server'), private_key: file('server.key') }
  const server = await serve(fastnet, {
    listen: 'tls://127.0.0.1:0',
    params,
    onState: (peer, state) => void seen.push(`server ${state} ${peer.state === state}`),
    onOpen: () => void seen.push('server open'),
    onClose: () => void seen.push('server close'),
  })
  open.push(server)
  const client = await connect(fastnet, server.url, {
    params: { ca: file('ca') },
    onState: (peer, state) => void seen.push(`client ${state} ${peer.state === state}`),
    onClose: () => void seen.push('client close'),
  })
  expect(client.state).toBe('connected')
  await client.close()
  expect(client.state).toBe('disconnected')
  for (let i = 0; i < 300 && !seen.includes('server close'); i++) await new Promise(resolve => setTimeout(resolve, 10))
  expect(seen.filter(one => one.startsWith('client'))).toEqual([
    'client connected true',
    'client disconnecting true',
    'client disconnected true',
    'client close',
  ])
  expect(seen.filter(one => one.startsWith('server'))).toEqual([
    'server connected true',
    'server open',
    'server disconnecting true',
    'server disconnected true',
    'server close',
  ])
})

test('an attempt that nobody answers goes from connecting to disconnected without having been connected', () => {
  const all = world(GLIDER, 1)
  all.net.link(CLIENT, SERVER, { loss: 1 })
  const session = all.client.connect()
  expect(session.state).toBe('connecting')
  all.net.run(30_000)
  expect(session.state).toBe('disconnected')
  expect(all.client.closes).toMatchObject([{ code: 'Timeout' }])
})

test('while a reliable message is not acknowledged, a connection that closes is disconnecting, and takes nothing more', () => {
  const all = world(GLIDER, 2)
  const { toClient } = opened(all)
  all.net.link(SERVER, CLIENT, { latency: 500 })
  all.server.send(toClient, 'Turn', { heading: 5 })
  all.server.close(toClient)
  all.net.run(all.net.now + 100)
  expect(toClient.state).toBe('disconnecting')
  expect(() => all.server.send(toClient, 'Turn', { heading: 6 })).toThrow('closed')
  all.net.run(all.net.now + 3000)
  expect(toClient.state).toBe('disconnected')
  expect(all.client.data.map(one => one.value.heading)[0]).toBe(5)
})

test('on a stream the states are the same', async () => {
  const seen: string[] = []
  const server = await serve(vstp, { listen: 'tcp://127.0.0.1:0', onState: (_, state) => void seen.push(state) })
  open.push(server)
  const client = await connect(vstp, server.url)
  const { state } = client
  await client.close()
  for (let i = 0; i < 300 && !seen.includes('disconnected'); i++) await new Promise(resolve => setTimeout(resolve, 10))
  expect([state, client.state]).toEqual(['connected', 'disconnected'])
  expect(seen).toEqual(['connected', 'disconnecting', 'disconnected'])
})

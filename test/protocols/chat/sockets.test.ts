// The chat of the examples over real loopback sockets: sealed, behind a cookie, on three channels, with handlers only.
import { expect, test } from 'vitest'
import { protocol } from '../../../generated/chat/protocol.ts'
import { node } from '../../../runtime/crypto/node.ts'
import { connect, type PeerError, serve } from '../../../runtime/index.ts'
import { overUdp } from '../../runtime/paths.ts'

const SECRET = new Uint8Array(32).fill(7)
const PUBLIC = node.curve('25519').publicKey(SECRET)

test('a room: words arrive in order, a file in pieces, and both sides say goodbye', async () => {
  const heard: string[] = []
  const files: Uint8Array[] = []
  await using server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    params: { static_key: SECRET },
    limits: { rate: { packets: 100_000, bytes: Infinity, burst: 10_000, before: 'deliver' } },
    handlers: {
      Join: (frame, peer) => peer.send('Say', { room: frame.room, text: `welcome, ${frame.name}` }),
      Say: frame => void heard.push(frame.text),
      Typing: frame => void heard.push(`typing in ${frame.room}`),
      File: frame => void files.push(frame.content.slice()),
    },
  })
  const welcomes: string[] = []
  const client = await connect(protocol, server.url, {
    params: { server_key: PUBLIC },
    handlers: { Say: frame => void welcomes.push(frame.text) },
    onFrame: () => undefined,
  })
  await client.send('Join', { room: 'hall', name: 'ada' })
  for (let i = 0; i < 50; i++) await client.send('Say', { room: 'hall', text: `word ${i}` })
  await client.send('Typing', { room: 'hall', typing: true })
  const content = Uint8Array.from({ length: 20_000 }, (_, i) => i * 7)
  await client.send('File', { room: 'hall', name: 'notes', content })
  // What was taken is delivered before the connection ends.
  await client.close()
  expect(heard.filter(text => text.startsWith('word'))).toEqual(Array.from({ length: 50 }, (_, i) => `word ${i}`))
  expect(heard).toContain('typing in hall')
  expect(files).toEqual([content])
  expect(welcomes).toEqual(['welcome, ada'])
})

overUdp('frames that wait behind a slow handler are read as they came', async () => {
  const heard: string[] = []
  await using server = await serve(protocol, {
    listen: 'udp://127.0.0.1:0',
    params: { static_key: SECRET },
    handlers: {
      Join: () => new Promise(resolve => setTimeout(resolve, 30)),
      Say: frame => void heard.push(frame.text),
    },
    onFrame: () => undefined,
  })
  const client = await connect(protocol, server.url, { params: { server_key: PUBLIC } })
  await client.send('Join', { room: 'hall', name: 'ada' })
  for (let i = 0; i < 20; i++) await client.send('Say', { room: 'hall', text: `word ${i}` })
  await client.close()
  expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => `word ${i}`))
})

test('a client with another key of the server is not let in, and hears that it is the key', async () => {
  await using server = await serve(protocol, { listen: 'udp://127.0.0.1:0', params: { static_key: SECRET } })
  const wrong = connect({ ...protocol, handshake: { ...protocol.handshake!, timeout: 1000 } }, server.url, {
    params: { server_key: node.curve('25519').publicKey(new Uint8Array(32).fill(9)) },
  })
  await expect(wrong).rejects.toMatchObject({ code: 'HandshakeFailed' } satisfies Partial<PeerError>)
  expect(server.stats.connections).toBe(0)
})

// A relay that nobody has written before, from YAML alone: other sizes, frames of different lengths behind a length prefix,
// explicit steps with another key schedule, another cipher, another policy, late subscribers from the start.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadDescriptor } from '../../cli/live/descriptor.ts'
import { loadSchema } from '../../cli/protocol.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { connect, MemoryHub, serve } from '../../runtime/index.ts'

const YAML = `
protocol: gazette
version: 3
insecure: [ nobody proves who he is ]
endian: big
errors: { Stale: { text: read before, covers: [ Replayed ], fatal: false } }
roles:
  press:  { transport: accepts }
  writer: { transport: dials, kind: client }
  reader: { transport: dials, kind: client }
  client: { any_of: [ writer, reader ] }
enums:
  Who:    { type: u8, values: { writer: 7, reader: 9 } }
  Answer: { type: u16, values: { welcome: 1, stranger: 2, empty: 3, taken: 4 } }
params:
  paper:  { type: string, for: [ writer, reader ] }
  secret: { type: bytes(16), secret: true, for: [ writer, reader ] }
envelope: { kind: id(u8), body: frame }
frames:
  Hi:      { id: 1, dir: client>press, state: greet, fields: { public: bytes(32), salt: bytes(8) } }
  Hello:   { id: 2, dir: press>client, state: greet, fields: { public: bytes(32) } }
  Enter:   { id: 3, dir: client>press, state: enter, seal: desk, fields: { who: Who, paper: string(u8) } }
  Told:    { id: 4, dir: press>client, state: told, seal: desk, fields: { answer: Answer } }
  Article: { id: 5, dir: [ writer>press, press>reader ], state: print, seal: print, channel: articles, fields: { title: string(u8), text: string(u16) } }
transports: { tcp: { framing: prefix(u24be), max_frame: 4096 } }
channels: { articles: { delivery: transport } }
handshake:
  secrets: { eph: x25519 }
  steps:
    - { client: Hi, with: { public: client.eph.public, salt: random(8) } }
    - { press: Hello, with: { public: press.eph.public } }
  keys:
    shared: dh(client.eph, press.eph)
    desk: 'hkdf_sha256(shared, Hi.salt, "gazette desk", 16)'
seal:
  desk:  { aead: aes-128-gcm, key: key.desk, clear: { nonce: bytes(12) ?= random(12) }, nonce: nonce, aad: kind..nonce, rekey: { packets: 2^20, by: ratchet, derive: [ 'hkdf_sha256(key.old, "", "gazette", 16)' ] } }
  print:
    aead: chacha20-poly1305
    key: { writer: 'blake2s(param.secret, u64be(began))', reader: 'blake2s(param.secret, u64be(began))' }
    clear: { began: u64 ?= now(), number: u64 }
    counter: { field: number, start: 1 }
    nonce: [ u32(0), counter ]
    aad: kind..number
    replay: increasing
    rekey: { packets: 3, renew: [ began ] }
states:
  greet: { Hi: greet, Hello: enter }
  enter: { Enter: told }
  told:  { Told: { print: answer == welcome, closed: else } }
  print: { Article: print }
service:
  relay:
    hub: press
    group: Enter.paper
    member_of: param.paper
    publish: { role: writer, frame: Article, max: 2 }
    subscribe: { role: reader, frame: Article, from: start }
    queue: { frames: 4, bytes: 1KiB, overflow: drop-oldest }
    answer: { frame: Told, ok: welcome, invalid_role: stranger, group_missing: empty, group_occupied: taken }
limits: { idle: never }
`

let folder = ''
let protocol: ProtocolDescriptor
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'gazette-'))
  writeFileSync(join(folder, 'gazette.yaml'), YAML)
  protocol = await loadDescriptor(await loadSchema(join(folder, 'gazette.yaml'), undefined))
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const SECRET = new Uint8Array(16).fill(3)
const turns = async (n = 30) => {
  for (let i = 0; i < n; i++) await new Promise(resolve => setImmediate(resolve))
}

test('a relay from YAML alone relays, refuses, and gives late readers what came before', async () => {
  const hub = new MemoryHub()
  const server = await serve(protocol as never, { listen: hub })
  const params = { paper: 'The Example', secret: SECRET }
  const as = (role: string, more: object = {}) => connect(protocol as never, hub, { role, params, ...more } as never)
  await expect(as('reader')).rejects.toMatchObject({ code: 'Refused', message: expect.stringContaining('empty') })
  const one = await as('writer')
  const two = await as('writer')
  await expect(as('writer')).rejects.toMatchObject({ message: expect.stringContaining('taken') })
  const got: unknown[] = []
  const reading = {
    handlers: { Article: (frame: { title: string; text: string }) => void got.push([frame.title, frame.text.length]) },
  }
  const early = await as('reader', reading)
  const send = (from: typeof one, title: string, length: number) =>
    from.send('Article' as never, { title, text: 'x'.repeat(length) } as never)
  await send(one, 'a', 10)
  await turns()
  await send(one, 'b', 200)
  await turns()
  await send(one, 'c', 0)
  await turns()
  expect(got).toEqual([
    ['a', 10],
    ['b', 200],
    ['c', 0],
  ])
  early.abort()
  await turns()
  for (const [index, title] of ['d', 'e', 'f'].entries()) {
    await send(one, title, index)
    await turns()
  }
  got.length = 0
  // Four frames are kept. The first of them was read before, by the same reader: it is a repetition, and no end.
  const late = await as('reader', reading)
  await turns()
  expect(got).toEqual([
    ['d', 0],
    ['e', 1],
    ['f', 2],
  ])
  two.abort()
  await turns()
  expect(late.stats.framesIn).toBeGreaterThan(0)
  one.abort()
  await late.closed
  await server.close()
})

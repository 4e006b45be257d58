// Profile crate-0.1.3 in the simulated network, against the packets of the crate in test/vectors: three blind handshake
// packets, zero keys, and packets that are the crate's to the byte.
import { expect, test } from 'vitest'
import { protocol } from '../../../generated/intentra/profiles/crate-0.1.3/protocol.ts'
import vectors from '../../vectors/intentra.json' with { type: 'json' }
import { SERVER, Stranger, world } from '../secure/network.ts'

const KIND = { protocol, server: {}, client: {} }
const ZERO = '00'.repeat(32)
const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))

test('three handshake packets open it, nothing answers them, and realtime data arrives', () => {
  const all = world(KIND, 1)
  const toServer = all.client.connect()
  expect(all.client.sessions.length).toBe(1)
  all.net.run(500)
  expect(all.client.wire.sent.map(one => Buffer.from(one.bytes).toString('hex'))).toEqual(
    Array.from({ length: 3 }, () => `1240${'00'.repeat(14)}`),
  )
  expect(all.server.wire.sent).toEqual([])
  expect(all.server.sessions.length).toBe(1)
  all.client.send(toServer, 'Data', { payload: new TextEncoder().encode('hi') }, 'realtime')
  all.net.run(1000)
  expect(all.server.data.map(one => one.value.payload)).toEqual([new TextEncoder().encode('hi')])
})

interface Sealed {
  readonly key: string
  readonly packet: string
  readonly plaintext: string
  readonly header_aad: string
}

test('packets that the crate sealed with its zero key are opened and delivered', () => {
  const { sealed } = vectors.aead as { sealed: readonly Sealed[] }
  // Realtime ones: a header of the crate, and no more text than it takes.
  const usable = sealed.filter(
    ({ key, header_aad: header, plaintext }) => key === ZERO && header.startsWith('1018') && plaintext.length <= 1024,
  )
  expect(usable.length).toBeGreaterThanOrEqual(3)
  for (const one of usable) {
    const all = world(KIND, 2)
    const crate = new Stranger(all.net)
    for (let i = 0; i < 3; i++) crate.throw(hex(`1240${'00'.repeat(14)}`))
    crate.throw(hex(one.packet), SERVER)
    crate.socket.touch()
    all.net.run(1000)
    expect(all.server.errors).toEqual([])
    expect(all.server.data.map(got => Buffer.from(got.value.payload as Uint8Array).toString('hex'))).toEqual([
      one.plaintext,
    ])
  }
})

// A handshake that hands out keys inside a stream: two machines back to back, with the shipped schema of a game transport.

import { expect, test } from 'vitest'
import { protocol as crate } from '../../generated/fastnet/profiles/crate-0.3.1/protocol.ts'
import { protocol } from '../../generated/fastnet/protocol.ts'
import type { PeerError } from '../../runtime/core/errors.ts'
import { type HandedOver, HandOver } from '../../runtime/core/hand-over.ts'
import { handOverPlaces } from '../../runtime/core/hand-over-places.ts'
import { instant } from '../../runtime/core/machine.ts'
import { Numbers } from '../../runtime/core/numbers.ts'
import { plan } from '../../runtime/core/plan.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { shared } from '../../runtime/core/shared.ts'
import { Tally } from '../../runtime/metrics/tally.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { Recorder } from './harness.ts'

test('the server tells keys, id, number and port in one message, and both sides know the same', () => {
  const { client, server } = run(protocol)
  expect(server.sent.length).toBe(76)
  expect(client.sent.length).toBe(0)
  const told = server.result!
  expect(told.session).toMatchObject({ peer_id: 7, udp_port: 4711, conn_id: 0xabcd })
  expect(client.result!.session).toEqual(told.session)
  expect([client.result!.id, told.id]).toEqual([0xabcd, 0xabcd])
  const { c2s_key, s2c_key } = told.session as Record<string, Uint8Array>
  expect([c2s_key!.length, s2c_key!.length]).toEqual([32, 32])
  expect(Buffer.compare(c2s_key!, s2c_key!)).not.toBe(0)
  expect(told.passed.map(frame => frame.name)).toEqual(['Hello'])
})

test('the profile of the crate has a message of 72 bytes with four spare ones, as its captures have', () => {
  const { client, server } = run(crate)
  expect(server.sent.length).toBe(72)
  expect([...server.sent.subarray(0, 4)]).toEqual([7, 0, 4711 & 255, 4711 >> 8])
  expect([...server.sent.subarray(68)]).toEqual([0, 0, 0, 0])
  expect(Buffer.compare(server.sent.subarray(4, 36), client.result!.session.c2s_key as Uint8Array)).toBe(0)
  expect(client.result!.id).toBeUndefined()
})

test('the message may come byte by byte', () => {
  const { client } = run(protocol, { cut: 1 })
  expect(client.result?.session.udp_port).toBe(4711)
})

test('both ends of the stream are done with it: the server ends it when all is told, and what was told is overwritten', () => {
  const { client, server } = run(protocol)
  expect([client.machine.closing, server.machine.closing]).toEqual(['after-flush', 'after-flush'])
  expect(server.memory.every(chunk => chunk.every(byte => byte === 0))).toBe(true)
  server.machine.wake(instant(60_000))
  expect(server.machine.closing).toBe('now')
})

test('a server of another level is refused by name', () => {
  const { client } = run(protocol, { spoil: bytes => (bytes[68] = 1) })
  expect(client.error?.code).toBe('WrongLevel')
  expect(client.machine.closing).toBe('now')
})

test('a stream that ends too early, and one that says nothing, end the attempt', () => {
  const early = side(protocol, 'dials')
  early.machine.start(instant(0))
  early.machine.receive(instant(1), new Uint8Array(40))
  early.machine.end(instant(2))
  expect(early.error).toMatchObject({ code: 'HandshakeFailed', fatal: true })
  const silent = side(protocol, 'dials')
  silent.machine.start(instant(0))
  silent.machine.wake(silent.machine.deadline)
  expect(silent.error).toMatchObject({ code: 'Timeout', message: 'the handshake took longer than 5000 ms' })
})

test('no error carries what was told', () => {
  const keys: string[] = []
  const { client } = run(protocol, {
    spoil: bytes => {
      keys.push(Buffer.from(bytes.subarray(4, 68)).toString('hex').slice(0, 16))
      bytes[68] = 9
    },
  })
  expect(JSON.stringify([client.error, String(client.error)])).not.toContain(keys[0])
})

test('the result says where it goes on', () => {
  const { client } = run(protocol)
  const { script } = handOverPlaces(protocol)!
  expect(script.continuation!.port!({ session: client.result!.session } as never)).toBe(4711)
})

test('numbers of connections begin with one, and begin again without those in use', () => {
  const numbers = new Numbers(3)
  expect([numbers.take(), numbers.take(), numbers.take()]).toEqual([1, 2, 3])
  expect(numbers.isFull).toBe(true)
  numbers.free(2)
  expect(numbers.take()).toBe(2)
  numbers.free(1)
  numbers.free(3)
  expect([numbers.take(), numbers.take()]).toEqual([3, 1])
})

interface Side {
  readonly machine: HandOver
  readonly memory: Uint8Array[]
  sent: Uint8Array
  result: HandedOver | undefined
  error: PeerError | undefined
}

function side(descriptor: ProtocolDescriptor, which: 'dials' | 'accepts'): Side {
  const { from, script } = handOverPlaces(descriptor)!
  const random = new SimRandom(which === 'dials' ? 1 : 2)
  const made = shared({
    plan: plan(descriptor, from, { side: which, params: {} }),
    sink: new Recorder(),
    random: n => random.bytes(n),
    meter: new Tally(descriptor.frames.length),
  })
  const own = { sent: new Uint8Array(0), memory: [], result: undefined, error: undefined } as unknown as Side
  const machine = new HandOver(
    {
      shared: made,
      script,
      timeout: descriptor.handshake!.timeout,
      local: { port: 4711, number: 7 },
      drawId: which === 'accepts' ? () => 0xabcd : undefined,
      done: result => {
        own.result = result
      },
      failed: error => {
        own.error = error
      },
    },
    'peer:1',
    instant(0),
  )
  return Object.assign(own, { machine })
}

function run(
  descriptor: ProtocolDescriptor,
  { cut = Infinity, spoil = () => {} }: { cut?: number; spoil?: (bytes: Uint8Array) => void } = {},
): { client: Side; server: Side } {
  const client = side(descriptor, 'dials')
  const server = side(descriptor, 'accepts')
  client.machine.start(instant(0))
  server.machine.start(instant(0))
  for (const [from, to] of [
    [server, client],
    [client, server],
  ] as const) {
    for (let chunk = from.machine.transmit(); chunk !== undefined; chunk = from.machine.transmit()) {
      const bytes = Uint8Array.from(chunk)
      from.sent = bytes
      from.memory.push(chunk)
      from.machine.release(chunk)
      spoil(bytes)
      for (let at = 0; at < bytes.length; at += Math.min(cut, bytes.length))
        to.machine.receive(instant(1), bytes.slice(at, Math.min(bytes.length, at + cut)))
    }
  }
  return { client, server }
}

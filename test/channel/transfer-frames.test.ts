// Frames that carry parts: their numbers, their size, and the caller's value left alone.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BufferSource } from '../../runtime/channel/parts.ts'
import { TransferFrames } from '../../runtime/channel/transfer-frames.ts'
import { OutgoingTransfer, type Part } from '../../runtime/channel/transfer-send.ts'
import type { Accessor, TransferDescriptor } from '../../runtime/core/protocol.ts'
import type { Reader } from '../../runtime/wire/codec.ts'

/** A frame is a plain object here; its size is that of its JSON, with the numbers as text as some protocols have them. */
const field = (name: string): Accessor => ({
  path: name,
  get: frame => (frame as unknown as Record<string, unknown>)[name],
  set: (value, to) => {
    value[name] = to
  },
})
const descriptor: TransferDescriptor = {
  above: 100,
  cut: 'payload',
  part: undefined,
  id: field('transfer'),
  index: field('part'),
  count: field('parts'),
  window: 8,
  rto: { from: 50, to: 2000 },
  timeout: 1000,
  sessions: 1,
  bytes: 1000,
  bytesPerPeer: 1000,
  max: 1000,
}
const reply = { name: 'ack', by: { request: field('message'), reply: field('message') }, ask: [field('asks')] }
const sizeOf = (value: Readonly<Record<string, unknown>>) =>
  JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? String(v) : v instanceof Uint8Array ? 0 : v)).length +
  (value.payload as Uint8Array).length

const partOf = (index: number, count: number | undefined, bytes: Uint8Array): Part<undefined> => {
  const transfer = new OutgoingTransfer(9, undefined, new BufferSource(bytes, 1), 8, 0)
  return { transfer, message: 77n, index, count, bytes, attempt: 1 }
}

test('parts fill a datagram and never exceed it, whatever the number of digits', () => {
  const frames = new TransferFrames(descriptor, reply)
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 1500 }),
      fc.integer({ min: 101, max: 3_000_000 }),
      fc.string(),
      (most, length, name) => {
        const value = { name, payload: new Uint8Array(length) }
        let size: number
        try {
          size = frames.partSize(value, length, 9, 2n ** 64n - 1n, most, sizeOf)
        } catch (error) {
          expect((error as Error).message).toContain('nothing of payload fits into a part')
          return
        }
        const count = Math.ceil(length / size)
        for (const index of [0, count - 1]) {
          const part = { ...partOf(index, count, new Uint8Array(size)), message: 2n ** 64n - 1n }
          const bytes = sizeOf(frames.valueOf(value, part))
          expect(bytes).toBeLessThanOrEqual(most)
          if (index > 0) expect(bytes).toBeGreaterThan(most - 2 * `${count}`.length - 2)
        }
      },
    ),
  )
})

test('a part has its numbers, asks for its answer, and leaves the value of the caller alone', () => {
  const frames = new TransferFrames(descriptor, reply)
  const value = { name: 'x', payload: new Uint8Array(200) }
  const filled = frames.valueOf(value, partOf(3, 5, new Uint8Array(40)))
  expect(filled).toEqual({
    name: 'x',
    payload: new Uint8Array(40),
    asks: true,
    message: 77n,
    transfer: 9,
    part: 3,
    parts: 5,
  })
  expect(Object.keys(value)).toEqual(['name', 'payload'])
  expect(value.payload.length).toBe(200)
  expect(frames.numbersOf(filled as unknown as Reader)).toEqual({ id: 9, index: 3, count: 5 })
  const open = frames.valueOf(value, partOf(3, undefined, new Uint8Array(40)))
  expect(frames.numbersOf(open as unknown as Reader)).toEqual({ id: 9, index: 3, count: undefined })
  expect(frames.numbersOf(value as unknown as Reader)).toBeUndefined()
})

test('only payloads above the bound are transfers', () => {
  const frames = new TransferFrames(descriptor, reply)
  const [small, large] = [new Uint8Array(100), new Uint8Array(101)]
  expect(frames.payloadOf({ payload: small })).toBeUndefined()
  expect(frames.payloadOf({ payload: large })).toBe(large)
  expect(frames.payloadOf({})).toBeUndefined()
})

test('replies in order cannot carry a transfer', () => {
  expect(() => new TransferFrames(descriptor, { ...reply, by: 'order' })).toThrow('ack has none')
})

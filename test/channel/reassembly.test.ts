// Putting pieces together: known answers, the points where they must not be followed, and hostile pieces.

import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Piece, Reassembly, type ReassemblyOptions } from '../../runtime/channel/reassembly.ts'
import { type Step, vectors } from './vectors.ts'

const options: ReassemblyOptions = {
  above: 1200,
  pieces: 255,
  timeout: 5000,
  sessions: 1000,
  bytes: 64 << 20,
  bytesPerPeer: 1 << 20,
  duplicates: 'ignore',
  full: 'drop-oldest',
  acceptFullCopies: false,
}
const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'))
const piece = (index: number, count: number, data: Uint8Array | string, id = 1, source = 'a'): Piece => ({
  source,
  id,
  index,
  count,
  bytes: typeof data === 'string' ? bytes(data) : data,
})
const take = (table: Reassembly<string>, now: number, p: Piece) => table.receive(now, p, () => `head ${p.index}`)

const cases = vectors.reassembly.filter((c): c is { name: string; steps: Step[] } => c.steps !== undefined)
/** Where the known answers are wrong: what ours does at those steps instead. */
const better: Record<string, Record<number, string>> = {
  'duplicate-after-completion-then-next-message-mixes': { 2: 'late', 3: 'late', 4: 'late' },
  'total-changes-first-one-wins': { 1: 'refused BadValue' },
}

test.each(cases)('known answer: $name', ({ name, steps }) => {
  const table = new Reassembly<string>({ ...options, duplicates: 'reject' })
  for (const [i, step] of steps.entries()) {
    const got = take(table, 0, piece(step.index, step.total, step.data, step.id, step.from))
    const said = got.kind === 'refused' ? `refused ${got.code}` : got.kind
    const instead = better[name]?.[i]
    if (instead !== undefined) {
      expect(said).toBe(instead)
      continue
    }
    if (step.result === 'pending') expect(said).toBe('held')
    else if (step.result.complete !== undefined)
      expect(got).toMatchObject({ kind: 'complete', payload: bytes(step.result.complete) })
    else expect(said).toBe(step.result.error?.includes('Duplicate') ? 'refused Duplicate' : 'refused BadValue')
    // A refused first piece leaves no session behind, unlike there.
    const invalid = typeof step.result === 'object' && step.result.error?.includes('Invalid')
    expect(table.sessions).toBe(step.sessions_after - (invalid ? 1 : 0))
  }
})

test('ready-made datagrams of another implementation are joined', () => {
  const table = new Reassembly<string>(options)
  let joined: Uint8Array | undefined
  for (const { wire } of vectors.interop_fragments.datagrams) {
    const frame = bytes(wire)
    const headerEnd = 11 + (frame[5]! | (frame[6]! << 8))
    const entries = new Map<string, string>()
    for (let at = 11; at < headerEnd; ) {
      const [k, v] = [frame[at]!, frame[at + 1]!]
      const text = Buffer.from(frame.subarray(at + 2, at + 2 + k + v)).toString('latin1')
      entries.set(text.slice(0, k), text.slice(k))
      at += 2 + k + v
    }
    const [id, index, count] = ['frag-id', 'frag-index', 'frag-total'].map(key => Number(entries.get(key)))
    const got = take(table, 0, piece(index!, count!, frame.subarray(headerEnd, frame.length - 4), id))
    if (got.kind === 'complete') joined = got.payload
  }
  expect(joined?.length).toBe(vectors.interop_fragments.buffer.pattern_len)
  expect(createHash('sha256').update(joined!).digest('hex')).toBe(vectors.interop_fragments.buffer.sha256)
})

test('any order gives the same bytes and the head of piece 0; the pieces are copied, not kept', () => {
  const order = fc.integer({ min: 2, max: 12 }).chain(n =>
    fc.tuple(
      fc.uint8Array({ minLength: n, maxLength: 200 }),
      fc.shuffledSubarray(
        Array.from({ length: n }, (_, i) => i),
        { minLength: n },
      ),
    ),
  )
  fc.assert(
    fc.property(order, ([payload, indices]) => {
      const table = new Reassembly<string>(options)
      const size = Math.ceil(payload.length / indices.length)
      const slab = new Uint8Array(size)
      for (const [k, index] of indices.entries()) {
        const part = payload.subarray(index * size, (index + 1) * size)
        slab.set(part)
        const got = take(table, k, piece(index, indices.length, slab.subarray(0, part.length)))
        slab.fill(0xee)
        if (k < indices.length - 1) expect(got.kind).toBe('held')
        else expect(got).toEqual({ kind: 'complete', payload, head: 'head 0', copy: false })
      }
      expect([table.sessions, table.bytes]).toEqual([0, 0])
    }),
  )
})

test('a repeated piece is ignored, and one of a finished message does not open a new one', () => {
  const table = new Reassembly<string>(options)
  take(table, 0, piece(0, 2, 'a0'))
  expect(take(table, 0, piece(0, 2, 'a0')).kind).toBe('duplicate')
  expect(take(table, 0, piece(1, 2, 'a1')).kind).toBe('complete')
  expect(take(table, 4999, piece(0, 2, 'a0')).kind).toBe('late')
  expect(take(table, 5000, piece(0, 2, 'b0')).kind).toBe('held')
})

test('half-done messages end after the timeout', () => {
  const table = new Reassembly<string>(options)
  take(table, 0, piece(0, 2, 'a0', 1))
  take(table, 100, piece(0, 2, 'a0', 2))
  expect(table.deadline()).toBe(5000)
  expect(table.expire(4999)).toBe(0)
  expect(table.expire(5000)).toBe(1)
  expect([table.sessions, table.deadline()]).toEqual([1, 5100])
  expect(take(table, 5001, piece(1, 2, 'a1', 1)).kind).toBe('held')
})

test.each([
  [0, 0],
  [0, 256],
  [2, 2],
  [-1, 2],
  [0.5, 2],
  [0, 2 ** 40],
  [0, Number.NaN],
])('piece %s of %s is refused and leaves nothing', (index, count) => {
  const table = new Reassembly<string>(options)
  expect(take(table, 0, piece(index, count, 'aa'))).toMatchObject({ kind: 'refused', code: 'BadValue' })
  expect([table.sessions, table.bytes]).toEqual([0, 0])
})

test('too many sessions: the oldest goes, or the newest is refused, and a last piece is still taken', () => {
  for (const full of ['drop-oldest', 'drop-newest'] as const) {
    const table = new Reassembly<string>({ ...options, sessions: 3, full })
    for (const id of [1, 2, 3]) take(table, 0, piece(0, 2, 'aa', id))
    expect(take(table, 0, piece(1, 2, 'bb', 3)).kind).toBe('complete')
    take(table, 0, piece(0, 2, 'aa', 4))
    const fifth = take(table, 0, piece(0, 2, 'aa', 5))
    expect(fifth.kind).toBe(full === 'drop-oldest' ? 'held' : 'refused')
    expect(table.sessions).toBe(3)
    expect(take(table, 0, piece(1, 2, 'bb', 1)).kind).toBe(full === 'drop-oldest' ? 'held' : 'complete')
  }
})

test('one peer cannot take the room of the others', () => {
  const table = new Reassembly<string>({ ...options, bytesPerPeer: 10_000 })
  take(table, 0, piece(0, 2, 'aa', 1, 'honest'))
  for (let id = 2; id < 100; id++) take(table, 0, piece(0, 2, new Uint8Array(1000), id, 'greedy'))
  expect(table.bytes).toBeLessThanOrEqual(10_000 + 200)
  expect(take(table, 0, piece(1, 2, 'bb', 1, 'honest')).kind).toBe('complete')
})

test('memory stays below the bound whatever pieces come, empty ones included', () => {
  const any = fc.record({
    source: fc.constantFrom('a', 'b', 'c'),
    id: fc.nat(20),
    index: fc.integer({ min: -1, max: 12 }),
    count: fc.integer({ min: -1, max: 12 }),
    bytes: fc.uint8Array({ maxLength: 600 }),
    plainSize: fc.nat(3000),
  })
  const bounds = fc.record({
    full: fc.constantFrom('drop-oldest' as const, 'drop-newest' as const),
    duplicates: fc.constantFrom('ignore' as const, 'reject' as const),
    acceptFullCopies: fc.boolean(),
  })
  fc.assert(
    fc.property(bounds, fc.array(fc.tuple(any, fc.nat(2000)), { maxLength: 300 }), (policy, pieces) => {
      const table = new Reassembly<string>({ ...options, ...policy, sessions: 8, bytes: 4000, bytesPerPeer: 2500 })
      let now = 0
      for (const [p, pause] of pieces) {
        take(table, now, p)
        expect(table.bytes).toBeLessThanOrEqual(4000)
        expect(table.sessions).toBeLessThanOrEqual(8)
        now += pause
      }
      for (const source of ['a', 'b', 'c']) table.forget(source)
      expect([table.sessions, table.bytes, table.deadline()]).toEqual([0, 0, Infinity])
    }),
  )
})

test('a peer that sends the whole message in every piece is heard once per message', () => {
  const table = new Reassembly<string>({ ...options, acceptFullCopies: true })
  const whole = (payload: Uint8Array, index: number): Piece => ({
    ...piece(index, 2, payload),
    plainSize: payload.length + 15,
  })
  const [one, two] = [new Uint8Array(1500).fill(1), new Uint8Array(1500).fill(2)]
  expect(take(table, 0, whole(one, 0))).toEqual({ kind: 'complete', payload: one, head: 'head 0', copy: true })
  expect(take(table, 0, whole(one, 1)).kind).toBe('late')
  // The same id again: another message, whichever of its copies arrives first.
  expect(take(table, 10, whole(two, 1))).toMatchObject({ kind: 'complete', payload: two })
  expect(take(table, 10, whole(two, 0)).kind).toBe('late')
  expect(take(table, 10, whole(two, 0))).toMatchObject({ kind: 'complete', payload: two })
})

test('honest pieces are never taken for full copies', () => {
  const table = new Reassembly<string>({ ...options, acceptFullCopies: true })
  expect(take(table, 0, { ...piece(0, 2, new Uint8Array(1143)), plainSize: 1158 }).kind).toBe('held')
  expect(take(table, 0, { ...piece(1, 2, new Uint8Array(1)), plainSize: 16 }).kind).toBe('complete')
})

test('without the rule a full copy is an ordinary piece', () => {
  const table = new Reassembly<string>(options)
  const whole = { ...piece(0, 2, new Uint8Array(1500)), plainSize: 1515 }
  expect(take(table, 0, whole).kind).toBe('held')
})

// The table of connections: its bounds hold, and the right ones go.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ConnectionLimits, ConnectionTable } from '../../runtime/guard/connections.ts'

const limits: ConnectionLimits = {
  connections: 4,
  connectionsPerAddress: 2,
  handshakes: 3,
  handshakesPerAddress: 2,
  overLimit: 'close',
}
const V6 = (n: number) => `[2001:db8:0:${n}::1]:1`

test('each limit is told by its name', () => {
  const table = new ConnectionTable<string>({ ...limits, handshakesPerAddress: 1 })
  expect(table.admit(V6(1), 'a')).toEqual({ kind: 'admitted', evicted: [] })
  expect(table.admit(V6(1), 'b')).toEqual({ kind: 'refused', how: 'close', limit: 'handshakes_per_address' })
  table.established('a')
  table.admit(V6(1), 'b')
  table.established('b')
  expect(table.admit(V6(1), 'c')).toEqual({ kind: 'refused', how: 'close', limit: 'connections_per_address' })
  expect(table.countOf('[2001:db8:0:1:ffff::9]:9')).toBe(2)
  table.admit(V6(2), 'd')
  table.established('d')
  expect(table.hasRoom(V6(3))).toBe(true)
  table.admit(V6(3), 'e')
  expect(table.hasRoom(V6(4))).toBe(false)
  expect(table.admit(V6(4), 'f')).toEqual({ kind: 'refused', how: 'close', limit: 'connections' })
  table.remove('a')
  expect(table.admit(V6(4), 'f').kind).toBe('admitted')
  expect([table.size, table.handshakes]).toEqual([4, 2])
})

test('too many handshakes in all', () => {
  const table = new ConnectionTable<number>({ ...limits, overLimit: 'wait' })
  for (const n of [1, 2, 3]) table.admit(V6(n), n)
  expect(table.admit(V6(9), 9)).toEqual({ kind: 'refused', how: 'wait', limit: 'handshakes' })
  table.established(1)
  expect(table.hasRoom(V6(9))).toBe(true)
})

test('drop-oldest sends away the oldest handshake before any open connection', () => {
  const table = new ConnectionTable<string>({ ...limits, handshakes: 9, overLimit: 'drop-oldest' })
  for (const [i, name] of ['open', 'oldest', 'younger', 'youngest'].entries()) table.admit(V6(i), name)
  table.established('open')
  expect(table.admit(V6(5), 'new')).toEqual({ kind: 'admitted', evicted: ['oldest'] })
  expect(table.size).toBe(4)
})

test('drop-oldest among open connections spares those in use', () => {
  const table = new ConnectionTable<string>({ ...limits, overLimit: 'drop-oldest' })
  for (const [i, name] of ['a', 'b', 'c', 'd'].entries()) {
    table.admit(V6(i), name)
    table.established(name)
  }
  for (const name of ['a', 'c']) table.touch(name)
  const gone = (name: string, place: number) => {
    const said = table.admit(V6(place), name)
    table.established(name)
    return said.kind === 'admitted' ? said.evicted : []
  }
  expect(gone('e', 10)).toEqual(['b'])
  expect(gone('f', 11)).toEqual(['d'])
  expect(gone('g', 12)).toEqual(['a'])
})

test('an address that is full sends away one of its own', () => {
  const table = new ConnectionTable<string>({ ...limits, overLimit: 'drop-oldest' })
  table.admit(V6(1), 'other')
  table.admit(V6(2), 'a')
  table.admit(V6(2), 'b')
  expect(table.admit(V6(2), 'c')).toEqual({ kind: 'admitted', evicted: ['a'] })
})

test('no limit is ever exceeded, and every connection leaves once', () => {
  const step = fc.record({
    what: fc.constantFrom('admit', 'establish', 'touch', 'remove'),
    place: fc.nat(3),
    which: fc.nat(100),
  })
  const table = fc.record({
    connections: fc.integer({ min: 1, max: 6 }),
    connectionsPerAddress: fc.integer({ min: 1, max: 4 }),
    handshakes: fc.integer({ min: 1, max: 4 }),
    handshakesPerAddress: fc.integer({ min: 1, max: 3 }),
    overLimit: fc.constantFrom('close', 'wait', 'drop', 'drop-oldest') as fc.Arbitrary<ConnectionLimits['overLimit']>,
  })
  fc.assert(
    fc.property(table, fc.array(step, { maxLength: 150 }), (limits, steps) => {
      const table = new ConnectionTable<number>(limits)
      const inside = new Map<number, { place: number; open: boolean }>()
      for (const [id, { what, place, which }] of steps.entries()) {
        const one = [...inside.keys()][which % Math.max(1, inside.size)]
        if (what === 'admit') {
          const said = table.admit(V6(place), id)
          if (said.kind === 'admitted') {
            for (const gone of said.evicted) expect(inside.delete(gone)).toBe(true)
            inside.set(id, { place, open: false })
          } else expect(said.how).toBe(limits.overLimit === 'drop-oldest' ? 'drop' : limits.overLimit)
        } else if (one !== undefined && what === 'establish') {
          table.established(one)
          inside.get(one)!.open = true
        } else if (one !== undefined && what === 'touch') table.touch(one)
        else if (one !== undefined) {
          table.remove(one)
          inside.delete(one)
        }
        const all = [...inside.values()]
        const pending = all.filter(c => !c.open)
        expect([table.size, table.handshakes]).toEqual([all.length, pending.length])
        expect(all.length).toBeLessThanOrEqual(limits.connections)
        expect(pending.length).toBeLessThanOrEqual(limits.handshakes)
        for (let p = 0; p < 4; p++) {
          expect(table.countOf(V6(p))).toBe(all.filter(c => c.place === p).length)
          expect(table.countOf(V6(p))).toBeLessThanOrEqual(limits.connectionsPerAddress)
          expect(pending.filter(c => c.place === p).length).toBeLessThanOrEqual(limits.handshakesPerAddress)
        }
      }
    }),
  )
})

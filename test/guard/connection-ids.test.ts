// Connection ids, and the addresses that connections live at.
import { describe, expect, test } from 'vitest'
import { ConnectionIds } from '../../runtime/guard/connection-ids.ts'
import { Path } from '../../runtime/guard/path.ts'
import { SimRandom } from '../../runtime/sim/random.ts'

describe('connection ids', () => {
  test('over a million draws no id is zero, in use, or back within thirty seconds of its end', () => {
    const random = source(1)
    const ids = new ConnectionIds<number>({ bits: 22, random })
    const live = new Set<number>()
    const ended = new Map<number, number>()
    for (let i = 0; i < 1_000_000; i++) {
      const now = i
      const id = ids.draw(i, now)
      if (id === 0 || live.has(id) || now - (ended.get(id) ?? -Infinity) < 30_000) throw new Error(`${id} at ${now}`)
      live.add(id)
      if (live.size > 50) {
        const old = live.values().next().value as number
        live.delete(old)
        ids.release(old, now)
        ended.set(old, now)
      }
    }
    expect(ids.size).toBe(50)
    expect([...live].map(id => ids.owner(id))).toEqual(Array.from({ length: 50 }, (_, i) => 999_950 + i))
  })

  test('a million packets with random ids create nothing', () => {
    const ids = new ConnectionIds<string>({ bits: 32, random: source(2) })
    const id = ids.draw('peer', 0)
    const numbers = new SimRandom(3)
    let found = 0
    for (let i = 0; i < 1_000_000; i++) if (ids.owner(numbers.below(2 ** 32)) !== undefined) found++
    expect([found, ids.size, ids.owner(id)]).toEqual([0, 1, 'peer'])
  })

  test('a table that is nearly full finds the last free id, and says when there is none', () => {
    const ids = new ConnectionIds<number>({ bits: 8, random: source(4) })
    const drawn = Array.from({ length: 255 }, (_, i) => ids.draw(i, 0))
    expect(new Set(drawn).size).toBe(255)
    expect(drawn).not.toContain(0)
    expect(ids.draw(0, 0)).toBe(0)
    ids.release(drawn[7]!, 0)
    expect(ids.draw(0, 29_999)).toBe(0)
    expect(ids.draw(1, 30_000)).toBe(drawn[7])
  })

  test('the top bits name the worker', () => {
    const ids = new ConnectionIds<number>({ bits: 32, random: source(5), worker: { bits: 2, index: 3 } })
    for (let i = 0; i < 1000; i++) expect(ids.draw(i, 0) >>> 30).toBe(3)
    expect(() => new ConnectionIds({ bits: 32, random: source(5), worker: { bits: 2, index: 4 } })).toThrow(
      /does not fit/,
    )
  })
})

describe('path', () => {
  const path = (isValidated = true) => new Path({ rebind: 'validated', address: 'home:1', isValidated })

  test('the newest packet copied from a third address sends at most three times its bytes there', () => {
    const where = path()
    expect(where.opened(0, 'third:9', 100, true, 100)).toBe('moved')
    let sent = 0
    while (where.allowance >= 50) {
      where.sent(50)
      sent += 50
    }
    expect(sent).toBe(300)
    // The genuine peer goes on sending from where it is.
    expect(where.opened(20, 'home:1', 40, true, 100)).toBe('returned')
    expect([where.address, where.allowance]).toEqual(['home:1', Number.POSITIVE_INFINITY])
  })

  test('without any packet the stream returns after three retransmission timeouts', () => {
    const where = path()
    where.opened(1000, 'third:9', 100, true, 150)
    expect([where.deadline, where.expire(1449), where.address]).toEqual([1450, false, 'third:9'])
    expect([where.expire(1450), where.address, where.isValidated]).toEqual([true, 'home:1', true])
  })

  test('a token that comes back proves the address, a guessed one does not', () => {
    const where = path()
    where.opened(0, 'away:2', 100, true, 100)
    where.challenge(0x1234n)
    for (let guess = 0n; guess < 1000n; guess++) expect(where.answered(guess)).toBe(false)
    expect(where.isValidated).toBe(false)
    expect([where.answered(0x1234n), where.isValidated, where.deadline]).toEqual([true, true, Number.POSITIVE_INFINITY])
    // The old address has no claim any more: coming back is a move like any other.
    expect(where.opened(2000, 'home:1', 10, true, 100)).toBe('moved')
  })

  test('tokens for one address prove no other', () => {
    const where = path()
    where.opened(0, 'away:2', 100, true, 100)
    where.challenge(7n)
    where.opened(1000, 'further:3', 100, true, 100)
    expect(where.answered(7n)).toBe(false)
  })

  test('only the newest packet moves the path, once a second, and moving on gains no time', () => {
    const where = path()
    expect(where.opened(0, 'away:2', 100, false, 100)).toBe('none')
    expect(where.opened(0, 'away:2', 100, true, 1000)).toBe('moved')
    expect(where.opened(999, 'further:3', 100, true, 1000)).toBe('none')
    expect(where.opened(1000, 'further:3', 100, true, 1000)).toBe('moved')
    expect(where.deadline).toBe(3000)
    expect([where.expire(3000), where.address]).toEqual([true, 'home:1'])
  })

  test('before its first proof an address gets three bytes for one', () => {
    const where = path(false)
    expect(where.allowance).toBe(0)
    where.opened(0, 'home:1', 192, true, 100)
    where.sent(500)
    expect(where.allowance).toBe(76)
  })

  test('a schema that follows nobody follows nobody', () => {
    const where = new Path({ rebind: 'never', address: 'home:1', isValidated: true })
    expect([where.opened(0, 'away:2', 100, true, 100), where.address]).toEqual(['none', 'home:1'])
  })
})

function source(seed: number): (n: number) => Uint8Array {
  const random = new SimRandom(seed)
  return n => random.bytes(n)
}

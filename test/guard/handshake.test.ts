// What stands between a first packet and a handshake: cookies, the bounds of half-open handshakes, attempts that are over.
import { describe, expect, test } from 'vitest'
import { attemptKey, EndedAttempts } from '../../runtime/guard/attempts.ts'
import { ConnectionTable } from '../../runtime/guard/connections.ts'
import { CookieJar } from '../../runtime/guard/cookie.ts'

const SLOT = 10_000
const ROTATE = 120_000

describe.each(['hmac-sha256', 'blake2s'] as const)('cookies with %s', mac => {
  const jar = (secret = (period: number) => new Uint8Array(32).fill(period)) =>
    new CookieJar({ mac, slot: SLOT, rotate: ROTATE, size: 16, secret })
  const over = bytes('address, port, id and first message')

  test('a cookie is good in its slot and the next, and then no more', () => {
    const cookies = jar()
    const cookie = cookies.issue(12_345, over)
    expect(cookie.length).toBe(16)
    for (const now of [10_000, 12_345, 19_999, 29_999]) expect(cookies.accepts(now, over, cookie)).toBe(true)
    for (const now of [9_999, 30_000, 1_000_000]) expect(cookies.accepts(now, over, cookie)).toBe(false)
  })

  test('a cookie for another address, port, id or message is refused', () => {
    const cookies = jar()
    const cookie = cookies.issue(0, over)
    for (let i = 0; i < over.length; i++) {
      const other = over.slice()
      other[i]! ^= 1
      expect(cookies.accepts(0, other, cookie)).toBe(false)
    }
    for (let i = 0; i < cookie.length; i++) {
      const other = cookie.slice()
      other[i]! ^= 1
      expect(cookies.accepts(0, over, other)).toBe(false)
    }
    expect(cookies.accepts(0, over, cookie.subarray(0, 15))).toBe(false)
    expect(cookies.accepts(0, over, new Uint8Array(16))).toBe(false)
  })

  test('the secret changes every two minutes, and the one before is kept for a slot', () => {
    const asked: number[] = []
    const cookies = jar(period => {
      asked.push(period)
      return new Uint8Array(32).fill(period + 1)
    })
    const late = cookies.issue(ROTATE - 1, over)
    expect(cookies.accepts(ROTATE + 5_000, over, late)).toBe(true)
    expect(cookies.accepts(ROTATE + SLOT, over, late)).toBe(false)
    cookies.issue(ROTATE * 5, over)
    expect(asked).toEqual([0, 1, 5])
    // A clock that steps back finds the old secret gone.
    expect(cookies.accepts(ROTATE - 1, over, late)).toBe(false)
  })

  test('a check costs two MACs at most', () => {
    const cookies = jar()
    const cookie = cookies.issue(15_000, over)
    const before = cookies.macs
    cookies.accepts(15_000, over, cookie)
    expect(cookies.macs - before).toBe(1)
    for (let i = 0; i < 100; i++) cookies.accepts(15_000, over, new Uint8Array(16).fill(i))
    expect(cookies.macs - before).toBe(1 + 200)
  })

  test('a server that restarted with a new secret refuses old cookies', () => {
    const cookie = jar(() => new Uint8Array(32).fill(1)).issue(0, over)
    expect(jar(() => new Uint8Array(32).fill(2)).accepts(0, over, cookie)).toBe(false)
    expect(jar(() => new Uint8Array(32).fill(1)).accepts(0, over, cookie)).toBe(true)
  })
})

test('a cookie is what the document says it is', () => {
  // HMAC-SHA256(32 bytes of 0x0b, u64 7 || "over"), computed with another implementation.
  const jar = new CookieJar({
    mac: 'hmac-sha256',
    slot: SLOT,
    rotate: ROTATE,
    size: 32,
    secret: () => new Uint8Array(32).fill(0x0b),
  })
  expect(Buffer.from(jar.issue(75_000, bytes('over'))).toString('hex')).toBe(EXPECTED)
})

describe('half-open handshakes', () => {
  const table = (handshakes = 4, handshakesPerAddress = 2) =>
    new ConnectionTable<string>(
      { connections: 1000, connectionsPerAddress: 1000, handshakes, handshakesPerAddress, overLimit: 'close' },
      { pendingGoes: true },
    )

  test('a full table lets the oldest unconfirmed one go', () => {
    const open = table()
    const added = Array.from({ length: 6 }, (_, i) => open.admit(`192.0.2.${i}:1`, `${i}`))
    expect(added.map(said => said.kind === 'admitted' && said.evicted)).toEqual([[], [], [], [], ['0'], ['1']])
    expect([open.size, open.countOf('192.0.2.0:1')]).toEqual([4, 0])
  })

  test('one place begins no more than its share: an IPv4 address, or an IPv6 network of 64 bits', () => {
    const open = table(100, 2)
    open.admit('192.0.2.1:1', 'a')
    open.admit('192.0.2.1:2', 'b')
    expect([open.hasRoom('192.0.2.1:3'), open.hasRoom('192.0.2.2:3')]).toEqual([false, true])
    open.admit('[2001:db8::1]:1', 'c')
    open.admit('[2001:db8::2]:1', 'd')
    expect([open.hasRoom('[2001:db8::3]:1'), open.hasRoom('[2001:db8:0:1::3]:1')]).toEqual([false, true])
  })

  test('the first packet of one that is over does nothing for another twenty seconds', () => {
    const ended = new EndedAttempts()
    const first = new Uint8Array(32).fill(1)
    ended.add(attemptKey('a:1', first), 10_000)
    expect(ended.has(attemptKey('a:1', first), 29_999)).toBe(true)
    expect(ended.has(attemptKey('a:1', first), 30_000)).toBe(false)
    // Somebody else who shows the same key does not end this one's attempt.
    expect(ended.has(attemptKey('b:1', first), 10_000)).toBe(false)
  })

  test('a confirmed handshake gives its place back', () => {
    const open = table(1, 1)
    open.admit('a:1', 'a')
    open.established('a')
    expect([open.handshakes, open.hasRoom('a:1')]).toEqual([0, true])
  })
})

test('8192 ended attempts are remembered, the oldest go', () => {
  const ended = new EndedAttempts()
  for (let i = 0; i < 20_000; i++) ended.add(`${i}`, i / 1000)
  expect(ended.size).toBe(8192)
  expect([ended.has('19999', 20), ended.has('11808', 20), ended.has('11807', 20)]).toEqual([true, true, false])
  // One that ends again is remembered from its last end on.
  ended.add('19999', 10_000)
  for (let i = 0; i < 8191; i++) ended.add(`again ${i}`, 10_000)
  expect([ended.has('19999', 29_999), ended.has('19999', 30_000), ended.size]).toEqual([true, false, 8192])
})

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

const EXPECTED = '4c3f2c4d856b80c257eea0dbc0f9c45cf0cc9d776ae5e6492dd76fdd4dd55f1a'

// What stands between a first packet and a handshake: cookies, the table of half-open handshakes, attempts that are over.
import { describe, expect, test } from 'vitest'
import { EndedAttempts } from '../../runtime/guard/attempts.ts'
import { CookieJar } from '../../runtime/guard/cookie.ts'
import { HalfOpen } from '../../runtime/guard/half-open.ts'

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
  const table = (most = 4, mostPerAddress = 2) => new HalfOpen<string>({ most, mostPerAddress, timeout: 10_000 })

  test('a captured first packet sent 100,000 times is answered with the same bytes and agrees on a key once', () => {
    const open = table()
    let agreements = 0
    const answers = new Set<string>()
    for (let i = 0; i < 100_000; i++) {
      const now = i / 20
      const first = bytes('an ephemeral key of thirty-two b')
      let entry = open.find('192.0.2.1:5', first)
      if (entry === undefined && !open.hasEnded('192.0.2.1:5', first, now)) {
        agreements++
        entry = open.add(now, '192.0.2.1:5', first, 'state', bytes(`reply ${agreements}`)).entry
      }
      if (entry) answers.add(Buffer.from(entry.reply).toString())
    }
    expect([agreements, open.size, [...answers]]).toEqual([1, 1, ['reply 1']])
  })

  test('a full table lets the oldest unconfirmed one go, who may try again', () => {
    const open = table()
    const first = Array.from({ length: 6 }, (_, i) => new Uint8Array(32).fill(i))
    const added = first.map((ephemeral, i) => open.add(i, `192.0.2.${i}:1`, ephemeral, `${i}`, bytes('reply')))
    expect(added.map(({ evicted }) => evicted?.state)).toEqual([undefined, undefined, undefined, undefined, '0', '1'])
    expect(open.size).toBe(4)
    expect(open.hasEnded('192.0.2.0:1', first[0]!, 10)).toBe(false)
    expect(open.countOf('192.0.2.0:1')).toBe(0)
  })

  test('one place begins no more than its share: an IPv4 address, or an IPv6 network of 64 bits', () => {
    const open = table(100, 2)
    open.add(0, '192.0.2.1:1', new Uint8Array(32).fill(1), '', bytes(''))
    open.add(0, '192.0.2.1:2', new Uint8Array(32).fill(2), '', bytes(''))
    expect([open.admits('192.0.2.1:3'), open.admits('192.0.2.2:3')]).toEqual([false, true])
    open.add(0, '[2001:db8::1]:1', new Uint8Array(32).fill(3), '', bytes(''))
    open.add(0, '[2001:db8::2]:1', new Uint8Array(32).fill(4), '', bytes(''))
    expect([open.admits('[2001:db8::3]:1'), open.admits('[2001:db8:0:1::3]:1')]).toEqual([false, true])
    expect(() => open.add(0, '192.0.2.1:3', new Uint8Array(32), '', bytes(''))).toThrow(/ask `admits`/)
  })

  test('what takes too long ends, and its first packet does nothing for another twenty seconds', () => {
    const open = table()
    const first = new Uint8Array(32).fill(1)
    open.add(0, 'a:1', first, 'slow', bytes(''))
    expect(open.deadline).toBe(10_000)
    expect(open.expire(9_999)).toEqual([])
    expect(open.expire(10_000).map(({ state }) => state)).toEqual(['slow'])
    expect(open.hasEnded('a:1', first, 29_999)).toBe(true)
    expect(open.hasEnded('a:1', first, 30_000)).toBe(false)
    // Somebody else who shows the same key does not end this one's attempt.
    expect(open.hasEnded('b:1', first, 10_000)).toBe(false)
    expect(open.deadline).toBe(Number.POSITIVE_INFINITY)
  })

  test('a confirmed handshake leaves the table and its place', () => {
    const open = table()
    const first = new Uint8Array(32).fill(1)
    const { entry } = open.add(0, 'a:1', first, '', bytes(''))
    expect([open.end(entry, 5), open.end(entry, 6)]).toEqual([true, false])
    expect([open.size, open.countOf('a:1'), open.hasEnded('a:1', first, 6)]).toEqual([0, 0, true])
  })

  test('an answer too large to keep is refused', () => {
    expect(() => table().add(0, 'a:1', new Uint8Array(32), '', new Uint8Array(1501))).toThrow(/1500 at most/)
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

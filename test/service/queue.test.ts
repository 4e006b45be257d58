// The queue of one subscriber: what is kept and what goes when its socket takes nothing, with every policy.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Instant, instant } from '../../runtime/core/machine.ts'
import type { Boundary, Extent } from '../../runtime/service/relay/boundary.ts'
import { type Overflow, type QueueOwner, SubscriberQueue } from '../../runtime/service/relay/queue.ts'
import { Run } from '../../runtime/service/relay/run.ts'

/** Frames here: a length byte, then as many bytes less one; the second byte is a number. */
const BOUNDARY: Boundary = {
  needs: 1,
  failure: undefined,
  whole(bytes, from, end, frames, size): Extent {
    const extent = { end: from, frames: 0 }
    while (extent.end < end && extent.frames < frames) {
      const next = extent.end + bytes[extent.end]!
      if (next > end || next - from > size) break
      extent.end = next
      extent.frames++
    }
    return extent
  },
}

class Owner implements QueueOwner {
  readonly got: number[] = []
  readonly events: string[] = []
  dropping = 0
  isFull = false
  /** Others have nothing left. */
  isAwaited = false
  blocked = false
  /** What the socket has begun to send and cannot finish, where it is set. */
  sending: Uint8Array[] | undefined
  queue: SubscriberQueue | undefined
  time = 0

  /** The socket takes one run, or everything. */
  flush(): void {
    while (!this.blocked) {
      const run = this.queue?.take()
      if (run === undefined) return
      if (this.sending !== undefined) {
        this.sending.push(run)
        this.blocked = true
        return
      }
      for (let at = 0; at < run.length; at += run[at]!) this.got.push(run[at + 1]!)
      this.queue?.release()
    }
  }
  dropped(frames: number): void {
    this.dropping += frames
  }
  overflowed(): void {
    this.events.push('overflowed')
    this.queue?.finish(1000)
  }
  full(isFull: boolean): void {
    this.isFull = isFull
  }
  stalled(): void {
    this.events.push('stalled')
  }
  finished(): void {
    this.events.push('finished')
  }
  now(): Instant {
    return instant(this.time)
  }
}

function queueOf(overflow: Overflow, frames: number, bytes = 1 << 20): Owner & { queue: SubscriberQueue } {
  const owner = new Owner()
  owner.queue = new SubscriberQueue({ frames, bytes, overflow, stall: 500, hold: 50 }, BOUNDARY, owner)
  return owner as Owner & { queue: SubscriberQueue }
}

let next = 0
function run(...sizes: number[]): Run {
  const bytes = new Uint8Array(sizes.reduce((sum, size) => sum + size, 0))
  let at = 0
  for (const size of sizes) {
    bytes[at] = size
    bytes[at + 1] = next++ & 0xff
    at += size
  }
  return new Run(bytes, sizes.length)
}

test('nothing waits and nothing is held while the socket takes everything', () => {
  const owner = queueOf('drop-newest', 4)
  next = 0
  for (let i = 0; i < 100; i++) {
    const one = run(5, 7, 2)
    owner.queue.offer(one)
    expect([owner.queue.frames, owner.queue.bytes, one.keepsRead]).toEqual([0, 0, false])
  }
  expect(owner.got.length).toBe(300)
  expect(owner.dropping).toBe(0)
})

test.each([
  ['drop-newest', [0, 1, 2, 3]],
  ['drop-oldest', [6, 7, 8, 9]],
] as const)('%s keeps whole frames within its bounds', (overflow, kept) => {
  const owner = queueOf(overflow, 4)
  next = 0
  owner.blocked = true
  owner.queue.offer(run(3, 4, 5))
  owner.queue.offer(run(6, 2, 9))
  owner.queue.offer(run(3, 3, 3, 8))
  expect([owner.queue.frames, owner.dropping]).toEqual([4, 6])
  owner.blocked = false
  owner.flush()
  expect(owner.got).toEqual(kept)
})

test('drop-client sends what was queued before, and nothing after', () => {
  const owner = queueOf('drop-client', 3)
  next = 0
  owner.blocked = true
  owner.queue.offer(run(3, 3))
  owner.queue.offer(run(3, 3))
  owner.queue.offer(run(3))
  expect(owner.events).toEqual(['overflowed'])
  owner.blocked = false
  owner.flush()
  expect(owner.got).toEqual([0, 1, 2])
  expect(owner.events).toEqual(['overflowed', 'finished'])
})

test('backpressure loses nothing, says when it is full, and gives a subscriber up that stands still', () => {
  const owner = queueOf('backpressure', 3)
  next = 0
  owner.blocked = true
  owner.queue.offer(run(3, 3))
  expect(owner.isFull).toBe(false)
  owner.queue.offer(run(3, 3))
  expect([owner.isFull, owner.queue.deadline]).toEqual([true, 50])
  owner.blocked = false
  owner.flush()
  expect([owner.isFull, owner.queue.deadline, owner.dropping]).toEqual([false, Number.POSITIVE_INFINITY, 0])
  expect(owner.got).toEqual([0, 1, 2, 3])
  owner.blocked = true
  owner.queue.offer(run(3, 3, 3))
  owner.time = 700
  owner.queue.wake(instant(499))
  expect(owner.events).toEqual([])
  owner.queue.wake(instant(700))
  expect(owner.events).toEqual(['stalled'])
  owner.queue.end()
  expect([owner.isFull, owner.queue.frames]).toEqual([false, 0])
})

test('others who have nothing left wait for one that takes nothing only so long: then it gets what it has, and the end', () => {
  const owner = queueOf('backpressure', 3)
  next = 0
  owner.blocked = true
  owner.queue.offer(run(3, 3, 3))
  // As long as everybody else has something to send, nobody waits.
  owner.time = 50
  owner.queue.wake(instant(50))
  expect([owner.events, owner.queue.deadline]).toEqual([[], 100])
  owner.isAwaited = true
  owner.time = 100
  owner.queue.wake(instant(100))
  expect([owner.events, owner.isFull]).toEqual([['overflowed'], false])
  owner.queue.offer(run(3))
  owner.blocked = false
  owner.flush()
  expect(owner.got).toEqual([0, 1, 2])
  expect(owner.events).toEqual(['overflowed', 'finished'])
})

test('one that takes a little now and then is waited for, but not most of the time', () => {
  const owner = queueOf('backpressure', 2)
  next = 0
  owner.isAwaited = true
  owner.blocked = true
  let rounds = 0
  for (; owner.events.length === 0 && rounds < 1000; rounds++) {
    owner.queue.offer(run(3, 3))
    owner.time += 40
    owner.queue.wake(instant(owner.time))
    owner.blocked = false
    owner.flush()
    owner.blocked = true
    // Half as long as it held them up, nobody waits for it.
    owner.time += 20
  }
  // It owes 20 ms a round, and 500 are too much.
  expect([owner.events, rounds]).toEqual([['overflowed', 'finished'], 25])
})

test('one that is at least half as fast as the others is waited for as often as it takes', () => {
  const owner = queueOf('backpressure', 2)
  next = 0
  owner.isAwaited = true
  for (let i = 0; i < 1000; i++) {
    owner.blocked = true
    owner.queue.offer(run(3, 3))
    owner.time += 40
    owner.queue.wake(instant(owner.time))
    owner.blocked = false
    owner.flush()
    owner.time += 40
  }
  expect([owner.events, owner.got.length]).toEqual([[], 2000])
})

test('whatever comes and goes, the bounds hold, frames stay in order, and each is sent or counted as dropped', () => {
  const steps = fc.array(
    fc.oneof(
      fc.record({ offer: fc.array(fc.integer({ min: 2, max: 40 }), { minLength: 1, maxLength: 6 }) }),
      fc.constant({ toggle: true }),
    ),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(
      fc.constantFrom<Overflow>('drop-newest', 'drop-oldest', 'backpressure'),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 40, max: 200 }),
      steps,
      (overflow, frames, bytes, all) => {
        const owner = queueOf(overflow, frames, bytes)
        next = 0
        let largest = 0
        for (const step of all) {
          if ('toggle' in step) {
            owner.blocked = !owner.blocked
            owner.flush()
            continue
          }
          // Whoever publishes looks before.
          if (overflow === 'backpressure' && owner.isFull) continue
          largest = Math.max(largest, step.offer.length)
          owner.queue.offer(run(...step.offer))
          if (overflow === 'backpressure') expect(owner.queue.frames).toBeLessThan(frames + largest)
          else {
            expect(owner.queue.frames).toBeLessThanOrEqual(frames)
            expect(owner.queue.bytes).toBeLessThanOrEqual(bytes)
          }
        }
        owner.blocked = false
        owner.flush()
        expect(owner.got.length + owner.dropping).toBe(next)
        expect(owner.got).toEqual([...owner.got].sort((a, b) => a - b))
        if (overflow === 'backpressure') expect(owner.dropping).toBe(0)
      },
    ),
    { numRuns: 300 },
  )
})

test('what a socket is still sending is not read over because the same run moved elsewhere for another subscriber', () => {
  const [sending, waiting] = [queueOf('backpressure', 9), queueOf('backpressure', 9)]
  waiting.blocked = true
  const memory = new Uint8Array(1024)
  memory.set([3, 1, 0])
  const one = new Run(memory.subarray(0, 3), 1)
  sending.sending = []
  sending.queue.offer(one)
  waiting.queue.offer(one)
  expect(sending.sending[0]?.buffer).toBe(memory.buffer)
  expect(one.bytes.buffer).not.toBe(memory.buffer)
  expect(one.keepsRead).toBe(true)
  sending.queue.release()
  expect(one.keepsRead).toBe(false)
  waiting.blocked = false
  waiting.flush()
  expect(waiting.got).toEqual([1])
})

test('memory that was read into is held only while somebody needs it', () => {
  const owner = queueOf('drop-newest', 2)
  next = 0
  owner.blocked = true
  const large = new Run(
    new Uint8Array(1024).subarray(0, 9).map((_, i) => (i % 3 === 0 ? 3 : i)),
    3,
  )
  owner.queue.offer(large)
  expect(owner.dropping).toBe(1)
  owner.blocked = false
  owner.flush()
  expect(large.keepsRead).toBe(false)
})

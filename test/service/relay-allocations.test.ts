// What the relay makes for what it passes on: something for each read, nothing for each message.

import { expect, test } from 'vitest'
import { protocol } from '../../generated/hydra-sync/index.ts'
import { instant } from '../../runtime/core/machine.ts'
import { plan } from '../../runtime/core/plan.ts'
import type { Session } from '../../runtime/core/session.ts'
import { boundaryOf } from '../../runtime/service/relay/boundary.ts'
import { LocalHub } from '../../runtime/service/relay/hub.ts'
import { PublisherIntake } from '../../runtime/service/relay/intake.ts'
import { type QueueOwner, SubscriberQueue } from '../../runtime/service/relay/queue.ts'

const FRAMES = 1000
const READS = 400
const SUBSCRIBERS = 8

test('a thousand messages in one read cost eight subscribers less than a byte of the heap each', () => {
  const { relay } = protocol.service as unknown as {
    relay: { queue: ConstructorParameters<typeof SubscriberQueue>[0] }
  }
  const codec = protocol.codec()
  codec.context = { ...codec.context, state: 'stream', dir: 'producer>server', session: { payload_len: 64n } }
  const role = { role: 'server', side: 'accepts', params: {} } as const
  const boundary = boundaryOf(plan(protocol, protocol.transports[0]!, role), codec, 'Data')
  const size = boundary.needs
  expect(size).toBe(64 + 58)

  const hub = new LocalHub({ publishers: 1, history: undefined })
  const publisher = hub.publish('group', { resume: () => {} })
  if (publisher.kind !== 'ok') throw new Error(publisher.kind)
  let sent = 0
  for (let i = 0; i < SUBSCRIBERS; i++) {
    // A socket that takes everything.
    const owner: QueueOwner = {
      flush() {
        for (let run = queue.take(); run !== undefined; run = queue.take()) {
          sent += run.length
          queue.release()
        }
      },
      dropped() {},
      overflowed() {},
      full() {},
      isAwaited: false,
      stalled() {},
      finished() {},
      now: () => instant(0),
    }
    const queue = new SubscriberQueue(relay.queue, boundary, owner)
    hub.subscribe('group', { offer: run => queue.offer(run), isIdle: true, orphaned() {} })
  }
  const session = { framesIn: 0, bytesIn: 0, shared: { meter: { received() {} } } }
  const intake = new PublisherIntake(session as unknown as Session, boundary, publisher.member, 0, () => {})
  const chunk = new Uint8Array(FRAMES * size)
  const pass = (reads: number): void => {
    for (let i = 0; i < reads; i++) intake.take(instant(i), chunk, 0, chunk.length)
  }
  pass(2000)
  const before = process.memoryUsage().heapUsed
  pass(READS)
  const made = process.memoryUsage().heapUsed - before
  expect(sent).toBe((2000 + READS) * chunk.length * SUBSCRIBERS)
  expect(session.framesIn).toBe((2000 + READS) * FRAMES)
  expect(made / (READS * FRAMES * SUBSCRIBERS)).toBeLessThan(1)
})

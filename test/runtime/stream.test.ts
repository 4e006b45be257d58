// Stream connections: finding frames in chunks of any size, requests, limits, and how connections end.

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { instant } from '../../runtime/core/machine.ts'
import { StreamConnection } from '../../runtime/core/stream.ts'
import { outcome, sharedEnd, streamEnd } from './harness.ts'
import { pair } from './stream-pair.ts'
import { ACKS, ASKS, encoded, FRAMES, frame, PINGS, read, TCP, type TinyReader, text, tiny } from './tiny.ts'

test('frames are found whatever the portions they arrive in', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(fc.nat(300), { maxLength: 40 }),
      fc.integer({ min: 1, max: 700 }),
      (seed, sizes, portion) => {
        const { client, server, network } = pair({ seed, portion })
        const payloads = sizes.map((size, i) => new Uint8Array(size).fill(i))
        for (const payload of payloads) client.session.send(instant(0), 'Data', { payload })
        network.run(1000)
        expect(server.recorder.got.map(one => one.payload)).toEqual(payloads)
      },
    ),
  )
})

test('a declared length of 4 GiB allocates nothing and closes the connection, which is told why', () => {
  const { client, server, network } = pair()
  const bytes = new Uint8Array(100)
  bytes.set([0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf0])
  server.machine.start(instant(0))
  server.machine.receive(instant(0), bytes)
  expect(server.recorder.errors.map(one => one.code)).toEqual(['TooLarge'])
  expect(server.machine.closing).toBe('after-flush')
  expect(Array.from(server.machine.transmit()!.subarray(0, 1))).toEqual([7])
  expect([client.recorder.opened, network.now]).toEqual([0, 0])
})

test('a corrupted frame is named, told with Err, and ends the connection on both sides', () => {
  const { client, server, network } = pair()
  network.run(1)
  const bytes = encoded('Data', { payload: text('hello') })
  bytes[15]! ^= 1
  client.session.send(instant(1), 'Data', { payload: text('before') })
  network.run(10)
  server.machine.receive(instant(10), bytes)
  network.run(2000)
  expect(server.recorder.names).toEqual(['Data'])
  expect(server.recorder.errors).toMatchObject([
    { code: 'BadCheck', message: 'the check is wrong at byte 18', fatal: true },
  ])
  expect(server.recorder.closes).toMatchObject([{ reason: 'error', error: { code: 'BadCheck' } }])
  expect(client.recorder.names).toEqual(['Err'])
  expect(client.recorder.closes.length).toBe(1)
})

test('with on_error drop, a stream goes on behind a frame that was refused', () => {
  const { client, server, network } = pair({
    changes: { onError: { stream: 'drop', datagram: 'drop', tell: undefined } },
  })
  network.run(1)
  const bad = encoded('Data', { payload: text('bad') })
  bad[14]! ^= 1
  server.machine.receive(instant(1), new Uint8Array([...bad, ...encoded('Data', { payload: text('good') })]))
  client.session.send(instant(1), 'Data', { payload: text('later') })
  network.run(100)
  expect(server.recorder.got.map(one => read(one.payload))).toEqual(['good', 'later'])
  expect(server.tally.events.get('error')?.get('BadCheck')?.times).toBe(1)
})

test('a request is answered by what the handler replies, matched by its id', () => {
  const { client, server, network } = pair()
  server.recorder.handle = (session, request, rule) => {
    if (rule) session.reply(instant(network.now), { payload: text(`re: ${read(request.payload)}`) })
  }
  network.run(1)
  const all = ['a', 'b', 'c'].map(name => outcome(client.session.request(instant(1), 'Ask', { payload: text(name) })))
  network.run(100)
  expect(all.map(one => read((one.reply as TinyReader).payload))).toEqual(['re: a', 're: b', 're: c'])
  expect(client.recorder.got).toEqual([])
})

test('a request without an answer times out, and its late answer is an ordinary frame', () => {
  const { client, server, network } = pair()
  network.run(1)
  const asked = outcome(client.session.request(instant(1), 'Ask', {}))
  network.run(900)
  expect(asked.done).toBe(false)
  network.run(1100)
  expect(asked.error).toMatchObject({ code: 'Timeout', message: 'no Tell in answer to Ask' })
  const id = 1
  server.session.send(instant(network.now), 'Tell', { id })
  network.run(1200)
  expect(client.recorder.names).toEqual(['Tell'])
})

test('requests beyond in_flight wait for one to end, in order', () => {
  const { client, server, network } = pair({ changes: { replies: [{ ...ASKS, inFlight: 2 }] } })
  const held: (() => void)[] = []
  server.recorder.handle = session => {
    held.push(() => session.reply(instant(network.now), {}))
    return true
  }
  network.run(1)
  const all = Array.from({ length: 5 }, () => outcome(client.session.request(instant(1), 'Ask', {})))
  network.run(50)
  expect(server.recorder.got.length).toBe(1)
  for (let i = 0; i < 5; i++) {
    held[i]!()
    server.session.done(instant(network.now))
    network.run(network.now + 50)
  }
  expect(all.map(one => one.done && one.error === undefined)).toEqual([true, true, true, true, true])
  expect(server.recorder.got.length).toBe(5)
})

test('a send that asks for an acknowledgement settles with it, and over a stream nothing is repeated', () => {
  const { client, server, network } = pair()
  network.run(1)
  const sent = outcome(client.session.send(instant(1), 'Data', { flags: 1, payload: text('x') }))
  expect(sent.done).toBe(false)
  network.run(50)
  expect(sent).toMatchObject({ done: true })
  expect(server.recorder.names).toEqual(['Data'])
  expect(server.tally.sentFrames[1]).toBe(1)
})

test('the patience for an acknowledgement is the same over a stream as over datagrams', () => {
  const { client, server, network } = pair({ changes: { replies: [{ ...ACKS, to: ['Data'], when: () => false }] } })
  network.run(1)
  const sent = outcome(client.session.send(instant(1), 'Data', { flags: 1 }))
  network.run(1400)
  expect(sent.done).toBe(false)
  network.run(1600)
  // 4 waits of 200 ms, and 100 + 200 + 400 ms in between.
  expect(sent.error).toMatchObject({ code: 'Timeout' })
  expect(server.recorder.got.length).toBe(1)
})

test('while a handler is busy its frame stays readable, answers go on, and frames wait in order', () => {
  const { client, server, network } = pair({ changes: { replies: [ASKS, ACKS, PINGS] } })
  let held: TinyReader | undefined
  server.recorder.handle = (_session, one) => {
    if (held !== undefined) return false
    held = one
    return true
  }
  network.run(1)
  client.session.send(instant(1), 'Data', { payload: text('first') })
  for (let i = 0; i < 5; i++) client.session.send(instant(1), 'Data', { payload: text(`number ${i}`) })
  const ping = outcome(client.session.request(instant(1), 'Ping', {}))
  network.run(100)
  expect(read(held!.payload)).toBe('first')
  expect(ping.done).toBe(true)
  // The Ping waits behind the others for the application, but was answered before.
  expect(server.recorder.names).toEqual(['Data'])
  server.session.done(instant(100))
  expect(server.recorder.got.map(one => read(one.payload))).toEqual([
    'first',
    'number 0',
    'number 1',
    'number 2',
    'number 3',
    'number 4',
    '',
  ])
})

test('a slow handler stops reading, and that stops the sender: nothing is lost and memory is bounded', () => {
  const { client, server, network } = pair({ portion: 3000 })
  server.recorder.handle = () => true
  network.run(1)
  const payload = new Uint8Array(1000)
  const sends = Array.from({ length: 2000 }, () => {
    try {
      return outcome(client.session.send(instant(network.now), 'Data', { payload }))
    } catch (error) {
      return { done: true, error: error as Error }
    }
  })
  network.run(1000)
  expect(server.machine.reading).toBe(false)
  const taken = sends.filter(one => one.done && one.error === undefined).length
  // What fits the simulated pipe, both queues, and the chunk being read.
  expect(taken * 1000).toBeGreaterThan(500_000)
  expect(taken).toBeLessThan(1800)
  expect(client.machine.queued).toBeLessThan(1_100_000)
  for (let i = 0; i < 2000; i++) {
    server.session.done(instant(network.now))
    network.run(network.now + 1)
  }
  const accepted = sends.filter(one => one.done && one.error === undefined).length
  expect(server.recorder.got.length).toBe(accepted)
  expect(sends.filter(one => one.error !== undefined).every(one => /await/.test(one.error!.message))).toBe(true)
})

test('with overflow reject, a full queue refuses the frame at once', () => {
  const { client, network } = pair({ overflow: 'reject' })
  network.run(1)
  client.machine.isBlocked = true
  for (let i = 0; i < 16; i++) client.session.send(instant(1), 'Data', {})
  expect(() => client.session.send(instant(1), 'Data', {})).toThrow(/outbound queue is full \(16 frames/)
})

test('the peer is asked from time to time, and when it does not answer the connection ends', () => {
  const { client, server, network } = pair({ changes: { replies: [{ ...PINGS, every: 1000 }] } })
  network.run(10_000)
  expect([client.recorder.closes, server.recorder.closes]).toEqual([[], []])
  expect(client.tally.sentFrames[2]).toBeGreaterThan(8)
  const heal = network.partition()
  network.run(20_000)
  expect(client.recorder.closes).toMatchObject([{ reason: 'timeout', error: { code: 'Timeout' } }])
  heal()
})

test('a peer that says nothing for longer than limits.idle is left', () => {
  const { client, server, network } = pair({ changes: { limits: { ...tiny().limits, idle: 5000 } } })
  network.run(4000)
  for (const { session } of [client, server]) session.send(instant(4000), 'Data', {})
  network.run(8999)
  expect(server.recorder.closes).toEqual([])
  network.run(11_000)
  for (const { recorder } of [client, server])
    expect(recorder.closes).toMatchObject([{ reason: 'idle', error: { code: 'Timeout' } }])
})

test('closing sends what was taken, says goodbye, and both sides end without an error', () => {
  const { client, server, network } = pair()
  network.run(1)
  client.session.send(instant(1), 'Data', { payload: text('last words') })
  client.session.close(instant(1))
  expect(() => client.session.send(instant(1), 'Data', {})).toThrow(/closed/)
  network.run(1000)
  expect(server.recorder.names).toEqual(['Data', 'Bye'])
  expect(server.recorder.closes).toEqual([{ reason: 'bye', error: undefined }])
  expect(client.recorder.closes).toEqual([{ reason: 'closed', error: undefined }])
})

test('closing waits for requests that are open, and not longer than its timeout', () => {
  const { client, server, network } = pair({ changes: { replies: [{ ...ASKS, timeout: 60_000 }] } })
  server.recorder.handle = () => true
  network.run(1)
  const asked = outcome(client.session.request(instant(1), 'Ask', {}))
  client.session.close(instant(1))
  network.run(4000)
  expect(client.recorder.closes).toEqual([])
  network.run(6000)
  expect(client.recorder.closes.length).toBe(1)
  expect(asked.error).toMatchObject({ code: 'Closed' })
})

test('a frame in a direction its sender has not is refused on both sides', () => {
  const frames = FRAMES.map(one =>
    one.name === 'Tell' ? frame('Tell', { dirs: [{ sender: 'server', receiver: 'client' }] }) : one,
  )
  const { client, server, network } = pair({ changes: { frames } })
  network.run(1)
  expect(() => client.session.send(instant(1), 'Tell', {})).toThrow(/the client may not send Tell/)
  server.machine.receive(instant(1), encoded('Tell'))
  expect(server.recorder.errors).toMatchObject([{ code: 'WrongState', frame: 'Tell' }])
})

test('states move with the frames on both sides, decide by what a frame says, and end when they last too long', () => {
  const states = [
    { name: 'greet', timeout: 500, ignore: [], frames: { Ask: [{ to: 'answer' }] } },
    {
      name: 'answer',
      timeout: 500,
      ignore: [],
      frames: { Tell: [{ to: 'open', when: (one: unknown) => (one as TinyReader).flags === 4 }, { to: 'closed' }] },
    },
    {
      name: 'open',
      timeout: Number.POSITIVE_INFINITY,
      ignore: [],
      frames: { Data: [{ to: 'open' }], Bye: [{ to: 'closed' }] },
    },
  ]
  const good = pair({ changes: { states, replies: [] } })
  good.server.recorder.handle = (session, one) => {
    if (one.frameName === 'Ask') session.send(instant(good.network.now), 'Tell', { flags: 4 })
  }
  good.network.run(1)
  expect(() => good.client.session.send(instant(1), 'Data', {})).toThrow(/may not be sent in the state greet/)
  good.client.session.send(instant(1), 'Ask', {})
  good.network.run(10)
  expect([good.client.session.lifecycle.state, good.server.session.lifecycle.state]).toEqual(['open', 'open'])
  good.client.session.send(instant(10), 'Data', {})
  good.network.run(3000)
  expect(good.server.recorder.names).toEqual(['Ask', 'Data'])
  expect(good.server.recorder.closes).toEqual([])

  const slow = pair({ changes: { states, replies: [] } })
  slow.network.run(2000)
  expect(slow.server.recorder.closes).toMatchObject([{ reason: 'timeout', error: { code: 'Timeout' } }])
})

test('a value that a frame teaches is known on both sides, within its bound', () => {
  const frames = FRAMES.map(one =>
    one.name === 'Size'
      ? frame('Size', { learn: [{ name: 'size', value: f => (f as TinyReader).payload.length }] })
      : one,
  )
  const session = [{ name: 'size', secret: false, start: 0, max: 10, lifetime: Number.POSITIVE_INFINITY }]
  const { client, server, network } = pair({ changes: { frames, session } })
  network.run(1)
  server.session.send(instant(1), 'Size', { payload: new Uint8Array(7) })
  network.run(10)
  expect([client.session.context.session, server.session.context.session]).toEqual([{ size: 7 }, { size: 7 }])
  server.machine.transmit()
  client.machine.receive(instant(10), encoded('Size', { payload: new Uint8Array(11) }))
  expect(client.recorder.errors).toMatchObject([{ code: 'LimitExceeded', frame: 'Size' }])
})

test('a peer over its rate is read later, and loses nothing', () => {
  const rate = { packets: 100, bytes: Number.POSITIVE_INFINITY, burst: 10, before: 'deliver' as const }
  const { client, server, network } = pair({ changes: { limits: { ...tiny().limits, rate } } })
  network.run(1)
  for (let i = 0; i < 50; i++) client.session.send(instant(1), 'Data', { payload: Uint8Array.of(i) })
  network.run(100)
  expect(server.recorder.got.length).toBeLessThan(25)
  network.run(1000)
  expect(server.recorder.got.map(one => one.payload[0])).toEqual(Array.from({ length: 50 }, (_, i) => i))
})

test('unfinished frames of all connections have one bound, and whoever goes beyond it goes', () => {
  const shared = sharedEnd(tiny({ limits: { ...tiny().limits, memory: 100_000 } }), 'accepts')
  const part = encoded('Data', { payload: new Uint8Array(60_000) }).subarray(0, 40_000)
  const machines = [1, 2, 3].map(port => new StreamConnection(shared.shared, `a:${port}`, instant(0)))
  for (const machine of machines) {
    machine.start(instant(0))
    machine.receive(instant(0), part)
  }
  expect(machines.map(one => one.closing)).toEqual([undefined, undefined, 'now'])
  machines[2]!.lost(instant(1), 'closed')
  expect(shared.recorder.closes).toMatchObject([{ reason: 'limit', error: { code: 'LimitExceeded' } }])
  machines[0]!.receive(instant(2), encoded('Data', { payload: new Uint8Array(60_000) }).subarray(40_000))
  expect(shared.recorder.names).toEqual(['Data'])
  for (const machine of machines) machine.lost(instant(3), 'closed')
  expect(shared.shared.memory.held).toBe(0)
})

test('hostile bytes never throw out of a stream machine', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 64 }), { maxLength: 20 }), fc.boolean(), (chunks, valid) => {
      const { machine } = streamEnd(tiny({ replies: [ASKS, ACKS, PINGS] }), 'accepts')
      machine.start(instant(0))
      chunks.forEach((chunk, i) => {
        const bytes = valid ? encoded('Data', { flags: chunk[0] ?? 0, id: chunk[1] ?? 0, payload: chunk }) : chunk
        if (machine.reading) machine.receive(instant(i), bytes)
        for (let out = machine.transmit(); out; out = machine.transmit()) machine.release(out)
        machine.wake(instant(i))
      })
      machine.end(instant(100))
      machine.lost(instant(100), 'reset')
    }),
    { numRuns: 300 },
  )
})

for (const [name, framing] of Object.entries({
  'a length in front': {
    kind: 'prefix' as const,
    read: (bytes: Uint8Array, at: number, end: number, out: { value: number }) => {
      if (end - at < 2) return 0
      out.value = bytes[at]! * 256 + bytes[at + 1]!
      return 2
    },
    write: (bytes: Uint8Array, at: number, length: number) => {
      bytes[at] = length >>> 8
      bytes[at + 1] = length & 255
      return at + 2
    },
    size: () => 2,
  },
  'a delimiter behind': { kind: 'delimiter' as const, delimiter: text('\r\n--\r\n') },
  'one size for all': { kind: 'fixed' as const, size: 34 },
})) {
  test(`frames with ${name} arrive in any portions`, () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 1, max: 30 }),
        (seed, portion, count) => {
          const { client, server, network } = pair({ seed, portion, transport: { ...TCP, framing, maxFrame: 1000 } })
          network.run(1)
          const payloads = Array.from({ length: count }, (_, i) => new Uint8Array(20).fill(i))
          for (const payload of payloads) client.session.send(instant(1), 'Data', { payload })
          network.run(1000)
          expect(server.recorder.got.map(one => one.payload)).toEqual(payloads)
        },
      ),
      { numRuns: 50 },
    )
  })
}

// Real sockets on the loopback, and the memory driver: the same behaviour over each.

import { createSocket } from 'node:dgram'
import { connect as dial, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { type Connection, connect, isPeerError, LocalError, serve } from '../../runtime/index.ts'
import { Tally } from '../../runtime/metrics/tally.ts'
import { overUdp, PATHS, take } from './paths.ts'
import { cleanup, keep, listener, started, turn, until } from './sockets.ts'
import { ACKS, ASKS, encoded, PINGS, read, type TinyReader, type TinyValue, text, tiny } from './tiny.ts'

for (const [transport, path] of [['tcp'], ['memory'], ...PATHS.map(path => ['udp', path] as const)] as const) {
  const over = path === undefined ? transport : `${transport} (${path})`
  test(`over ${over}: frames, requests, acknowledgements and a goodbye`, async () => {
    if (path !== undefined) take(path)
    const got: string[] = []
    const closed: string[] = []
    const server = await started(transport, {
      handlers: {
        Data: (frame: TinyReader) => void got.push(read(frame.payload)),
        Ask: async (frame: TinyReader) => {
          await turn()
          return { payload: text(`re: ${read(frame.payload)}`) }
        },
      },
      onClose: (_peer, reason) => void closed.push(reason),
    })
    const client = await server.connect()
    await client.send('Data', { payload: text('one') })
    await client.send('Data', { flags: 1, payload: text('two') })
    expect(got).toEqual(['one', 'two'])
    const [reply, other] = await Promise.all([
      client.request('Ask', { payload: text('why') }),
      client.request('Ask', { payload: text('how') }),
    ])
    expect([read((reply as TinyValue).payload!), read((other as TinyValue).payload!)]).toEqual(['re: why', 're: how'])
    await client.close()
    await until(() => closed.length > 0)
    expect(closed).toEqual(['bye'])
    expect(await client.closed).toEqual({ reason: 'closed', error: undefined })
    expect(server.server.stats).toMatchObject({ connections: 0, framesIn: 5, framesOut: 3 })
  })

  test(`over ${over}: a large payload arrives byte for byte in both directions`, async () => {
    if (path !== undefined) take(path)
    const server = await started(transport, { echo: true })
    const client = await server.connect()
    const frames = client[Symbol.asyncIterator]()
    const payload = Uint8Array.from({ length: transport === 'udp' ? 50_000 : 1_000_000 }, (_, i) => (i * 31) & 0xff)
    await client.send('Data', { payload })
    const { value } = await frames.next()
    expect(value.frame).toBe('Data')
    expect(Buffer.compare(value.value.payload as Uint8Array, payload)).toBe(0)
  })
}

overUdp('a server speaks to several peers on several transports at once, IPv6 among them', async () => {
  const seen: string[] = []
  const server = keep(
    await serve(tiny(), {
      listen: ['tcp://127.0.0.1:0', 'tcp://[::1]:0', 'udp://[::1]:0'],
      handlers: {
        Data: (frame: TinyReader, peer: { address: string }) =>
          void seen.push(`${read(frame.payload)} ${peer.address.replace(/\d+$/, 'PORT')}`),
      },
    }),
  )
  for (const [i, at] of server.addresses.entries()) {
    const host = at.host.includes(':') ? `[${at.host}]` : at.host
    const client = keep(await connect(tiny(), `${at.transport}://${host}:${at.port}`))
    await client.send('Data', { flags: 1, payload: text(String(i)) })
  }
  expect(seen).toEqual(['0 127.0.0.1:PORT', '1 [::1]:PORT', '2 [::1]:PORT'])
  expect([...server.peers].length).toBe(3)
})

test('what is sent in one turn leaves in one write', async () => {
  const chunks: number[] = []
  const { port } = await listener(socket => socket.on('data', chunk => chunks.push(chunk.length)))
  const client = keep(await connect(tiny(), `tcp://127.0.0.1:${port}`, { handlers: {} }))
  for (let i = 0; i < 100; i++) void client.send('Data', { payload: new Uint8Array(50) })
  await until(() => chunks.reduce((sum, size) => sum + size, 0) === 6400)
  expect(chunks.length).toBeLessThanOrEqual(2)
})

test('a reader that stops makes send wait, and nothing is lost when it goes on', async () => {
  let stopped: Socket | undefined
  const { port } = await listener(socket => {
    stopped = socket.pause()
  })
  const client = keep(await connect(tiny(), `tcp://127.0.0.1:${port}`, { handlers: {} }))
  const payload = new Uint8Array(100_000)
  let sent = 0
  const sender = (async () => {
    for (; sent < 400; sent++) await client.send('Data', { payload })
  })()
  await until(async () => {
    const before = sent
    await turn(50)
    return before > 0 && before === sent
  })
  expect(sent).toBeLessThan(400)
  let received = 0
  stopped!.on('data', chunk => {
    received += chunk.length
  })
  stopped!.resume()
  await sender
  await until(() => received === 400 * (100_000 + 14))
})

test('with overflow reject, a send that finds no room is rejected and the connection lives', async () => {
  let stopped: Socket | undefined
  const { port } = await listener(socket => {
    stopped = socket.pause()
  })
  const client = keep(await connect(tiny(), `tcp://127.0.0.1:${port}`, { handlers: {}, overflow: 'reject' }))
  let refused: unknown
  for (let i = 0; i < 10_000 && refused === undefined; i++)
    await client.send('Data', { payload: new Uint8Array(100_000) }).catch(error => {
      refused = error
    })
  expect(refused).toMatchObject({ code: 'LimitExceeded' })
  stopped!.resume()
  await until(async () => {
    await turn(5)
    return client.send('Data', {}).then(
      () => true,
      () => false,
    )
  })
})

test('a slow handler stops the sender, handles one frame at a time, and gets them all in order', async () => {
  const protocol = tiny({ limits: { ...tiny().limits, queue: { messages: 4, bytes: 100_000 } } })
  const order: number[] = []
  let running = 0
  const server = await started(
    'tcp',
    {
      handlers: {
        Data: async (frame: TinyReader) => {
          expect(++running).toBe(1)
          await turn()
          order.push(frame.payload[0]!)
          running--
        },
      },
    },
    protocol,
  )
  const client = await server.connect()
  for (let i = 0; i < 200; i++) await client.send('Data', { payload: new Uint8Array(20_000).fill(i) })
  await until(() => order.length === 200)
  expect(order).toEqual(Array.from({ length: 200 }, (_, i) => i))
})

test('iterators hold back a peer whose frames nobody takes', async () => {
  const protocol = tiny({ limits: { ...tiny().limits, queue: { messages: 8, bytes: 100_000 } } })
  const server = await started('tcp', {}, protocol)
  const frames = server.server[Symbol.asyncIterator]()
  const client = await server.connect()
  for (let i = 0; i < 100; i++) void client.send('Data', { payload: Uint8Array.of(i) })
  await turn(50)
  expect(server.server.stats.framesIn).toBeLessThan(20)
  const numbers: number[] = []
  while (numbers.length < 100) {
    const { value } = await frames.next()
    numbers.push((value.value.payload as Uint8Array)[0]!)
  }
  expect(numbers).toEqual(Array.from({ length: 100 }, (_, i) => i))
})

test('frames that came before the iterator are there, and it ends with the connection', async () => {
  const server = await started('tcp', {
    onOpen: peer => {
      for (let i = 0; i < 3; i++) void peer.send('Data', { payload: Uint8Array.of(i) })
      void peer.close()
    },
  })
  const client = await server.connect()
  await client.closed
  const names: string[] = []
  for await (const { frame } of client) names.push(frame)
  expect(names).toEqual(['Data', 'Data', 'Data', 'Bye'])
})

test('an abort ends a wait for a reply, a wait for a connection, a connection, and a server', async () => {
  const server = await started('tcp', { handlers: { Ask: () => new Promise(() => {}) }, closeTimeout: 50 })
  const client = await server.connect()
  const waiting = new AbortController()
  const asked = client.request('Ask', {}, { signal: waiting.signal })
  waiting.abort(new Error('enough'))
  await expect(asked).rejects.toThrow('enough')
  await expect(client.request('Ask', {}, { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')

  const dialling = new AbortController()
  // A test address that answers nothing (RFC 5737).
  const attempt = connect(tiny(), 'tcp://192.0.2.1:9', { signal: dialling.signal })
  dialling.abort(new Error('not now'))
  await expect(attempt).rejects.toThrow(/not now|Unreachable|unreachable/)

  const life = new AbortController()
  const second = await server.connect({ signal: life.signal })
  life.abort()
  expect(await second.closed).toMatchObject({ reason: 'aborted' })

  const serving = new AbortController()
  const other = await started('tcp', { signal: serving.signal })
  const peer = await other.connect()
  serving.abort()
  await other.server.closed
  expect(await peer.closed).toMatchObject({ reason: 'bye' })
})

overUdp('nobody there is Unreachable, over tcp at once and over udp with the first answer of the network', async () => {
  const { port, close } = await listener(() => {})
  await close()
  await expect(connect(tiny(), `tcp://127.0.0.1:${port}`)).rejects.toMatchObject({ code: 'Unreachable' })
  await expect(connect(tiny(), 'tcp://no-such-host.invalid:1')).rejects.toMatchObject({ code: 'Unreachable' })
  const client = keep(await connect(tiny(), `udp://127.0.0.1:${port}`))
  const asked = client.request('Ask', {})
  await expect(asked).rejects.toMatchObject({ code: 'Unreachable' })
})

test('surplus connections are refused, wait for their turn, or push the oldest out', async () => {
  const limits = { ...tiny().limits, connections: 2 }
  const refusing = await started('tcp', { handlers: {} }, tiny({ limits: { ...limits, overLimit: 'close' } }))
  await Promise.all([refusing.connect(), refusing.connect()])
  expect(await (await refusing.connect()).closed).toMatchObject({ reason: 'end' })
  expect(refusing.server.stats.connections).toBe(2)

  const waiting = await started('tcp', { handlers: {} }, tiny({ limits: { ...limits, overLimit: 'wait' } }))
  const [first] = [await waiting.connect(), await waiting.connect()]
  const third = await waiting.connect()
  const acked = third.send('Data', { flags: 1 })
  await turn(30)
  expect(waiting.server.stats.connections).toBe(2)
  await first!.close()
  await acked
  expect(waiting.server.stats.connections).toBe(2)

  const pushing = await started('tcp', { handlers: {} }, tiny({ limits: { ...limits, overLimit: 'drop-oldest' } }))
  const oldest = await pushing.connect()
  await Promise.all([pushing.connect(), pushing.connect()])
  expect((await oldest.closed).reason).not.toBe('closed')
  expect(pushing.server.stats.connections).toBe(2)
})

test('malformed bytes on one connection end that one, are told with Err, counted, and disturb nobody', async () => {
  const meter = new Tally(9)
  const errors: string[] = []
  const server = await started('tcp', {
    meter,
    handlers: {},
    onError: error => void errors.push((error as { code?: string }).code ?? ''),
  })
  const healthy = await server.connect()
  const attacker = dial(server.server.port, '127.0.0.1')
  const bad = encoded('Data', { payload: text('x') })
  bad[14]! ^= 1
  attacker.write(bad)
  const answer = await new Promise<Buffer>(resolve => attacker.once('data', resolve))
  expect(answer[0]).toBe(7)
  await new Promise(resolve => attacker.once('close', resolve))
  await healthy.send('Data', { flags: 1 })
  expect(errors).toEqual(['BadCheck'])
  expect(meter.events.get('error')?.get('BadCheck')?.times).toBe(1)
  expect(meter.read('connections')).toBe(1)
})

overUdp('garbage on a datagram socket is counted and reported with its address, and makes no connection', async () => {
  const strays: string[] = []
  const server = await started('udp', {
    handlers: {},
    onError: (_error, peer, address) => void strays.push(`${peer} ${address}`),
  })
  const socket = createSocket('udp4')
  cleanup.push(() => socket.close())
  await new Promise<void>(resolve =>
    socket.send(Uint8Array.of(1, 2, 3), server.server.port, '127.0.0.1', () => resolve()),
  )
  await until(() => strays.length === 1)
  expect(strays).toEqual([`undefined 127.0.0.1:${socket.address().port}`])
  expect(server.server.stats.connections).toBe(0)
})

test('a handler that throws ends its connection and is reported with its cause; the others go on', async () => {
  const errors: Error[] = []
  const server = await started('tcp', {
    handlers: {
      Data: (frame: TinyReader) => {
        if (frame.payload.length === 1) throw new Error('oops')
        if (frame.payload.length === 2) return Promise.reject(new Error('later'))
        return undefined
      },
    },
    onError: error => void errors.push(error),
  })
  const [a, b, c] = [await server.connect(), await server.connect(), await server.connect()]
  await a!.send('Data', { payload: new Uint8Array(1) })
  await b!.send('Data', { payload: new Uint8Array(2) })
  await Promise.all([a!.closed, b!.closed])
  await c!.send('Data', { flags: 1 })
  expect(errors.map(error => [error instanceof LocalError && error.code, (error.cause as Error).message])).toEqual([
    ['HandlerFailed', 'oops'],
    ['HandlerFailed', 'later'],
  ])
})

test('every frame in both directions passes the tap, also what the runtime answers by itself', async () => {
  const seen: string[] = []
  const server = await started(
    'tcp',
    { handlers: {}, tap: (direction, frame) => void seen.push(`${direction} ${frame.frameName}`) },
    tiny({ replies: [ASKS, ACKS, PINGS] }),
  )
  const client = await server.connect()
  await client.request('Ping')
  await client.send('Data', { flags: 1 })
  expect(seen).toEqual(['in Ping', 'out Pong', 'in Data', 'out Ack'])
})

overUdp('service echo sends frames back that nobody handles, and not what the runtime speaks by itself', async () => {
  const server = await started('udp', {}, tiny({ service: { echo: {} }, replies: [ASKS, ACKS, PINGS] }))
  const client = await server.connect()
  const frames = client[Symbol.asyncIterator]()
  await client.request('Ping')
  for (const flags of [0, 1]) {
    await client.send('Data', { flags, payload: text(`flags ${flags}`) })
    const { value } = await frames.next()
    expect([value.frame, value.value.flags, read(value.value.payload as Uint8Array)]).toEqual([
      'Data',
      0,
      `flags ${flags}`,
    ])
  }
  expect(server.server.stats.framesOut).toBe(4)
})

overUdp('a tap sees a large message once, however many pieces it travels in', async () => {
  const seen: string[] = []
  const tap = (direction: string, frame: unknown): void => {
    seen.push(`${direction} ${(frame as TinyReader).frameName} ${(frame as TinyReader).payload.length}`)
  }
  const server = await started('udp', { handlers: {}, tap })
  const client = await server.connect({ handlers: {}, tap })
  await client.send('Data', { flags: 1, payload: new Uint8Array(5000) })
  expect(seen).toEqual(['out Data 5000', 'in Data 5000', 'out Ack 0', 'in Ack 0'])
})

test('a request whose answer the handler chooses among several says which', async () => {
  const rule = { ...ASKS, with: ['Tell', 'Err'] }
  const handlers = {
    Ask: (frame: TinyReader) =>
      frame.payload.length > 0 ? { frame: 'Tell', value: { flags: 8 } } : { frame: 'Err', value: {} },
  }
  const server = await started(
    'tcp',
    { handlers },
    tiny({ replies: [rule], onError: { stream: 'close', datagram: 'drop', tell: undefined } }),
  )
  const client = await server.connect()
  expect(await client.request('Ask', { payload: text('x') })).toMatchObject({ flags: 8 })
  expect(await client.request('Ask', {})).toMatchObject({ flags: 0 })
})

test('`await using` closes, and a closed connection rejects what is sent on it without ending the process', async () => {
  const server = await started('tcp', { handlers: {} })
  let held: Connection | undefined
  {
    await using client = await connect(tiny(), server.server.url)
    held = client
    await client.send('Data', {})
  }
  expect(await held.closed).toMatchObject({ reason: 'closed' })
  void held.send('Data', {})
  await expect(held.send('Data', {})).rejects.toSatisfy(isPeerError)
})

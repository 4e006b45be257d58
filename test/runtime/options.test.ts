import { expect, test } from 'vitest'
import { protocol as sealed } from '../../generated/chat/protocol.ts'
import { connect, type ProtocolDescriptor, serve } from '../../runtime/index.ts'
import { keep, started } from './sockets.ts'
import { ASKS, text, tiny } from './tiny.ts'

test('misuse is thrown at once with a sentence that helps', async () => {
  const server = await started('tcp', { handlers: {} })
  const client = await server.connect()
  expect(() => client.send('Nothing', {})).toThrow('tiny has no frame "Nothing"')
  expect(() => client.request('Tell', {})).toThrow('nothing answers Tell over tcp: use send')
  expect(() => client.send('Data', { id: 2 ** 40 })).toThrow('id is too large')
  await expect(connect(tiny(), 'quic://x:1')).rejects.toThrow('tiny has no transport "quic"; there is tcp, tls, udp')
  await expect(connect(tiny(), 'tcp://a:b:c')).rejects.toThrow(/is no address: write/)
  await expect(serve(tiny(), { role: 'client' as never, listen: 'tcp://127.0.0.1:0' })).rejects.toThrow(
    /the role "client" cannot serve/,
  )
  await expect(serve(tiny(), { listen: `tcp://127.0.0.1:${server.server.port}` })).rejects.toThrow(
    /cannot listen on tcp:.*in use/,
  )
  await expect(connect(tiny(), 'tcp://127.0.0.1:1', { params: { nope: 1 } })).rejects.toThrow(
    'tiny has no param "nope"; it has none',
  )
  await expect(serve(tiny(), { handlers: { Oops: () => {} }, listen: 'tcp://127.0.0.1:0' })).rejects.toThrow(
    /no frame "Oops", but there is a handler/,
  )
})

test('a schema that needs an engine that does not exist is refused by the name of the section', async () => {
  const base = tiny()
  const handshake = { transport: undefined, tls: undefined, timeout: 1000, script: undefined, unbuilt: ['noise'] }
  const [channel] = base.channels
  const wrong: [Partial<ProtocolDescriptor>, string][] = [
    [{ handshake }, 'handshake.noise'],
    [{ seals: [{ ...sealed.seals[0]!, once: true }] }, 'seal.packet'],
    [{ channels: [{ ...channel!, delivery: 'reliable' }] }, 'channels.main.delivery: reliable'],
    [{ service: { lottery: {} } }, 'service.lottery'],
    [{ replies: [{ ...ASKS, auto: 'idle' }] }, 'replies.ask.auto: idle'],
  ]
  for (const [changes, section] of wrong) {
    const error = await serve(tiny(changes), { listen: 'udp://127.0.0.1:0' }).catch(caught => caught)
    expect(error).toMatchObject({ name: 'LocalError', code: 'NotBuilt' })
    expect(error.message).toContain(`\`${section}\``)
  }
})

test('params: required ones are demanded, defaults filled in, secrets never shown', async () => {
  const params = [
    {
      name: 'key',
      doc: 'The shared key',
      type: { kind: 'bytes', size: 4 },
      secret: true,
      for: ['server'],
      required: true,
    },
    {
      name: 'room',
      doc: undefined,
      type: { kind: 'int' },
      secret: false,
      for: [],
      required: false,
      fallback: { value: 7n },
      min: 1n,
      max: 9n,
    },
  ].map(one => ({ fallback: undefined, min: undefined, max: undefined, ...one })) as ProtocolDescriptor['params']
  const protocol = tiny({ params })
  const listen = 'tcp://127.0.0.1:0'
  await expect(serve(protocol, { listen })).rejects.toThrow(
    'tiny needs the param "key" (The shared key), which is bytes',
  )
  const error = await serve(protocol, { listen, params: { key: text('hunter2') } }).catch(caught => caught)
  expect(error.message).toBe('param "key" must be 4 bytes (Uint8Array), not 7 bytes')
  await expect(serve(protocol, { listen, params: { key: new Uint8Array(4), room: 12 } })).rejects.toThrow(
    'param "room" must be 1 to 9',
  )
  keep(await serve(protocol, { listen, params: { key: new Uint8Array(4) } }))
})

// Handlers are complete: a frame that this role receives and nobody handles is a compile error at `serve` and `connect`.
// `npm run types` is what fails here; the tests make sure that what compiles also runs.
import { expect, it } from 'vitest'
import { protocol as vstp } from '../../generated/vstp/index.ts'
import { type ConnectOptions, connect, type ServeOptions, serve } from '../../runtime/index.ts'

type Of<P> = P extends { readonly types?: infer T } ? NonNullable<T> : never
type VstpServe = ServeOptions<Of<typeof vstp>, 'server'>
type VstpConnect = ConnectOptions<Of<typeof vstp>, 'client'>

it('what the runtime answers by itself needs no handler, everything else does', async () => {
  const complete: VstpServe = { handlers: { Data() {} } }
  // @ts-expect-error Data is missing
  const incomplete: VstpServe = { handlers: { Ping() {} } }
  // @ts-expect-error there is no such frame
  const unknown: VstpConnect = { handlers: { Data() {}, Datum() {} } }
  expect([complete, incomplete, unknown].map(options => Object.keys(options))).toEqual([
    ['handlers'],
    ['handlers'],
    ['handlers'],
  ])
})

it('who handles only some of the frames says what happens to the rest', () => {
  const some: VstpServe = { handlers: { Ping() {} }, onFrame() {} }
  const none: VstpConnect = {}
  expect(Object.keys(some)).toEqual(['handlers', 'onFrame'])
  expect(none).toEqual({})
})

it('handlers written in place are held against the schema, and their frames have its types', async () => {
  const seen: number[] = []
  const server = await serve(vstp, {
    listen: 'tcp://127.0.0.1:0',
    handlers: {
      Data(frame) {
        seen.push(frame.payloadLength)
      },
    },
  })
  // @ts-expect-error Data is missing
  const client = await connect(vstp, server.url, { handlers: { Welcome() {} } })
  await client.send('Data', { payload: Uint8Array.of(1, 2, 3) })
  await client.close()
  await server.close()
  expect(seen).toEqual([3])
})

// Every test of the interpreter, run against generated codecs: the same schemas, bytes, values and errors.
import { vi } from 'vitest'
import type { Codec, Context } from '../../../runtime/wire/codec.ts'

vi.mock('../interpret/schema.ts', async load => {
  const { fullContext } = await import('../../../generator/interpret/decode.ts')
  const { generatedCodec } = await import('./generated.ts')
  const schema = await load<typeof import('../interpret/schema.ts')>()
  // Made on first use: a schema that cannot be emitted fails the tests that need it, not the file.
  const codecFrom = (text: string, context: Partial<Context> = {}): unknown => {
    const protocol = schema.protocolFrom(text)
    let codec: Codec | undefined
    const own = (): Codec => {
      codec ??= generatedCodec(protocol, fullContext(context))
      return codec
    }
    return new Proxy({} as Codec, {
      get: (_, name) => {
        const value = Reflect.get(own(), name) as unknown
        return typeof value === 'function' ? value.bind(own()) : value
      },
      set: (_, name, value) => Reflect.set(own(), name, value),
    })
  }
  const frameOf = (fields: readonly string[], sections = ''): unknown => {
    const lines = fields.map(field => `      ${field}`).join('\n')
    return codecFrom(`${sections}\nframes:\n  Test:\n    bare: true\n    fields:\n${lines}\n`)
  }
  return { ...schema, codecFrom, frameOf }
})

await import('../interpret/types.test.ts')
await import('../interpret/order.test.ts')
await import('../interpret/choose.test.ts')
await import('../interpret/encode.test.ts')

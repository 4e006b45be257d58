// Bit fields in both orders, of any width and at any place in a byte: the generated codec, the interpreter, and a model of
// a few lines that goes bit by bit, all say the same.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { fullContext } from '../../../generator/interpret/decode.ts'
import { protocolFrom } from '../interpret/schema.ts'
import { agree, decoded, encoded, twins } from './twins.ts'

interface BitField {
  readonly name: string
  readonly width: number
  readonly kind: 'u' | 'i' | 'bit'
  readonly little: boolean
  readonly conditional: boolean
  readonly raw: bigint
}

it('bit fields are written and read as a model has them', () => {
  fc.assert(
    fc.property(fc.array(run(), { minLength: 1, maxLength: 6 }), runs => {
      const fields = runs.flat().map((field, i) => ({ ...field, name: `f${i}` }))
      const text = `frames:\n  Test:\n    bare: true\n    fields:\n      go: u8\n${fields.map(line).join('')}`
      const pair = twins(protocolFrom(text), fullContext({}))
      const given = { go: 1, ...Object.fromEntries(fields.map(field => [field.name, plain(field)])) }
      const [generated, interpreted] = [pair.generated, pair.interpreted].map(codec => encoded(codec, 'Test', given))
      agree(generated, interpreted, { text, given })
      const bytes = wire(fields)
      expect(generated, text).toMatchObject({ bytes })
      for (const codec of [pair.generated, pair.interpreted]) {
        expect(decoded(codec, bytes, { whole: true }, bytes.length), text).toMatchObject({ value: given })
      }
    }),
    { numRuns: 30 },
  )
})

/** Fields that fill whole bytes and run the same way. A conditional run is one whose place the code knows only in bits. */
function run(): fc.Arbitrary<Omit<BitField, 'name'>[]> {
  const one = fc.record({
    width: fc.integer({ min: 1, max: 64 }),
    signed: fc.boolean(),
    raw: fc.bigInt(0n, 2n ** 64n - 1n),
  })
  return fc
    .record({ little: fc.boolean(), conditional: fc.boolean(), parts: fc.array(one, { minLength: 1, maxLength: 5 }) })
    .map(({ little, conditional, parts }) => {
      const over = parts.reduce((sum, { width }) => sum + width, 0) % 8
      const all = over === 0 ? parts : [...parts, { width: 8 - over, signed: false, raw: 0x5an }]
      return all.map(({ width, signed, raw }) => {
        const kind = width === 1 ? 'bit' : signed ? 'i' : 'u'
        return { width, kind, little, conditional, raw: BigInt.asUintN(width, raw) } as const
      })
    })
}

function line({ name, width, kind, little, conditional }: BitField): string {
  const type = `${kind}${kind === 'bit' ? '' : width}${little ? 'le' : 'be'}`
  return `      ${name}: ${type}${conditional ? ' if go == 1' : ''}\n`
}

function plain({ width, kind, raw }: BitField): boolean | number | bigint {
  if (kind === 'bit') return raw === 1n
  const value = kind === 'i' ? BigInt.asIntN(width, raw) : raw
  return width <= 53 ? Number(value) : value
}

function wire(fields: readonly BitField[]): Uint8Array {
  const bytes = [1]
  let bit = 8
  for (const { width, raw, little } of fields) {
    for (let i = 0; i < width; i++, bit++) {
      if (bit % 8 === 0) bytes.push(0)
      const one = Number((raw >> BigInt(little ? i : width - 1 - i)) & 1n)
      bytes[bytes.length - 1]! |= one << (little ? bit % 8 : 7 - (bit % 8))
    }
  }
  return Uint8Array.from(bytes)
}

// Generated and interpreted codecs are two readings of the same page (docs/adr/0002-decoding.md): for every frame of
// every shipped schema they write the same bytes, and say the same about any bytes at all. FRAMEWRIGHT_RUNS makes the
// search longer; fast-check prints the seed of what it finds.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { loadProtocol } from '../../../generator/index.ts'
import type { Frame, Protocol } from '../../../generator/model/model.ts'
import type { Context, DecodeOptions } from '../../../runtime/wire/codec.ts'
import { readFile, SHIPPED } from '../generate/load.ts'
import { contextFor, frameInput } from './arbitrary.ts'
import { agree, decoded, encoded, type Twins, twins } from './twins.ts'

const RUNS = Number(process.env['FRAMEWRIGHT_RUNS'] ?? 4)
const SEALS = ['plain', 'marked', 'none'] as const

describe.each(protocols())('$name', ({ protocol }) => {
  const frames = [...protocol.frames.values()]
  const pairs = new Map(SEALS.map(seals => [seals, twins(protocol, contextFor(protocol, seals))]))

  it('is written and read alike', () => {
    for (const frame of frames) {
      const property = fc.property(frameInput(protocol, frame), fc.constantFrom(...SEALS), (value, seals) => {
        const pair = pairs.get(seals)!
        const bytes = written(protocol, pair, frame, value, seals)
        if (!bytes) return
        pair.know(arriving(contextFor(protocol, seals), frame))
        for (const name of [undefined, frame.name]) {
          read(pair, bytes, { whole: true, ...(name === undefined ? {} : { frame: name }) })
        }
      })
      fc.assert(property, { numRuns: 3 * RUNS })
    }
  })

  it('is read alike however little of it has arrived', () => {
    for (const frame of frames) {
      const property = fc.property(frameInput(protocol, frame), fc.constantFrom(...SEALS), (value, seals) => {
        const pair = pairs.get(seals)!
        const bytes = written(protocol, pair, frame, value, seals)
        if (!bytes) return
        pair.know(arriving(contextFor(protocol, seals), frame))
        for (const upto of places(bytes.length)) {
          for (const options of [{ whole: true }, { whole: false, maxFrame: 4096 }]) {
            read(pair, bytes, options, upto)
            read(pair, bytes, { ...options, frame: frame.name }, upto)
          }
        }
      })
      fc.assert(property, { numRuns: RUNS })
    }
  })

  it('is read alike when it is damaged, too long, or comes at the wrong time', () => {
    for (const frame of frames) {
      const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })
      const made = fc.record({ value: frameInput(protocol, frame), seals: fc.constantFrom(...SEALS), damage, options })
      const property = fc.property(made, moments(protocol, frame), ({ value, seals, damage, options }, moment) => {
        const pair = pairs.get(seals)!
        const bytes = written(protocol, pair, frame, value, seals)
        if (!bytes || bytes.length === 0) return
        for (const [place, byte] of damage) bytes[place % Math.min(bytes.length, 96)] = byte
        const longer = Uint8Array.from([...bytes, 1, 0, 0])
        pair.know({ ...contextFor(protocol, seals), ...moment })
        read(pair, bytes, options)
        read(pair, bytes, { ...options, frame: frame.name })
        read(pair, longer, options)
      })
      fc.assert(property, { numRuns: 6 * RUNS })
    }
  })

  it('says the same about bytes that mean nothing', () => {
    const pair = pairs.get('plain')!
    const property = fc.property(fc.uint8Array({ maxLength: 80 }), options, (bytes, options) => {
      pair.know(contextFor(protocol, 'plain'))
      read(pair, bytes, options)
      for (const frame of frames.slice(0, 6)) read(pair, bytes, { ...options, frame: frame.name })
    })
    fc.assert(property, { numRuns: 10 * RUNS })
  })
})

describe('values with one mistake', () => {
  it.each(protocols())('are refused alike by $name', ({ protocol }) => {
    const pair = twins(protocol, contextFor(protocol, 'marked'))
    for (const frame of protocol.frames.values()) {
      const made = fc.tuple(frameInput(protocol, frame), fc.nat(), fc.constantFrom(...WRONG))
      const property = fc.property(made, ([value, place, wrong]) => {
        if ('code' in encoded(pair.interpreted, frame.name, value)) return
        const names = Object.keys(value)
        const name = names[place % names.length]
        if (name === undefined) return
        const spoilt = { ...value, [name]: wrong }
        const [own, other] = [
          encoded(pair.generated, frame.name, spoilt),
          encoded(pair.interpreted, frame.name, spoilt),
        ]
        // One mistake may break rules of two fields; which of them is named first is nobody's business.
        const elsewhere = 'code' in own && 'code' in other && own.field !== other.field
        if (!elsewhere) agree(own, other, { frame: frame.name, spoilt })
      })
      fc.assert(property, { numRuns: 6 * RUNS })
    }
  })
})

/** Encodes with both and holds their answers against each other; undefined where the value is refused. */
function written(
  protocol: Protocol,
  pair: Twins,
  frame: Frame,
  value: object,
  seals: (typeof SEALS)[number],
): Uint8Array | undefined {
  pair.know(contextFor(protocol, seals === 'none' ? 'marked' : seals))
  const own = encoded(pair.generated, frame.name, value)
  const other = encoded(pair.interpreted, frame.name, value)
  if ('code' in own || 'code' in other) {
    // A random value may break several rules; which of them is named first is nobody's business.
    agree('code' in own, 'code' in other, { frame: frame.name, value, own, other })
    return undefined
  }
  agree(own.bytes, other.bytes, { frame: frame.name, value })
  expect(own.size).toBeGreaterThanOrEqual(own.bytes.length)
  expect(own.behind.every(byte => byte === 0xee)).toBe(true)
  return own.bytes
}

function read(pair: Twins, bytes: Uint8Array, options: DecodeOptions, upto: number = bytes.length): void {
  const own = decoded(pair.generated, bytes, options, upto)
  const other = decoded(pair.interpreted, bytes, options, upto)
  agree(own, other, { bytes, options, upto, context: pair.generated.context })
}

/** The moment at which this frame may come. */
function arriving(context: Context, frame: Frame): Context {
  const [way] = frame.dirs
  const [state] = frame.states
  return { ...context, ...(way ? { dir: `${way.sender}>${way.receiver}` } : {}), ...(state ? { state } : {}) }
}

function moments(protocol: Protocol, frame: Frame): fc.Arbitrary<Partial<Context>> {
  const all = [...protocol.frames.values()].flatMap(({ dirs }) => dirs.map(way => `${way.sender}>${way.receiver}`))
  return fc.record(
    { dir: fc.constantFrom(...all, 'server>client'), state: fc.constantFrom(...frame.states, 'nowhere') },
    { requiredKeys: [] },
  )
}

/** The first forty places where bytes may be cut, and the last. */
function places(length: number): readonly number[] {
  return Array.from({ length: length + 1 }, (_, at) => at).filter(at => at < 40 || at > length - 4)
}

const options: fc.Arbitrary<DecodeOptions> = fc.record(
  { whole: fc.boolean(), ignoreTrailing: fc.boolean(), maxFrame: fc.constantFrom(20, 60, 300, 4096) },
  { requiredKeys: ['whole'] },
)

/** Values that belong nowhere, or only to some fields. */
const WRONG: readonly unknown[] = [undefined, null, 'x', '', -1, 1.5, 2 ** 60, 7, 1n << 70n, true, {}, [], [undefined]]

function protocols(): { name: string; protocol: Protocol }[] {
  const all: { name: string; protocol: Protocol }[] = []
  for (const file of SHIPPED) {
    const load = (profile?: string): Protocol | undefined =>
      loadProtocol(file, { read: readFile, ...(profile === undefined ? { profiles: false } : { profile }) }).protocol
    const plain = load()
    if (!plain) continue
    all.push({ name: plain.name, protocol: plain })
    for (const { name } of plain.profiles) all.push({ name: `${plain.name} as ${name}`, protocol: load(name)! })
  }
  return all
}

// Forward error correction: any one message of a group can be made again from the others and the parity.
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { FecDecoder, FecEncoder, type Parity } from '../../runtime/reliability/fec.ts'

const file = JSON.parse(readFileSync(new URL('../vectors/fastnet.json', import.meta.url), 'utf8'))

test('any one message of a group is recovered with its own length, whatever the order of arrival', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 9 }),
      fc.nat(),
      fc.nat(),
      (messages, lose, shuffle) => {
        const lost = lose % messages.length
        const encoder = new FecEncoder(messages.length, 40)
        let parity: Parity | undefined
        const steps: (() => unknown)[] = []
        const decoder = new FecDecoder(messages.length, 40, 4)
        messages.forEach((bytes, index) => {
          const place = encoder.place
          expect(place).toEqual({ group: 0, index })
          const made = encoder.add(bytes)
          if (made !== undefined) parity = { ...made, bytes: Uint8Array.from(made.bytes) }
          if (index !== lost) steps.push(() => decoder.add(place, bytes))
        })
        steps.push(() => decoder.parity(parity!))
        steps.push(...steps.splice(0, shuffle % steps.length))
        const results = steps.map(step => step()).filter(result => result !== undefined)
        expect(results).toEqual([{ group: 0, index: lost, bytes: messages[lost] }])
      },
    ),
  )
})

test('two losses in a group recover nothing, and the next group is not disturbed', () => {
  const encoder = new FecEncoder(3, 8)
  const decoder = new FecDecoder(3, 8, 2)
  encoder.add(Uint8Array.of(1))
  encoder.add(Uint8Array.of(2))
  decoder.add({ group: 0, index: 2 }, Uint8Array.of(3))
  expect(decoder.parity(encoder.add(Uint8Array.of(3))!)).toBeUndefined()
  encoder.add(Uint8Array.of(4, 4))
  decoder.add({ group: 1, index: 0 }, Uint8Array.of(4, 4))
  encoder.add(Uint8Array.of(5))
  decoder.add({ group: 1, index: 2 }, Uint8Array.of(6, 6, 6))
  const parity = encoder.add(Uint8Array.of(6, 6, 6))!
  expect(decoder.parity(parity)).toEqual({ group: 1, index: 1, bytes: Uint8Array.of(5) })
})

test('a group that is closed early is covered too', () => {
  const encoder = new FecEncoder(8, 8)
  const decoder = new FecDecoder(8, 8, 2)
  encoder.add(Uint8Array.of(7, 7))
  encoder.add(Uint8Array.of(9))
  decoder.add({ group: 0, index: 1 }, Uint8Array.of(9))
  expect(decoder.parity(encoder.close()!)).toEqual({ group: 0, index: 0, bytes: Uint8Array.of(7, 7) })
  expect(encoder.close()).toBeUndefined()
})

test('old groups, repeated messages and contradictory parities recover nothing', () => {
  const decoder = new FecDecoder(2, 8, 2)
  const parity = (group: number, lengths: number): Parity => ({ group, count: 2, lengths, bytes: Uint8Array.of(1) })
  decoder.add({ group: 5, index: 0 }, Uint8Array.of(1))
  expect(decoder.add({ group: 5, index: 0 }, Uint8Array.of(1))).toBeUndefined()
  expect(decoder.add({ group: 3, index: 0 }, Uint8Array.of(1))).toBeUndefined()
  expect(decoder.parity(parity(3, 1))).toBeUndefined()
  expect(decoder.parity(parity(5, 1000))).toBeUndefined()
  expect(decoder.add({ group: 6, index: 9 }, Uint8Array.of(1))).toBeUndefined()
})

test('parities are those of the published vectors; what is recovered has its own length, not that of the longest', () => {
  for (const { data, group_size, parity, recover } of file.fec.cases) {
    const encoder = new FecEncoder(group_size, 64)
    let made: Parity | undefined
    for (const { payload } of data) made = encoder.add(Buffer.from(payload, 'hex'))
    expect(Buffer.from(made!.bytes).toString('hex')).toBe(parity)
    for (const { missing, recovered } of recover) {
      const decoder = new FecDecoder(group_size, 64, 2)
      data.forEach(({ payload }: { payload: string }, index: number) => {
        if (index !== missing) decoder.add({ group: 0, index }, Buffer.from(payload, 'hex'))
      })
      const { bytes } = decoder.parity(made!)!
      expect(Buffer.from(bytes).toString('hex')).toBe(data[missing].payload)
      expect(recovered.startsWith(data[missing].payload)).toBe(true)
    }
  }
})

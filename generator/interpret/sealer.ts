// Sealing a group of a record in place, through the context (runtime/wire/codec.ts, Context.seal).
import type { SealedFrame } from '../../runtime/wire/codec.ts'
import type { Group, Seal } from '../model/model.ts'
import type { SealedPart } from './chunk.ts'
import type { Given } from './given-record.ts'

/** How the bytes of this group are sealed; undefined where plain text is wanted. */
export function sealerOf(record: Given, _group: Group, seal: Seal): SealedPart['apply'] {
  const { context, dry } = record.run
  if (context.plain) return undefined
  if (dry) {
    return () => {
      throw new Error('a size was asked for, there is nothing to seal')
    }
  }
  const { seal: run } = context
  if (!run) throw record.scope(undefined).refuse('WrongState', `there is no key for the seal ${seal.name}`)
  return (into, frameStart, start, end) =>
    run(seal.name, into, start, end, sealedFrame(record, seal, frameStart, start))
}

function sealedFrame(record: Given, seal: Seal, frameStart: number, start: number): SealedFrame {
  const [range] = seal.aad
  const one = seal.aad.length === 1 && range?.is === 'range' ? range : undefined
  const from = one?.from ? record.offset(one.from.field) : 0
  const length = one?.to
    ? record.offset(one.to.field) + record.range(one.to.field, one.to.field, undefined).length
    : start - frameStart
  return {
    frameStart,
    aadStart: one ? frameStart + from : 0,
    aadEnd: one ? frameStart + length : 0,
    clear: name => record.plain(name),
  }
}

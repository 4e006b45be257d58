// Opening sealed groups in place through the context (runtime/wire/codec.ts, Context.open), each once in a frame.
import { OPAQUE, REPLAYED, type SealedFrame } from '../../runtime/wire/codec.ts'
import type { Seal } from '../model/model.ts'
import { Fault } from './fault.ts'
import { plainOf } from './plain.ts'
import type { Rec } from './record.ts'
import type { GroupSlot } from './slot.ts'

/** Opens the group, or leaves it opaque where there is no key. A seal that does not open is the seal's error. */
export function openSeal(rec: Rec, slot: GroupSlot): void {
  const { run } = rec
  const seal = run.protocol.seals.get(slot.node.seal!)!
  const { start, end } = slot.range!
  const known = run.opened.get(start)
  if (known) {
    slot.range = known
  } else if (!run.context.plain) {
    if (!run.context.open) {
      slot.seal = 'opaque'
      return
    }
    run.need(end)
    const range = opened(rec, seal, start, end)
    if (range === undefined) {
      slot.seal = 'opaque'
      return
    }
    slot.range = range
    run.opened.set(start, range)
  }
  slot.seal = 'open'
}

function opened(rec: Rec, seal: Seal, start: number, end: number): { start: number; end: number } | undefined {
  const { run } = rec
  if (end - start < seal.overhead) throw new Fault(seal.error, start)
  const frame = sealedFrame(rec, seal, start)
  const length = run.context.open!(seal.name, run.bytes, run.base + start, run.base + end, frame)
  if (length === OPAQUE) return undefined
  if (length === REPLAYED) throw new Fault('Replayed', start)
  if (length < 0) throw new Fault(seal.error, start)
  const text = start + (seal.tag === 'prepend' ? TAG : 0)
  return { start: text, end: text + length }
}

function sealedFrame(rec: Rec, seal: Seal, start: number): SealedFrame {
  const { run } = rec
  const [range] = seal.aad
  const one = seal.aad.length === 1 && range?.is === 'range' ? range : undefined
  const from = one?.from ? rec.offset(one.from.field) : 0
  const to = one?.to ? rec.offset(one.to.field) + rec.range(one.to.field, one.to.field, undefined).length : start
  return {
    frameStart: run.base,
    aadStart: one ? run.base + from : 0,
    aadEnd: one ? run.base + to : 0,
    clear: name => {
      const slot = rec.find(name)
      if (slot?.kind !== 'field' || !slot.placed) return undefined
      return plainOf(run.protocol, slot.placed.type, slot.placed.value(), slot.node.number)
    },
  }
}

const TAG = 16

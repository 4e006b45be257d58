// Layout of integers, floats, booleans, enums and bit sets: stepped over, read when somebody asks.
import type { Type } from '../model/model.ts'
import { readInt } from './bits.ts'
import { Fault } from './fault.ts'
import { place } from './place.ts'
import { type Placed, step, whole } from './placed.ts'
import { type Cursor, lazy } from './run.ts'
import type { DecodeScope } from './scope.ts'
import { fixedBits } from './sizes.ts'
import type { Value } from './value.ts'

type Named = Extract<Type, { kind: 'enum' | 'bitset' | 'struct' }>
type Scalar = Extract<Type, { kind: 'int' | 'float' | 'bool' | 'bit' }>

export function scalar(type: Scalar, cursor: Cursor, scope: DecodeScope, shown: Type = type): Placed {
  const { run } = scope.rec
  const bits = fixedBits(run.protocol, type)!
  const start = step(cursor, bits)
  const raw = lazy(() => {
    run.need(Math.ceil((start + bits) / 8))
    const little = 'little' in type && type.little
    return readInt(
      { kind: 'int', signed: type.kind === 'int' && type.signed, bits, little },
      run.bytes,
      run.base,
      start,
    )
  })
  const value = (): Value => {
    if (type.kind === 'int') return raw()
    return type.kind === 'float' ? floatOf(raw(), type.bits) : raw() !== 0n
  }
  return whole(shown, start, cursor.at, value, () => {
    if (raw() > 1n && type.kind === 'bool') throw new Fault('BadBool', Math.floor(start / 8))
  })
}

export function enumValue(type: Named, cursor: Cursor, scope: DecodeScope): Placed {
  const definition = scope.protocol.enums.get(type.name)!
  const number = place(definition.type, cursor, scope)
  return whole(type, number.start, number.end, number.value, () => {
    const value = number.value()
    if (definition.unknown === 'keep' || definition.values.some(known => known.value === value)) return
    throw new Fault(definition.unknown, Math.floor(number.start / 8))
  })
}

export function bitset(type: Named, cursor: Cursor, scope: DecodeScope): Placed {
  const definition = scope.protocol.bitsets.get(type.name)!
  const number = place(definition.type, cursor, scope)
  const raw = (): bigint => number.value() as bigint
  const strange = (): boolean => (raw() & ~definition.mask) !== 0n
  const value = (): bigint => {
    if (definition.undefined === 'clear') return raw() & definition.mask
    return definition.undefined === 'empty' && strange() ? 0n : raw()
  }
  return whole(type, number.start, number.end, value, () => {
    if (POLICIES.has(definition.undefined) || !strange()) return
    throw new Fault(definition.undefined, Math.floor(number.start / 8))
  })
}

function floatOf(raw: bigint, bits: 32 | 64): number {
  const view = new DataView(new ArrayBuffer(8))
  if (bits === 64) {
    view.setBigUint64(0, raw)
    return view.getFloat64(0)
  }
  view.setUint32(0, Number(raw))
  return view.getFloat32(0)
}

const POLICIES: ReadonlySet<string> = new Set(['keep', 'clear', 'empty'])

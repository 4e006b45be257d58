// Values are checked on encode as on decode: range, max, repeated keys, exactness.
import type { Field } from '../model/model.ts'
import type { Chunk } from './chunk.ts'
import type { EncodeScope } from './encode-scope.ts'
import { repeatedKey } from './entries.ts'
import { integer } from './evaluate.ts'
import { isList, type Value } from './value.ts'

export function checkGiven(field: Field, value: Value, content: Chunk, scope: EncodeScope): void {
  if (field.number === 'number') {
    eachNumber(value, number => {
      if (number > SAFE || number < -SAFE) throw scope.refuse('OutOfRange', `${number} is not exact as a number`, true)
    })
  }
  const { range, map, max } = field
  if (map?.duplicates === 'reject' && repeatedKey(map, value) >= 0)
    throw scope.refuse('BadValue', 'a key occurs twice', true)
  if (range) {
    eachNumber(value, number => {
      if (number < range.min || number > range.max) {
        throw scope.refuse('OutOfRange', `${number} is outside ${range.min}..${range.max}`, true)
      }
    })
  }
  if (!max) return
  const most = integer(max, scope)
  const size = BigInt(isList(value) ? value.length : Math.ceil(content.bits / 8))
  if (size <= most) return
  if (isList(value)) throw scope.refuse('TooMany', `${size} items, at most ${most}`, true)
  throw scope.refuse('TooLarge', `${size} bytes, at most ${most}`, true)
}

function eachNumber(value: Value, see: (value: bigint | number) => void): void {
  if (typeof value === 'bigint' || typeof value === 'number') see(value)
  else if (isList(value)) for (let i = 0; i < value.length; i++) eachNumber(value.at(i), see)
}

const SAFE = BigInt(Number.MAX_SAFE_INTEGER)

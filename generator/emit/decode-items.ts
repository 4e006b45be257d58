// Where the items of a list begin.
import type { Type } from '../model/model.ts'
import type { DecodeScope, Slot } from './decode-scope.ts'
import type { EncodeScope } from './encode-scope.ts'
import { fixedBits } from './facts.ts'
import { byteText, type Position, plus, position } from './position.ts'

/** Where the items of a list field begin. */
export function itemsStart(scope: DecodeScope | EncodeScope, type: Type, slot: Pick<Slot, 'contentStart'>): Position {
  const isInside = type.kind === 'region' || type.kind === 'delimited'
  return isInside ? behindCount(scope, type.of, slot.contentStart) : slot.contentStart
}

/** Behind a count that stands in front of items. */
export function behindCount(scope: DecodeScope | EncodeScope, type: Type, at: Position): Position {
  if (type.kind !== 'list' || type.count.by !== 'prefix') return at
  const prefix = type.count.type
  const bits = fixedBits(scope.protocol, prefix)
  if (bits !== undefined) return plus(at, bits)
  const behind = scope.use(prefix.kind === 'varint' && prefix.coding === 'quic' ? 'behindQuic' : 'behindLeb128')
  return position(`${behind}(${scope.source}, ${byteText(at)})`)
}

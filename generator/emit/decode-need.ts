// Which types can be wrong at all: the others are not visited in validation.
import type { Body, Type } from '../model/model.ts'
import { fixedBits, needsCheck } from './facts.ts'
import type { Unit } from './unit.ts'

/** Whether a value inside another needs a function to check it. */
export function typeNeedsCheck(unit: Unit, type: Type): boolean {
  const { protocol } = unit
  if (type.kind === 'struct') {
    if (unit.depth || fixedBits(protocol, type) === undefined) return true
    return bodyNeedsCheck(unit, protocol.structs.get(type.name)!.body)
  }
  if (type.kind === 'list') return fixedBits(protocol, type) === undefined || typeNeedsCheck(unit, type.of)
  return needsCheck(protocol, type)
}

function bodyNeedsCheck(unit: Unit, body: Body): boolean {
  if (body.check.length > 0) return true
  return body.nodes.some(node => {
    if (node.kind === 'group') return true
    if (node.value || node.range || node.max || node.with || node.from || node.number === 'number' || node.map)
      return true
    return typeNeedsCheck(unit, node.type)
  })
}

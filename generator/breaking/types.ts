// Enums, bit sets, structs and unions of two versions of a schema.

import { typeText } from '../emit/notation.ts'
import type { Protocol, Union, Variant } from '../model/model.ts'
import type { Note } from './breaking.ts'
import { compareBodies, paired } from './layout.ts'

export function compareTypes(before: Protocol, after: Protocol, note: Note): void {
  for (const [was, is] of paired('enum', [before.enums, after.enums], note, false)) {
    const what = `enum ${is.name}`
    if (typeText(was.type) !== typeText(is.type))
      note('wire', 'type', is.place, `${what} was ${typeText(was.type)}, is ${typeText(is.type)}`)
    for (const { name, value } of was.values) {
      const now = is.values.find(one => one.name === name)
      const same = is.values.find(one => one.value === value)
      if (now && now.value !== value) note('wire', 'value', is.place, `${what}: ${name} was ${value}, is ${now.value}`)
      else if (!now && same) note('source', 'name', is.place, `${what}: ${name} is now called ${same.name}`)
      else if (!now) note('wire', 'removed', is.place, `${what}: ${name} (${value}) is gone`)
    }
    if (was.unknown !== 'keep') {
      for (const { name, value } of is.values)
        if (!was.values.some(one => one.value === value))
          note('wire', 'added', is.place, `${what}: ${name} (${value}) is new, an old peer refuses it (${was.unknown})`)
    } else if (is.unknown !== 'keep')
      note('wire', 'closed', is.place, `${what} no longer takes values it does not know`)
  }
  for (const [was, is] of paired('bit set', [before.bitsets, after.bitsets], note, false)) {
    const what = `bit set ${is.name}`
    if (typeText(was.type) !== typeText(is.type))
      note('wire', 'type', is.place, `${what} was ${typeText(was.type)}, is ${typeText(is.type)}`)
    for (const { name, bit } of was.bits) {
      const now = is.bits.find(one => one.name === name)
      if (!now) note('wire', 'removed', is.place, `${what}: ${name} (bit ${bit}) is gone`)
      else if (now.bit !== bit) note('wire', 'value', is.place, `${what}: ${name} was bit ${bit}, is bit ${now.bit}`)
    }
    if (isError(was.undefined))
      for (const { name, bit } of is.bits)
        if (!was.bits.some(one => one.bit === bit))
          note(
            'wire',
            'added',
            is.place,
            `${what}: ${name} (bit ${bit}) is new, an old peer refuses it (${was.undefined})`,
          )
  }
  for (const [was, is] of paired('struct', [before.structs, after.structs], note, false))
    compareBodies(`struct ${is.name}`, [was.body, is.body], is.place, note)
  for (const [was, is] of paired('union', [before.unions, after.unions], note, false)) compareUnion(was, is, note)
}

function compareUnion(was: Union, is: Union, note: Note): void {
  const what = `union ${is.name}`
  const [oldTag, tag] = [was.tag, is.tag].map(type => (type ? typeText(type) : 'passed in'))
  if (oldTag !== tag) note('wire', 'type', is.place, `${what}: its tag was ${oldTag}, is ${tag}`)
  const open = was.variants.some(variant => variant.other)
  for (const variant of was.variants) {
    const now = is.variants.find(one => sameIds(one, variant))
    if (!now) note('wire', 'removed', is.place, `${what}: ${variant.name} (${idsText(variant)}) is gone`)
    else {
      if (now.name !== variant.name)
        note('source', 'name', now.place, `${what}: ${variant.name} is now called ${now.name}`)
      const [old, value] = [variant.value, now.value].map(type => (type ? typeText(type) : 'fields'))
      if (old !== value) note('wire', 'type', now.place, `${what}: ${now.name} was ${old}, is ${value}`)
      compareBodies(`${what}.${now.name}`, [variant.body, now.body], now.place, note)
    }
  }
  for (const variant of is.variants)
    if (!open && !was.variants.some(one => sameIds(one, variant)))
      note('wire', 'added', variant.place, `${what}: ${variant.name} is new, an old peer refuses it (${was.error})`)
}

function sameIds(a: Variant, b: Variant): boolean {
  return a.other === b.other && a.ids.join() === b.ids.join()
}

function idsText({ ids, other }: Variant): string {
  return other ? 'other' : ids.join(', ')
}

function isError(policy: string): boolean {
  return !['keep', 'clear', 'empty'].includes(policy)
}

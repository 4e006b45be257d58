// Fields that share bytes with others, or begin inside one.
import type { Field, Node } from '../model/model.ts'
import type { EncodeBody } from './encode-body.ts'
import { NotYet } from './encode-scope.ts'
import { writeInt } from './encode-write.ts'
import { asNumber, type Code, wrap } from './expr.ts'
import { coreType, fixedBits, isLowFirst } from './facts.ts'
import { camel } from './names.ts'
import { quote } from './naming.ts'
import { byteText, type Position, plus } from './position.ts'

/** How many fields from here on share bytes and fill them. */
export function bitRun(body: EncodeBody, nodes: readonly Node[], first: number, at: Position): number {
  const { scope } = body
  if (at.loose || at.bits % 8 !== 0) return 0
  let bits = 0
  for (let i = first; i < nodes.length; i++) {
    const node = nodes[i]!
    if (node.kind === 'group' || node.if || node.from) return 0
    const size = fixedBits(scope.protocol, node.type)
    const kind = coreType(node.type).kind
    if (size === undefined || !['int', 'bit', 'enum', 'bitset'].includes(kind) || node.type.kind === 'region') return 0
    if (i === first && size % 8 === 0) return 0
    bits += size
    if (bits > 32) return 0
    if (bits % 8 === 0) return bits === 24 ? 0 : i - first + 1
  }
  return 0
}

/** Fields that share one, two or four bytes, as one number. */
export function together(body: EncodeBody, fields: readonly Field[], at: Position): Position {
  const { scope, writer } = body
  const sizes = fields.map(field => fixedBits(scope.protocol, field.type)!)
  const total = sizes.reduce((a, b) => a + b, 0)
  let codes: Code[]
  try {
    codes = fields.map(field => body.value(field))
  } catch (thrown) {
    if (!(thrown instanceof NotYet)) throw thrown
    return fields.reduce((from, field) => body.field(field, from), at)
  }
  const little = isLowFirst(scope.protocol, fields[0]!.type)
  let taken = 0
  let from = at
  const parts = codes.map((code, i) => {
    const below = little ? taken : total - taken - sizes[i]!
    taken += sizes[i]!
    scope.places.set(fields[i]!, {
      start: from,
      end: plus(from, sizes[i]!),
      contentStart: from,
      contentEnd: plus(from, sizes[i]!),
    })
    from = plus(from, sizes[i]!)
    const number = code.form === 'boolean' ? `(${wrap(code, 3)} ? 1 : 0)` : wrap(asNumber(code), 11)
    // What is negative must not reach over the bits above it.
    const masked = (code.low ?? 0n) < 0n ? `(${number} & 0x${(2 ** sizes[i]! - 1).toString(16)})` : number
    return below === 0 ? masked : `(${masked} << ${below})`
  })
  writer.writeLine(`view.setUint${total}(${byteText(at)}, ${parts.join(' | ')}${little && total > 8 ? ', true' : ''})`)
  body.fill(false)
  return from
}

/** Whether a conditional field of this size may begin or end in the middle of a byte. */
export function mayBeInside(field: Field, bits: number, at: Position): boolean {
  if (bits % 8 !== 0) return true
  return (at.loose || at.bits % 8 !== 0) && ['int', 'bit', 'enum', 'bitset'].includes(field.type.kind)
}

export function looseField(body: EncodeBody, field: Field, at: Position, present: string, bits: number): Position {
  const { scope, writer } = body
  const from: Position = at.loose
    ? at
    : { base: `((${byteText(at)}) * 8${at.bits % 8 === 0 ? '' : ` + ${at.bits % 8}`})`, bits: 0, loose: true }
  const start = scope.local(
    writer,
    `${camel(field.name)}Bit`,
    from.bits === 0 ? from.base : `${from.base} + ${from.bits}`,
  )
  const code = body.value(field)
  const number =
    code.form === 'boolean'
      ? { ...code, text: `(${code.text} ? 1 : 0)`, form: 'number' as const }
      : { ...code, text: `${code.text}!`, absent: false }
  const ink = { scope, writer, label: quote(field.name), name: camel(field.name), error: field.error }
  writer.write(`if (${present}) `).block(() => {
    writeInt(ink, { kind: 'int', signed: false, bits, little: isLowFirst(scope.protocol, field.type) }, number, {
      base: start,
      bits: 0,
      loose: true,
    })
  })
  const end = scope.local(writer, `${camel(field.name)}EndBit`, `${start} + (${present} ? ${bits} : 0)`)
  const behind: Position = { base: end, bits: 0, loose: true }
  scope.places.set(field, {
    start: { base: start, bits: 0, loose: true },
    end: behind,
    contentStart: { base: start, bits: 0, loose: true },
    contentEnd: behind,
  })
  return behind
}

// The encoder of a frame: `sizeOfData` counts, `encodeData` writes into the caller's slab and returns the offset behind.

import { CodeBlockWriter, StructureKind } from 'ts-morph'
import type { Frame, Protocol, Type } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { EncodeBody, type Sealing } from './encode-body.ts'
import { EncodeScope } from './encode-scope.ts'
import { writeSize } from './encode-size.ts'
import { asNumber, emitExpr } from './expr.ts'
import { coreType } from './facts.ts'
import type { Statements } from './file.ts'
import { frameTypeName } from './names.ts'
import { quote } from './naming.ts'
import { byteText, endText, type Position, position } from './position.ts'
import { type Unit, withoutUnused } from './unit.ts'

/** `name`: of its type, where that is not the frame's own. */
export function encodeFunctions(
  unit: Unit,
  frame: Frame,
  name: string = frameTypeName(unit.protocol, frame.name),
): Statements[] {
  const shape = unit.shape(`${name}Input`)
  const text = encodeText(unit, frame)
  const context = /\bcontext\b/.test(text)
  const size = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
  unit.remember(`encode${name}`, context)
  const asks = writeSize(unit, size, frame, `encode${name}`)
  unit.remember(`sizeOf${name}`, asks)
  const contextParameter = { name: 'context', type: unit.use('Context'), initializer: unit.use('NO_CONTEXT') }
  const uses = /\bvalue\b/.test(text)
  return [
    {
      kind: StructureKind.Function,
      isExported: true,
      name: `sizeOf${name}`,
      docs: [`Bytes that encoding ${frame.name} takes at most.`],
      parameters: [
        { name: /\bvalue\b/.test(size.toString()) ? 'value' : '_value', type: shape },
        ...(asks ? [contextParameter] : []),
      ],
      returnType: 'number',
      statements: writer => writer.write(size.toString()),
    },
    {
      kind: StructureKind.Function,
      isExported: true,
      name: `encode${name}`,
      docs: [
        `Writes ${frame.name} at \`at\` and returns the offset behind it. Throws EncodeError; RangeError when it does not fit.`,
      ],
      parameters: [
        { name: uses ? 'value' : '_value', type: shape },
        { name: 'into', type: 'Uint8Array' },
        { name: 'at', type: 'number' },
        ...(context ? [contextParameter] : []),
      ],
      returnType: 'number',
      statements: writer => writer.write(text),
    },
  ]
}

function encodeText(unit: Unit, frame: Frame): string {
  const writer = new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true })
  const scope = new EncodeScope(unit, frame.body, position('at'), '', new Map(), RESERVED)
  scope.bytewise = !fieldsOf(frame.body.nodes).some(field => needsView(unit.protocol, field.type))
  const body = new EncodeBody(scope, writer, frame.ids)
  const end = body.write()
  if (frame.max) {
    scope.current = undefined
    const most = asNumber(emitExpr(frame.max, scope))
    writer.writeLine(`${unit.use('atMost')}(${endText(end)} - at, ${scope.safely(most, quote(''))}, '', 'TooLarge')`)
  }
  writer.writeLine(`${unit.use('fitsInto')}(into, ${endText(end)})`)
  for (const seal of body.seals) writeSeal(unit, frame, scope, writer, end, seal)
  writer.writeLine(`return ${endText(end)}`)
  const text = withoutUnused(writer.toString())
  return /\bview[.,]/.test(text) ? `const view = ${unit.use('viewOf')}(into)\n${text}` : text
}

/** Floats and 64 bits are written through a DataView; where there is one, it is the fastest for all other numbers too. */
function needsView(protocol: Protocol, type: Type): boolean {
  const core = coreType(type)
  if (core.kind === 'enum') return needsView(protocol, protocol.enums.get(core.name)!.type)
  if (core.kind === 'bitset') return protocol.bitsets.get(core.name)!.type.bits > 32
  return core.kind === 'float' || (core.kind === 'int' && core.bits > 32)
}

/** Sealing is the last thing that happens. */
function writeSeal(
  unit: Unit,
  frame: Frame,
  scope: EncodeScope,
  writer: CodeBlockWriter,
  behind: Position,
  { group, start, end, present }: Sealing,
): void {
  const seal = unit.protocol.seals.get(group.seal!)!
  const [range] = seal.aad
  const one = seal.aad.length === 1 && range?.is === 'range' ? range : undefined
  scope.current = undefined
  const from = one ? scope.request({ up: 0, what: 'start', name: one.from?.field ?? '' }).text : '0'
  const to = one
    ? one.to
      ? scope.request({ up: 0, what: 'end', name: one.to.field }).text
      : byteText(scope.places.get(group)!.contentStart)
    : '0'
  const reader = `${frameTypeName(unit.protocol, frame.name)}Reader`
  const own = unit.constant(`${frame.name}_seal`, `new ${unit.use('WriterSeal')}(new ${reader}())`)
  const line = `${unit.use('sealInto')}(context, ${quote(seal.name)}, into, ${start}, ${end}, ${own}.over(into, at, ${endText(behind)}, ${from}, ${to}, context))`
  writer.writeLine(present ? `if (${present}) ${line}` : line)
}

const RESERVED = ['value', 'into', 'at', 'context', 'view']

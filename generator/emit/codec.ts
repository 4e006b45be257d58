// Emits `codec.ts`: a reader class and an encoder for each frame, functions for the values inside, and the class that
// implements `Codec`. Reading it is meant to teach the protocol; running it is meant to cost what hand-written code costs.
import { CodeBlockWriter } from 'ts-morph'
import type { Protocol } from '../model/model.ts'
import { codecClass } from './codec-class.ts'
import { frameClass } from './decode-frame.ts'
import { encodeFunctions } from './encode-frame.ts'
import { type EmitOptions, printFile, type Statements } from './file.ts'
import { frameTypeName } from './names.ts'
import { payloadStatements, payloadStructs } from './payloads.ts'
import { Unit } from './unit.ts'

/** The text of `codec.ts`. */
export function emitCodec(protocol: Protocol, options: EmitOptions): string {
  const unit = new Unit(protocol)
  const frames: Statements[] = [...protocol.frames.values()].flatMap(frame => {
    const name = frameTypeName(protocol, frame.name)
    const reader = frameClass(unit, { className: `${name}Reader`, body: frame.body, frame })
    return [reader, ...encodeFunctions(unit, frame)]
  })
  const payloads = payloadStructs(protocol).flatMap(name => payloadStatements(unit, name))
  const codec = codecClass(unit)
  const functions = unit.writeFunctions(() => new CodeBlockWriter({ indentNumberOfSpaces: 2, useSingleQuote: true }))
  const constants = unit.writeConstants()
  const text = printFile(protocol, [
    writer => writer.writeLine(IMPORTS),
    ...frames,
    ...payloads,
    ...codec,
    writer => {
      writer.blankLineIfLastNot()
      for (const text of functions) writer.write(text)
      for (const write of constants) write(writer)
    },
  ])
  const pruned = withoutUnusedFunctions(text)
  return pruned.replace(IMPORTS, unit.importLines(options.runtime, pruned))
}

/** Functions that were asked for while something was tried that came out differently. */
function withoutUnusedFunctions(text: string): string {
  for (const [block, name] of text.matchAll(/\n(?:\/\*\* .*\n)?function (\w+)\([^]*?\n}\n/g)) {
    if (text.split(new RegExp(`\\b${name}\\(`)).length === 2) return withoutUnusedFunctions(text.replace(block, ''))
  }
  return text
}

/** Stands where the imports go once it is known what the text uses. */
const IMPORTS = '// imports'

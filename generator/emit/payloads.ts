// Structs that travel by themselves, as payloads of Noise messages: each has a reader and an encoder as a frame without
// envelope has, and `protocol.ts` makes a StructCodec of them.
import type { Frame, Protocol } from '../model/model.ts'
import { frameClass } from './decode-frame.ts'
import { encodeFunctions } from './encode-frame.ts'
import type { Statements } from './file.ts'
import type { Unit } from './unit.ts'

/** Names of structs that a handshake carries as payloads, in the order of the messages. */
export function payloadStructs(protocol: Protocol): string[] {
  const { payloads } = (protocol.document.handshake ?? {}) as { payloads?: Readonly<Record<string, unknown>> }
  const named = Object.values(payloads ?? {}).map(String)
  return [...new Set(named)].filter(name => protocol.structs.has(name))
}

export function payloadStatements(unit: Unit, name: string): Statements[] {
  const struct = unit.protocol.structs.get(name)!
  const alone: Frame = {
    name,
    index: -1,
    ...(struct.doc === undefined ? {} : { doc: struct.doc }),
    body: struct.body,
    ids: [],
    match: [],
    matchElse: false,
    bare: true,
    dirs: [],
    states: [],
    learn: [],
    repeat: 1,
    place: struct.place,
  }
  const reader = frameClass(unit, { className: `${name}Reader`, body: struct.body, frame: alone, typeName: name })
  return [reader, ...encodeFunctions(unit, alone, name)]
}

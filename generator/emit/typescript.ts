// The TypeScript files of a protocol (or of one of its profiles), by name. Importing this loads ts-morph.

import type { Protocol } from '../model/model.ts'
import type { Behaviour } from '../normalize/behaviour.ts'
import { emitCodec } from './codec.ts'
import type { EmitOptions } from './file.ts'
import { emitHandlers } from './handlers.ts'
import { emitIndex } from './index.ts'
import { emitProtocol } from './protocol.ts'
import { emitTypes } from './types.ts'

export function emitTypeScript(protocol: Protocol, behaviour: Behaviour, options: EmitOptions): Map<string, string> {
  return new Map([
    ['types.ts', emitTypes(protocol, options)],
    ['codec.ts', emitCodec(protocol, options)],
    ['handlers.ts', emitHandlers(protocol, behaviour, options)],
    ['protocol.ts', emitProtocol(protocol, behaviour, options)],
    ['index.ts', emitIndex(protocol, options)],
  ])
}

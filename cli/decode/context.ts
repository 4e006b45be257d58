// What a codec may know when it is used by a tool, outside any connection: params from --set, real randomness and time,
// no session and no keys.

import { randomBytes } from 'node:crypto'
import type { Protocol } from '../../generator/model/model.ts'
import type { Context } from '../../runtime/wire/codec.ts'
import { paramValues } from '../input/params.ts'

/** Params that were not given and have no default stay absent; a rule that needs one says so. */
export function toolContext(protocol: Protocol, set: readonly string[] | undefined): Context {
  return {
    param: paramValues(protocol, set),
    session: {},
    key: {},
    peer: {},
    local: {},
    random: n => randomBytes(n),
    now: () => Date.now(),
  }
}

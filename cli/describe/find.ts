// Names on the command line that the schema must know: frames and profiles.

import type { Frame, Protocol } from '../../generator/model/model.ts'
import { usage } from '../failure.ts'
import { suggestion } from '../input/suggest.ts'

/** The frame called `name`; any capitalisation that is unique will do. */
export function findFrame(protocol: Protocol, name: string): Frame {
  const exact = protocol.frames.get(name)
  if (exact) return exact
  const alike = [...protocol.frames.values()].filter(frame => frame.name.toLowerCase() === name.toLowerCase())
  if (alike.length === 1) return alike[0]!
  throw usage(`${protocol.name} has no frame "${name}"${suggestion(name, protocol.frames.keys())}`)
}

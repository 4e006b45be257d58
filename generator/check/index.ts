// All rules of the language that the model builder does not check while it resolves names, one to a file.

import { ambiguous } from './ambiguous.ts'
import { amplification } from './amplification.ts'
import { authentication } from './authentication.ts'
import { channels } from './channels.ts'
import { examples, type Interpret } from './examples.ts'
import { handshake } from './handshake.ts'
import { learned } from './learned.ts'
import { limits } from './limits.ts'
import { metrics } from './metrics.ts'
import { noise } from './noise.ts'
import { nonce } from './nonce.ts'
import { params } from './params.ts'
import { rekey } from './rekey.ts'
import { replies } from './replies.ts'
import { service } from './service.ts'
import { sizes } from './sizes.ts'
import { states } from './states.ts'
import type { Check, Subject } from './subject.ts'
import { transports } from './transports.ts'
import { unbounded } from './unbounded.ts'
import { unreachable } from './unreachable.ts'

/** In the order of the sections of a schema. */
export const CHECKS: readonly Check[] = [
  ambiguous,
  unreachable,
  sizes,
  unbounded,
  transports,
  params,
  states,
  learned,
  replies,
  channels,
  nonce,
  rekey,
  noise,
  handshake,
  authentication,
  amplification,
  limits,
  metrics,
  service,
]

/** Runs every rule; with an interpreter also the examples. Problems go to the subject's document. */
export function runChecks(subject: Subject, interpret?: Interpret): void {
  for (const check of CHECKS) check(subject)
  if (interpret) examples(subject, interpret)
}

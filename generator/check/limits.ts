// Limits (docs/language, "Limits"): bounds that agree with each other, errors that exist, and nothing charged to a peer
// before its packets proved to be its own.

import { BUILT_IN_ERRORS } from '../../runtime/wire/codec.ts'
import { type Check, reportUnlessInsecure, type Subject, section } from './subject.ts'

export const limits: Check = subject => {
  const { limits: bounds } = subject.behaviour
  notAbove(subject, 'connections_per_address', bounds.connectionsPerAddress, 'connections', bounds.connections)
  notAbove(subject, 'handshakes_per_address', bounds.handshakesPerAddress, 'handshakes', bounds.handshakes)
  const written = section(subject, 'limits')
  if (bounds.rate.before === 'open' && written.rate !== undefined) {
    reportUnlessInsecure(subject, ['limits', 'rate', 'before'], {
      code: 'limit',
      message: "charged before opening, forged packets use up a peer's share",
      hint: 'before: deliver',
    })
  }
  strikes(subject)
  keepAlive(subject)
}

function notAbove(subject: Subject, key: string, value: number, other: string, most: number): void {
  const written = section(subject, 'limits')
  if (written[key] === undefined || !Number.isFinite(value) || value <= most) return
  subject.document.report(['limits', key], {
    code: 'limit',
    message: `${key} is over ${other} (${most})`,
    hint: `${other} ends it first`,
  })
}

function strikes(subject: Subject): void {
  const { strikes: rule } = subject.behaviour.limits
  if (!rule) return
  for (const [index, error] of rule.on.entries()) {
    if (subject.protocol.errors.has(error) || BUILT_IN_ERRORS.includes(error)) continue
    subject.document.report(['limits', 'strikes', 'on', index], {
      code: 'reference',
      message: `there is no error ${error}`,
      hint: 'declare it under errors',
    })
  }
  if (rule.authenticated) return
  reportUnlessInsecure(subject, ['limits', 'strikes', 'authenticated'], {
    code: 'limit',
    message: 'with strikes for packets that did not open, forged ones close a connection',
    hint: 'authenticated: true',
  })
}

/** A request that keeps a connection alive must be quicker than the silence that ends it. */
function keepAlive(subject: Subject): void {
  const { replies, limits: bounds } = subject.behaviour
  for (const reply of replies) {
    if (reply.every === undefined || reply.every < bounds.idle) continue
    subject.document.report(['replies', reply.name, 'every'], {
      code: 'limit',
      message: `the connection ends after ${bounds.idle / 1000}s of silence, before this is sent`,
      hint: 'make `every` shorter than limits.idle',
    })
  }
}

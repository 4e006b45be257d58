// Whether a side that dials knows whom it talks to (docs/language, "Noise, steps, cookies"): by a key known beforehand,
// a list of keys, a pre-shared key or verified TLS, on every transport of the session.

import type { Transport } from '../normalize/behaviour.ts'
import { patternOf } from './noise.ts'
import { type Check, isMap, reportUnlessInsecure, type Subject, section } from './subject.ts'
import { groupsOf } from './walk.ts'

export const authentication: Check = subject => {
  const { handshake, transports } = subject.behaviour
  const raw = section(subject, 'handshake')
  const begins = raw.noise !== undefined || raw.tls !== undefined || raw.steps !== undefined
  if (handshake && !begins) {
    subject.document.report(['handshake'], {
      code: 'handshake',
      severity: 'warning',
      on: 'key',
      message: 'nothing here says how keys are agreed on: a file to import, or unfinished',
      hint: 'noise: Noise_XX_25519_ChaChaPoly_BLAKE2s, tls: {..} or steps: [..]',
    })
    return
  }
  for (const transport of transports.filter(one => one.use === 'session')) {
    const why = unproved(subject, transport, begins)
    if (why) report(subject, transport, begins, why)
  }
}

/** Why the peer on this transport could be anybody; undefined when it proves who it is. */
function unproved(subject: Subject, transport: Transport, begins: boolean): string | undefined {
  if (!begins) return allSealed(subject) ? undefined : 'nothing is authenticated: there is no handshake'
  const raw = section(subject, 'handshake')
  const here = raw.transport === undefined || raw.transport === transport.kind
  const handedOver = isMap(raw.then) && raw.then.continue_on === transport.kind
  if (!here && !handedOver) return `nothing is authenticated: the handshake is for ${raw.transport} only`
  if (raw.tls !== undefined && (transport.kind === 'tls' || handedOver)) return tls(subject)
  if (raw.noise !== undefined) return noise(subject)
  return 'the steps agree on keys, but nobody proves who it is'
}

/** Under keys that the user supplies. */
function allSealed(subject: Subject): boolean {
  return [...subject.protocol.frames.values()].every(frame =>
    groupsOf(frame.body.nodes).some(group => group.seal !== undefined),
  )
}

function tls(subject: Subject): string | undefined {
  const { verify } = section(subject, 'handshake', 'tls')
  if (verify === 'none') return 'the certificate is not verified'
  const name = typeof verify === 'string' && verify.startsWith('param.') ? verify.slice('param.'.length) : undefined
  const param = name === undefined ? undefined : subject.protocol.params.get(name)
  const unset = param?.fallback && 'word' in param.fallback && param.fallback.word === 'none'
  return unset ? `the certificate is not verified unless ${name} is given` : undefined
}

function noise(subject: Subject): string | undefined {
  const raw = section(subject, 'handshake')
  const pattern = patternOf(String(raw.noise))
  // A key that the pattern itself demands and that is missing has been reported.
  if (typeof pattern === 'string' || pattern.responderPre.includes('s')) return undefined
  if (known(subject, raw.remote) || known(subject, raw.accept) || known(subject, raw.psk)) return undefined
  return 'the side that dials accepts any key'
}

/** A key or list that the dialling side demands, and that is not known to everybody. */
function known(subject: Subject, value: unknown): boolean {
  if (isMap(value)) {
    const dialling = Object.keys(value).filter(role => subject.protocol.roles.get(role)?.transport !== 'accepts')
    return dialling.length > 0 && dialling.every(role => known(subject, value[role]))
  }
  if (value === undefined || value === 'any') return false
  const name = typeof value === 'string' && value.startsWith('param.') ? value.slice('param.'.length) : undefined
  const fallback = name === undefined ? undefined : subject.protocol.params.get(name)?.fallback
  if (!fallback) return true
  return 'word' in fallback && fallback.word === 'generate'
}

/** Without any handshake it is plain to see, so saying it once is enough; a handshake that proves nothing is a trap. */
function report(subject: Subject, transport: Transport, begins: boolean, why: string): void {
  const path = ['transports', transport.kind]
  const raw = section(subject, 'handshake')
  const covered = raw.transport === undefined || raw.transport === transport.kind || isMap(raw.then)
  if (!begins || !covered) {
    if (subject.protocol.insecure.length > 0) return
    subject.document.report(path, {
      code: 'authentication',
      severity: begins ? 'error' : 'warning',
      on: 'key',
      message: why,
      hint: 'add a handshake, or say so: insecure: [ nothing is authenticated ]',
    })
    return
  }
  const key = ['noise', 'tls', 'steps'].find(one => raw[one] !== undefined)!
  reportUnlessInsecure(subject, ['handshake', key], {
    code: 'authentication',
    on: 'key',
    message: `on ${transport.kind} ${why}`,
    hint:
      raw.noise !== undefined
        ? 'give remote, accept or psk'
        : 'verify a certificate, or use a noise pattern with a known key',
  })
}

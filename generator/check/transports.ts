// Transports (docs/language, "Transports and framing"): the framing fits the transport, the sizes fit the frames, TLS
// is configured, and what names a transport names one that is there.

import type { Frame } from '../model/model.ts'
import type { Transport } from '../normalize/behaviour.ts'
import { measure } from './measure.ts'
import { type Check, isMap, type Subject, section } from './subject.ts'

export const transports: Check = subject => {
  for (const transport of subject.behaviour.transports) {
    framingFits(subject, transport)
    sizesFit(subject, transport)
    paramExists(subject, transport)
  }
  tlsIsConfigured(subject)
  named(subject)
}

function framingFits(subject: Subject, transport: Transport): void {
  const { kind, framing } = transport
  const datagram = framing.kind === 'datagram' || framing.kind === 'packed'
  if (datagram === (kind === 'udp')) return
  subject.document.report(['transports', kind, 'framing'], {
    code: 'transport',
    message: `${framing.kind} is no framing for ${kind}`,
    hint:
      kind === 'udp'
        ? 'on udp a frame is a datagram: datagram or packed'
        : 'on a stream: self, prefix(u32), delimiter("\\n"), fixed(64) or raw',
  })
}

function sizesFit(subject: Subject, transport: Transport): void {
  const { kind, framing, maxFrame, maxSend } = transport
  const path = ['transports', kind]
  const limit = typeof maxFrame === 'number' ? maxFrame : Number.POSITIVE_INFINITY
  if (maxSend !== undefined && kind !== 'udp') {
    subject.document.report([...path, 'max_send'], {
      code: 'unused',
      severity: 'warning',
      on: 'key',
      message: 'max_send bounds datagrams; a stream has none',
      hint: 'use max_frame',
    })
  }
  if (maxSend !== undefined && maxSend > limit) {
    subject.document.report([...path, 'max_send'], {
      code: 'transport',
      message: `max_send is over max_frame (${limit})`,
      hint: 'a peer would refuse such a datagram',
    })
  }
  const fixed = framing.kind === 'fixed' ? framing.size : undefined
  if (fixed !== undefined && fixed > limit) {
    subject.document.report([...path, 'framing'], {
      code: 'transport',
      message: `fixed(${fixed}) is over max_frame (${limit})`,
    })
  }
  const all = carried(subject, transport).map(frame => ({ frame, ...bytes(measure(frame.body, subject.protocol)) }))
  for (const { frame, min, max } of all) {
    const room = fixed ?? limit
    if (min > room) {
      subject.document.report([...path, fixed === undefined ? 'max_frame' : 'framing'], {
        code: 'transport',
        message: `${frame.name} takes at least ${min} bytes, ${kind} at most ${room}`,
      })
    } else if (fixed !== undefined && max < fixed) {
      subject.document.report([...path, 'framing'], {
        code: 'transport',
        message: `${frame.name} takes at most ${max} bytes and never fills fixed(${fixed})`,
        hint: 'pad it: _pad: bytes',
      })
    }
  }
  const least = Math.min(...all.map(one => one.min))
  if (kind === 'udp' && maxSend !== undefined && all.length > 0 && maxSend < least) {
    subject.document.report([...path, 'max_send'], {
      code: 'transport',
      message: `the smallest frame takes ${least} bytes, max_send allows ${maxSend}`,
      hint: 'raise max_send',
    })
  }
}

/** Frames that may travel here: the session's, or only the handshake's. */
function carried(subject: Subject, transport: Transport): Frame[] {
  const handshake = subject.behaviour.handshake?.frames ?? []
  return [...subject.protocol.frames.values()].filter(
    frame => handshake.includes(frame.name) === (transport.use === 'handshake'),
  )
}

function bytes(bits: { min: number; max: number }): { min: number; max: number } {
  return { min: Math.ceil(bits.min / 8), max: Math.ceil(bits.max / 8) }
}

function paramExists(subject: Subject, { kind, maxFrame }: Transport): void {
  if (typeof maxFrame === 'number' || subject.protocol.params.has(maxFrame.param)) return
  subject.document.report(['transports', kind, 'max_frame'], {
    code: 'reference',
    message: `there is no param ${maxFrame.param}`,
  })
}

function tlsIsConfigured(subject: Subject): void {
  const { behaviour } = subject
  const transport = behaviour.transports.find(one => one.kind === 'tls')
  const tls = behaviour.handshake?.tls
  if (transport && !tls) {
    subject.document.report(['transports', 'tls'], {
      code: 'transport',
      on: 'key',
      message: 'the tls transport needs handshake.tls: versions, names and trust are stated nowhere',
      hint: 'handshake: { transport: tls, tls: { versions: [ "1.3" ], server_name: param.server_name, verify: param.ca, .. } }',
    })
  }
  if (tls && !transport) {
    subject.document.report(['handshake', 'tls'], {
      code: 'transport',
      on: 'key',
      message: 'handshake.tls runs on the tls transport, and there is none',
      hint: 'transports: { tls: { max_frame: 64KiB } }',
    })
  }
}

function named(subject: Subject): void {
  const kinds: readonly string[] = subject.behaviour.transports.map(transport => transport.kind)
  const handshake = section(subject, 'handshake')
  const then = isMap(handshake.then) ? handshake.then : {}
  const uses: [string[], unknown][] = [
    [['handshake', 'transport'], handshake.transport],
    [['handshake', 'then', 'close'], then.close],
    [['handshake', 'then', 'continue_on'], then.continue_on],
  ]
  for (const [path, kind] of uses) {
    if (typeof kind !== 'string' || kinds.includes(kind)) continue
    subject.document.report(path, {
      code: 'reference',
      message: `there is no transport ${kind}`,
      hint: kinds.length > 0 ? `transports are ${kinds.join(', ')}` : 'declare it under transports',
    })
  }
}

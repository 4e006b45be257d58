// Turns the behavioural sections of a schema into data with all defaults filled in and all expressions resolved. The
// sections are read from `Protocol.document`; a mistake is reported at its path and reading goes on.

import type { Protocol } from '../model/model.ts'
import type { Behaviour } from './behaviour.ts'
import { normalizeChannelHeader, normalizeChannels } from './channels.ts'
import { normalizeHandshake } from './handshake.ts'
import { normalizeLimits } from './limits.ts'
import { normalizeMetrics } from './metrics.ts'
import { normalizeOnError } from './on-error.ts'
import { normalizeParams, normalizeSession } from './params.ts'
import { normalizeReplies } from './replies.ts'
import { checkLearned, expressionsOf } from './resolve.ts'
import { normalizeRoles } from './roles.ts'
import { normalizeSeals } from './seals.ts'
import { type Report, Section } from './section.ts'
import { normalizeService } from './service.ts'
import { normalizeStates } from './states.ts'
import { normalizeTransports } from './transports.ts'

export type { Behaviour } from './behaviour.ts'

/** Never throws on what a schema says; `report` is told every mistake with its path in the merged document. */
export function normalize(protocol: Protocol, report: Report): Behaviour {
  const expressions = expressionsOf(protocol, report)
  checkLearned(protocol, report)
  const section = (name: string): Section => new Section(protocol.document[name], [name], report)
  const transports = normalizeTransports(section('transports'), expressions)
  const isStream = !transports.some(transport => transport.use === 'session' && transport.kind === 'udp')
  return {
    roles: normalizeRoles(protocol),
    params: normalizeParams(protocol, report),
    session: normalizeSession(protocol),
    transports,
    states: normalizeStates(section('states'), protocol, expressions),
    replies: normalizeReplies(section('replies'), protocol, expressions),
    channels: normalizeChannels(section('channels'), protocol),
    channelHeader: normalizeChannelHeader(section('channel_header'), protocol),
    limits: normalizeLimits(section('limits')),
    onError: normalizeOnError(section('on_error'), new Set(protocol.frames.keys())),
    handshake: normalizeHandshake(section('handshake'), protocol, expressions),
    seals: normalizeSeals(protocol, isStream, report),
    metrics: normalizeMetrics(section('metrics'), expressions),
    service: normalizeService(section('service'), protocol),
  }
}

// `limits` (docs/language, "Limits, on_error, metrics"): bounds of a whole endpoint, each with a default.

import type { LimitsDescriptor } from '../../runtime/core/protocol.ts'
import type { Section } from './section.ts'

export function normalizeLimits(limits: Section): LimitsDescriptor {
  const rate = limits.section('rate')
  const packets = rate.rate('packets', DEFAULTS.rate.packets)
  const queue = limits.section('queue')
  return {
    connections: limits.count('connections', DEFAULTS.connections),
    connectionsPerAddress: limits.count('connections_per_address', DEFAULTS.connectionsPerAddress),
    handshakes: limits.count('handshakes', DEFAULTS.handshakes),
    handshakesPerAddress: limits.count('handshakes_per_address', DEFAULTS.handshakesPerAddress),
    overLimit: limits.word('over_limit', ['close', 'wait', 'drop', 'drop-oldest'], DEFAULTS.overLimit),
    handshake: limits.duration('handshake', DEFAULTS.handshake),
    idle: limits.duration('idle', DEFAULTS.idle),
    refreshIdle: limits.word('refresh_idle', ['opened', 'received'], DEFAULTS.refreshIdle),
    rate: {
      packets,
      bytes: rate.rate('bytes', DEFAULTS.rate.bytes),
      burst: rate.count('burst', packets),
      before: rate.word('before', ['deliver', 'open'], DEFAULTS.rate.before),
    },
    strikes: limits.has('strikes') ? strikes(limits.section('strikes')) : undefined,
    queue: {
      messages: queue.count('messages', DEFAULTS.queue.messages),
      bytes: queue.size('bytes', DEFAULTS.queue.bytes),
    },
    depth: limits.count('depth', DEFAULTS.depth),
    memory: limits.size('memory', DEFAULTS.memory),
  }
}

function strikes(section: Section): NonNullable<LimitsDescriptor['strikes']> {
  return {
    max: section.count('max', STRIKES.max),
    window: section.duration('window', STRIKES.window),
    on: section.list('on'),
    // biome-ignore lint/suspicious/noThenProperty: the schema's key; never awaited
    then: section.word('then', ['close', 'drop'], STRIKES.outcome),
    authenticated: section.flag('authenticated', STRIKES.authenticated),
  }
}

/** Milliseconds, bytes, per second. A rate without `burst` allows one second's worth at once. */
const DEFAULTS = {
  connections: 1024,
  connectionsPerAddress: 64,
  handshakes: 256,
  handshakesPerAddress: 16,
  overLimit: 'close',
  handshake: 10_000,
  idle: 60_000,
  refreshIdle: 'opened',
  rate: { packets: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, before: 'deliver' },
  queue: { messages: 1024, bytes: 16 * 1024 ** 2 },
  depth: 32,
  memory: 256 * 1024 ** 2,
} as const

const STRIKES = { max: 10, window: 5000, outcome: 'close', authenticated: true } as const

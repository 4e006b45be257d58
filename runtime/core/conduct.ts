// How one peer behaves, against `limits`: how fast it sends, which rules it breaks and how often, how long it is silent.

import { Strikes } from '../guard/strikes.ts'
import { TokenBucket } from '../guard/token-bucket.ts'
import { type PeerError, peerError } from './errors.ts'
import type { Instant } from './machine.ts'
import type { Session } from './session.ts'
import type { Shared } from './shared.ts'

export class Conduct {
  readonly #shared: Shared
  readonly #bucket: TokenBucket | undefined
  readonly #strikes: Strikes | undefined

  constructor(shared: Shared, now: Instant) {
    const { rate, strikes } = shared.plan.protocol.limits
    this.#shared = shared
    const isLimited = rate.packets !== Infinity || rate.bytes !== Infinity
    this.#bucket = isLimited ? new TokenBucket(rate, now) : undefined
    this.#strikes = strikes && new Strikes(strikes)
  }

  /** False: it sends faster than `limits.rate`. */
  charge(now: Instant, size: number): boolean {
    if (this.#bucket === undefined || this.#bucket.take(now, size)) return true
    this.#shared.meter.count('limit.rate', undefined, size)
    return false
  }

  /** A rule was broken. True: that, or one time too many, ends the connection. */
  isTooMuch(now: Instant, error: PeerError): boolean {
    const { plan, meter } = this.#shared
    const { onError, limits } = plan.protocol
    const what = plan.isStream ? onError.stream : onError.datagram
    const isFatal = error.fatal && what === 'close'
    if (this.#strikes === undefined || !limits.strikes?.on.includes(error.code)) return isFatal
    meter.count('strike', error.code)
    return (this.#strikes.strike(now) && limits.strikes.then === 'close') || isFatal
  }
}

/** What took too long: the stay in a state, or silence. */
export function overdue(
  session: Session,
  now: Instant,
): { readonly error: PeerError; readonly reason: string } | undefined {
  const { lifecycle, shared, seenAt } = session
  if (now >= lifecycle.deadline)
    return { error: peerError('Timeout', `the state ${lifecycle.state} lasted too long`, FATAL), reason: 'timeout' }
  const { idle } = shared.plan.protocol.limits
  if (now - seenAt < idle) return undefined
  shared.meter.count('idle.timeout')
  return { error: peerError('Timeout', `nothing arrived for ${idle} ms`, FATAL), reason: 'idle' }
}

const FATAL = { fatal: true }

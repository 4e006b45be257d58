// The seals of one session on a stream: a pair of directions for each seal that this role has a key for. Sealed bytes that
// it has none for stay as they are.

import { sha256 } from '../crypto/hash.ts'
import { TAG_LENGTH } from '../crypto/provider.ts'
import type { Increasing } from '../crypto/seal/increasing.ts'
import { keysOfRoles, SealPlan } from '../crypto/seal/plan.ts'
import { GrowingClock } from '../crypto/seal/renewal.ts'
import { StreamSeal } from '../crypto/seal/stream-seal.ts'
import { OPAQUE, type SealedFrame } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { KeyExpression, KeyScope } from './handshake-descriptor.ts'
import type { Secured } from './handshake-stream.ts'
import { scopeWith } from './key-scope.ts'
import type { Instant } from './machine.ts'
import type { FramePlan, Plan } from './plan.ts'
import type { Plain } from './recast.ts'
import type { SealDescriptor } from './seal-descriptor.ts'
import type { Session } from './session.ts'
import type { Shared } from './shared.ts'

/** Whose frames are sealed: a session, or a connection of a node. */
export interface SealsHost extends Pick<Session, 'plan' | 'context'> {
  readonly shared: Pick<Shared, 'crypto' | 'meter'>
}

/** Both directions of one seal. */
interface Pair {
  readonly send: StreamSeal
  readonly receive: StreamSeal
  /** Frames known to be lost when it was last looked. */
  lost: number
  /** Where what has arrived is remembered for the next connection. */
  readonly memory: string | undefined
}

export class SessionSeals {
  readonly #session: SealsHost
  readonly #pairs: ReadonlyMap<string, Pair>

  constructor(session: SealsHost, pairs: ReadonlyMap<string, Pair>) {
    this.#session = session
    this.#pairs = pairs
  }

  /** Whether this side has no key for it. */
  isBlind(seal: string): boolean {
    return !this.#pairs.has(seal)
  }

  /** The value with the clear fields that the seal owns. */
  prepare(now: Instant, frame: FramePlan, value: Plain): Plain {
    const pair = this.#pairs.get(frame.descriptor.seal ?? '')
    if (pair?.send.stamps !== true) return value
    const given = { ...value }
    pair.send.stamp(now, given)
    return given
  }

  /** `Context.open`. */
  readonly open = (seal: string, bytes: Uint8Array, start: number, end: number, frame: SealedFrame): number => {
    const pair = this.#pairs.get(seal)
    if (pair === undefined) return OPAQUE
    const length = pair.receive.open(bytes, start, end, frame)
    if (pair.receive.lost !== pair.lost) this.#report(seal, pair)
    return length
  }

  /** The same for bytes that were opened where they lie and copied since. */
  readonly again = (seal: string, _bytes: Uint8Array, start: number, end: number): number =>
    this.#pairs.has(seal) ? end - start - TAG_LENGTH : OPAQUE

  /** `Context.seal`. */
  readonly seal = (seal: string, bytes: Uint8Array, start: number, end: number, frame: SealedFrame): number => {
    const pair = this.#pairs.get(seal)
    if (pair === undefined)
      throw new LocalError('MissingParam', `the ${this.#session.plan.role.name} has no key for the seal ${seal}`)
    return pair.send.seal(bytes, start, end, frame)
  }

  /** Frames that were sent to this side and never came, as far as their numbers tell. */
  get lost(): number {
    let sum = 0
    for (const { receive } of this.#pairs.values()) sum += receive.lost
    return sum
  }

  destroy(): void {
    for (const { send, receive, memory } of this.#pairs.values()) {
      if (memory !== undefined) remember(memory, receive.increasing)
      send.destroy()
      receive.destroy()
    }
  }

  #report(seal: string, pair: Pair): void {
    const { meter } = this.#session.shared
    for (let i = pair.lost; i < pair.receive.lost && i < pair.lost + MOST_COUNTED; i++) meter.count('seal.lost', seal)
    pair.lost = pair.receive.lost
  }
}

/** The seals that a session has keys for; undefined where its schema seals nothing. */
export function sealsOf(session: SealsHost, secured: Secured | undefined): SessionSeals | undefined {
  const { plan, shared, context } = session
  const { seals } = plan.protocol
  if (seals.length === 0) return undefined
  const scope: KeyScope = {
    param: context.param,
    session: context.session,
    key: secured?.keys ?? {},
    peer: context.peer,
    local: context.local,
    frames: secured?.frames ?? {},
    clear: {},
    counter: 0n,
    publicKey: unknownKey,
    dh: unknownKey,
    random: context.random,
    now: context.now,
  }
  const pairs = new Map<string, Pair>()
  for (const descriptor of seals) {
    const keys = keysOf(descriptor, plan, secured, scope)
    if (keys === undefined) continue
    const sealPlan = new SealPlan(descriptor, shared.crypto)
    const made = (key: Uint8Array | KeyExpression, increasing?: Increasing): StreamSeal =>
      new StreamSeal({ plan: sealPlan, key, scope, increasing, clock: CLOCK })
    const memory = nameOf(descriptor, keys.receive, scope, plan)
    const increasing = memory === undefined ? undefined : MEMORY.get(memory)
    if (memory !== undefined) MEMORY.delete(memory)
    pairs.set(descriptor.name, {
      send: made(keys.send),
      receive: made(keys.receive, increasing),
      lost: increasing?.lost ?? 0,
      memory,
    })
  }
  secured?.noise?.send.fill(0)
  secured?.noise?.receive.fill(0)
  return new SessionSeals(session, pairs)
}

interface Keys {
  readonly send: Uint8Array | KeyExpression
  readonly receive: Uint8Array | KeyExpression
}

function keysOf(
  descriptor: SealDescriptor,
  plan: Plan,
  secured: Secured | undefined,
  scope: KeyScope,
): Keys | undefined {
  if (descriptor.key === 'handshake') {
    if (secured?.noise === undefined)
      throw new LocalError('NotBuilt', `seal.${descriptor.name}: there is no Noise handshake that gives it keys`)
    return { send: secured.noise.send, receive: secured.noise.receive }
  }
  const peers = plan.protocol.roles.filter(one => !plan.role.is.includes(one.name)).map(one => one.name)
  const keys = keysOfRoles(descriptor, plan.role.is, peers)
  if (keys === undefined || descriptor.keyedByClear) return keys
  return hasKey(keys.send, scope) ? keys : undefined
}

/** A key that comes from a param without a value is none: this side is blind. */
function hasKey(key: KeyExpression, scope: KeyScope): boolean {
  try {
    return key(scope) instanceof Uint8Array
  } catch (error) {
    if (typeof error === 'symbol') return false
    throw error
  }
}

/**
 * A stream whose frames must be newer than all before, also over reconnects: for as long as this process lives, by the key
 * that clear fields at rest would give. Connections at the same time count each for itself; the last one to end is
 * remembered.
 */
function nameOf(
  descriptor: SealDescriptor,
  key: Uint8Array | KeyExpression,
  scope: KeyScope,
  { protocol }: Plan,
): string | undefined {
  if (descriptor.replay?.by !== 'increasing') return undefined
  const rest: KeyScope = scopeWith(scope, { now: () => 0, random: length => new Uint8Array(length) })
  const clear = Object.fromEntries(descriptor.clear.map(({ name, fresh }) => [name, fresh?.(rest)]))
  const material = typeof key === 'function' ? key(scopeWith(rest, { clear })) : key
  return `${protocol.name}/${descriptor.name}/${Buffer.from(sha256(material)).toString('base64')}`
}

function remember(name: string, newest: Increasing): void {
  MEMORY.delete(name)
  MEMORY.set(name, newest)
  const [oldest] = MEMORY.keys()
  if (MEMORY.size > MOST_REMEMBERED && oldest !== undefined) MEMORY.delete(oldest)
}

function unknownKey(): never {
  throw new RangeError('key pairs of the handshake are gone')
}

const MEMORY = new Map<string, Increasing>()
const CLOCK = new GrowingClock()
/** Streams whose newest frame is remembered. */
const MOST_REMEMBERED = 65_536
/** Lost frames counted one by one for a single gap. */
const MOST_COUNTED = 65_536

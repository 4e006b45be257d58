// The relay: clients join a group as publisher, subscriber or observer, and from then on what publishers send goes to all
// subscribers of the group as it came. Who may do what, with which answer, is in the schema (config.ts).

import { randomFillSync, timingSafeEqual } from 'node:crypto'
import type { PeerError } from '../../core/errors.ts'
import { peerError } from '../../core/errors.ts'
import type { Meter } from '../../core/meter.ts'
import type { FramePlan, Rule } from '../../core/plan.ts'
import type { Session } from '../../core/session.ts'
import { sha256 } from '../../crypto/hash.ts'
import { StreamLink } from '../../drivers/stream-link.ts'
import type { Reader } from '../../wire/codec.ts'
import type { LivePeer } from '../live-peer.ts'
import type { SessionService } from '../session-service.ts'
import { type Boundary, boundaryOf } from './boundary.ts'
import type { Outcome, RelayPlan } from './config.ts'
import { RelayCounters } from './counters.ts'
import { type Admitted, type Hub, LocalHub, type Membership } from './hub.ts'
import { HOLD, PublisherIntake } from './intake.ts'
import { SubscriberQueue } from './queue.ts'
import { Subscriber } from './subscriber.ts'

/** A client of the relay. */
interface Client {
  /** Undefined before it has joined. */
  role: string | undefined
  member: Membership | undefined
}

export class RelayServer implements SessionService {
  readonly counters: RelayCounters
  readonly #plan: RelayPlan
  readonly #hub: Hub
  readonly #clients = new Map<Session, Client>()
  readonly #token: Uint8Array | undefined

  /** `params`: those of the hub. */
  constructor(
    plan: RelayPlan,
    params: Readonly<Record<string, unknown>>,
    meter: Meter | undefined,
    hub: Hub = localHub(plan),
  ) {
    this.#plan = plan
    meter?.gauge('relay.groups', () => hub.size)
    this.#hub = hub
    const { token } = plan.relay.observe ?? {}
    const secret = token === undefined ? undefined : params[token]
    this.#token = secret instanceof Uint8Array ? secret : undefined
    this.counters = new RelayCounters(hub)
  }

  opened(session: Session): boolean {
    this.counters.start(session.now)
    this.#clients.set(session, { role: undefined, member: undefined })
    return false
  }

  frame(session: Session, frame: Reader, plan: FramePlan, rule: Rule | undefined): 'taken' | 'busy' | 'free' {
    const { joinFrame, relay } = this.#plan
    const client = this.#clients.get(session)
    if (client === undefined) return 'free'
    if (plan === joinFrame && client.role === undefined) return this.#join(session, client, frame)
    const { observe } = relay
    if (rule?.reply.auto === 'service' && observe !== undefined && client.role === observe.role) {
      session.reply(session.now, this.counters.report(observe.report, session.now))
      return 'taken'
    }
    return 'free'
  }

  /** A client that says it is something unknown is told so, as far as it is the role that cannot be read. */
  error(session: Session, error: PeerError): void {
    const client = this.#clients.get(session)
    const { join } = this.#plan.relay
    if (client?.role !== undefined || join?.role === undefined || error.field !== join.role) return
    this.#answer(session, 'invalid_role')
  }

  closed(session: Session): undefined {
    const client = this.#clients.get(session)
    if (client === undefined) return
    this.#clients.delete(session)
    client.member?.leave()
    const { relay } = this.#plan
    if (client.role === relay.publish.role && client.member !== undefined)
      session.shared.meter.count('relay.publisher_left')
    if (client.role === relay.subscribe.role && client.member !== undefined) {
      this.counters.subscribers--
      session.shared.meter.count('relay.subscriber_left')
    }
  }

  #join(session: Session, client: Client, frame: Reader): 'taken' | 'busy' {
    const { relay } = this.#plan
    const value = frame.toObject()
    const role = relay.join?.role === undefined ? undefined : String(value[relay.join.role])
    const group = value[relay.join?.group ?? '']
    client.role = role
    if (role === relay.publish.role) return this.#publisher(session, client, keyOf(group))
    if (role === relay.subscribe.role) return this.#subscriber(session, client, keyOf(group))
    if (role !== undefined && role === relay.observe?.role) this.#observer(session, role, group)
    else this.#refuse(session, 'invalid_role')
    return 'taken'
  }

  #publisher(session: Session, client: Client, group: string): 'taken' | 'busy' {
    const link = linkOf(session)
    const admitted = this.#hub.publish(group, { resume: () => link.settle() })
    return this.#whenAdmitted(session, admitted, member => {
      client.member = member
      this.counters.groupsTotal++
      session.shared.meter.count('relay.publisher_joined')
      this.#enter(session, this.#plan.relay.publish.role)
      const { frame } = this.#plan
      const boundary = this.#boundary(session)
      link.connection.flow.intake = new PublisherIntake(session, boundary, member, frame.index, code =>
        session.fault(session.now, peerError('LimitExceeded', `what arrives is no ${frame.name}: ${code}`, FATAL)),
      )
    })
  }

  /** It is in the group before it is told so: nothing that comes afterwards is missed. */
  #subscriber(session: Session, client: Client, group: string): 'taken' | 'busy' {
    const link = linkOf(session)
    const { relay } = this.#plan
    const subscriber = new Subscriber(session, link, this.counters, relay)
    const admitted = this.#hub.subscribe(group, subscriber)
    return this.#whenAdmitted(session, admitted, member => {
      client.member = member
      this.counters.subscribers++
      session.shared.meter.count('relay.subscriber_joined')
      subscriber.joined(member)
      this.#enter(session, relay.subscribe.role)
      subscriber.start(new SubscriberQueue(relay.queue, this.#boundary(session), subscriber))
    })
  }

  #observer(session: Session, role: string, token: unknown): void {
    const { observe } = this.#plan.relay
    const isRight = this.#token === undefined ? observe?.ifNoToken === 'admit' : isToken(this.#token, token)
    if (isRight) this.#enter(session, role)
    else this.#refuse(session, 'bad_token')
  }

  #whenAdmitted(
    session: Session,
    admitted: Admitted | Promise<Admitted>,
    enter: (member: Membership) => void,
  ): 'taken' | 'busy' {
    const decide = (one: Admitted): void => {
      if (one.kind !== 'ok') this.#refuse(session, one.kind)
      else if (this.#clients.has(session)) enter(one.member)
      else one.member.leave()
    }
    if (!(admitted instanceof Promise)) {
      decide(admitted)
      return 'taken'
    }
    const { connection } = linkOf(session)
    connection.flow.intake = HOLD
    const done = (act: () => void): void => {
      connection.flow.intake = undefined
      act()
      ;(session.owner as LivePeer).done()
    }
    admitted.then(
      one => done(() => decide(one)),
      () =>
        done(() => session.abort('error', peerError('Unreachable', 'the hub of the relay cannot be reached', FATAL))),
    )
    return 'busy'
  }

  /** Tells a client that it is in, and everything else that it is to know before frames travel. */
  #enter(session: Session, role: string): void {
    const { relay, plan } = this.#plan
    session.context.dir = `${role}>${plan.role.name}`
    this.#answer(session, 'ok')
    for (let turns = 0; turns < MOST_TURNS; turns++) {
      const next = this.#toSay(session, role === relay.observe?.role)
      if (next === undefined) return
      session.send(session.now, next, {})
    }
  }

  /** A frame of the hub that leads on to the state in which frames travel. */
  #toSay(session: Session, isObserver: boolean): string | undefined {
    const { plan, frame } = this.#plan
    const { lifecycle } = session
    if (lifecycle.state === undefined || lifecycle.allows(frame)) return undefined
    const row = plan.states.get(lifecycle.state)?.row
    const names = Object.keys(row?.frames ?? {})
    if (isObserver && names.some(name => plan.byName.get(name)?.mayReceive)) return undefined
    return names.find(name => plan.byName.get(name)?.maySend)
  }

  #refuse(session: Session, outcome: Exclude<Outcome, 'ok'>): void {
    session.shared.meter.count('relay.refused', outcome)
    this.#answer(session, outcome)
    session.close(session.now, outcome)
  }

  #answer(session: Session, outcome: Outcome): void {
    const { answer } = this.#plan.relay
    const value = answer?.values[outcome]
    if (answer === undefined || value === undefined) return
    session.say(session.now, answer.frame, { [answer.field]: value })
  }

  #boundary(session: Session): Boundary {
    const codec = this.#plan.plan.protocol.codec()
    codec.context = { ...session.context, open: undefined, seal: undefined }
    return boundaryOf(this.#plan.plan, codec, this.#plan.frame.name)
  }
}

function localHub({ relay }: RelayPlan): LocalHub {
  const { frames, bytes } = relay.queue
  return new LocalHub({
    publishers: relay.publish.max,
    history: relay.subscribe.from === 'start' ? { frames, bytes } : undefined,
  })
}

/** Whatever type the field has that names the group. */
function keyOf(group: unknown): string {
  return group instanceof Uint8Array ? Buffer.from(group).toString('latin1') : String(group)
}

/** Compared by their hashes under a key of this process, so that the time says nothing, not even about the length. */
function isToken(secret: Uint8Array, given: unknown): boolean {
  return given instanceof Uint8Array && timingSafeEqual(sha256(PEPPER, secret), sha256(PEPPER, given))
}

function linkOf(session: Session): StreamLink {
  const { link } = session.owner as LivePeer
  if (!(link instanceof StreamLink)) throw new TypeError('a relay runs over streams')
  return link
}

const PEPPER = randomFillSync(new Uint8Array(32))
const FATAL = { fatal: true }
/** Frames that a hub says to a client before anything is relayed. */
const MOST_TURNS = 16

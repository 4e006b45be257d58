// A session as the transfers of its peer see it (runtime/channel/transfers.ts).

import type { TransferHost } from '../channel/transfers.ts'
import type { Carrier, Ticket } from './carrier.ts'
import type { Emission } from './emission.ts'
import { type PeerError, peerError } from './errors.ts'
import { type Instant, instant } from './machine.ts'
import type { FramePlan } from './plan.ts'
import { inputOf, type Plain } from './recast.ts'
import type { Requests } from './requests.ts'
import type { Session } from './session.ts'

export interface TransferEvents {
  settle(ticket: Ticket, error: PeerError | undefined): void
}

/** `requests`: those of the rule by which parts are acknowledged; ids of parts are ids of such requests. */
export function transferHost(
  session: Session,
  carrier: Carrier,
  emission: Emission,
  requests: Requests,
  events: TransferEvents,
): TransferHost<Ticket> {
  const { transport, maxFrame, byName } = session.plan
  const frameOf = (name: string): FramePlan => byName.get(name) as FramePlan
  return {
    source: session.address,
    most: Math.min(maxFrame, transport.maxSend ?? maxFrame),
    get hasRoom() {
      return carrier.hasRoom
    },
    get takes() {
      return session.takes
    },
    largestId: (frame, value) => requests.largestId(carrier.mirror(session), frameOf(frame), value),
    nextId: (frame, value) => requests.nextId(carrier.mirror(session), frameOf(frame), value),
    sizeOf: (frame, value) => carrier.codec(session).sizeOf(frame, value),
    write: (now, frame, value: Plain) => void emission.emit(now as Instant, frameOf(frame), value, true),
    copyOf: frame => inputOf(frame, carrier.mirror(session)),
    settle: (now, ticket, code) => {
      const text = code === 'Timeout' ? 'the transfer makes no progress' : 'the connection closed inside a transfer'
      events.settle(ticket, code && peerError(code, text))
      session.soonest(instant(now))
    },
  }
}

// Machines without sockets: a sink that records, and both kinds of endpoint in the simulated network.

import { BUSY, DONE, type Sink } from '../../runtime/core/carrier.ts'
import { DatagramEndpoint } from '../../runtime/core/datagram.ts'
import type { PeerError } from '../../runtime/core/errors.ts'
import { instant } from '../../runtime/core/machine.ts'
import type { Meter } from '../../runtime/core/meter.ts'
import { type FramePlan, plan, type Rule } from '../../runtime/core/plan.ts'
import type { ProtocolDescriptor, TransportDescriptor } from '../../runtime/core/protocol.ts'
import type { Session } from '../../runtime/core/session.ts'
import { type SharedOptions, shared } from '../../runtime/core/shared.ts'
import { StreamConnection } from '../../runtime/core/stream.ts'
import { Tally } from '../../runtime/metrics/tally.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import type { Reader } from '../../runtime/wire/codec.ts'
import { TCP, type TinyReader, UDP } from './tiny.ts'

export interface Got {
  readonly frame: string
  readonly payload: Uint8Array
  readonly from: string
}

export class Recorder implements Sink {
  readonly got: Got[] = []
  readonly errors: PeerError[] = []
  readonly strays: PeerError[] = []
  readonly closes: { readonly reason: string; readonly error: PeerError | undefined }[] = []
  opened = 0
  latest: Session | undefined
  /** What the application does with a frame; true = busy. */
  handle: ((session: Session, frame: TinyReader, rule: Rule | undefined) => boolean | void) | undefined

  open(session: Session): void {
    this.opened++
    this.latest = session
  }

  frame(session: Session, frame: Reader, _plan: FramePlan, rule: Rule | undefined): boolean {
    this.latest = session
    this.got.push({ frame: frame.frameName, payload: (frame as TinyReader).payload.slice(), from: session.address })
    return this.handle?.(session, frame as TinyReader, rule) ? BUSY : DONE
  }

  error(_session: Session, error: PeerError): void {
    this.errors.push(error)
  }

  stray(_address: string, error: PeerError): void {
    this.strays.push(error)
  }

  close(_session: Session, reason: string, error: PeerError | undefined): void {
    this.closes.push({ reason, error })
  }

  get names(): string[] {
    return this.got.map(one => one.frame)
  }
}

type Changes = Partial<Omit<SharedOptions, 'plan' | 'sink'>>

export interface End {
  readonly recorder: Recorder
  readonly tally: Tally
}

export function streamEnd(
  protocol: ProtocolDescriptor,
  side: 'dials' | 'accepts',
  transport: TransportDescriptor = TCP,
  changes: Changes = {},
): End & { readonly machine: StreamConnection; readonly session: Session } {
  const end = parts(protocol, side, transport, changes)
  const machine = new StreamConnection(end.shared, side === 'dials' ? 'b:1' : 'a:1', instant(0))
  return { ...end, machine, session: machine.session }
}

export function datagramEnd(
  protocol: ProtocolDescriptor,
  side: 'dials' | 'accepts',
  transport: TransportDescriptor = UDP,
  changes: Changes = {},
): End & { readonly machine: DatagramEndpoint } {
  const end = parts(protocol, side, transport, changes)
  return { ...end, machine: new DatagramEndpoint(end.shared, side === 'accepts') }
}

/** What several connections of one endpoint share. */
export function sharedEnd(
  protocol: ProtocolDescriptor,
  side: 'dials' | 'accepts',
): End & { readonly shared: ReturnType<typeof shared> } {
  return parts(protocol, side, TCP, {})
}

/** Settles a ticket into a log. */
export function outcome(ticket: { settle: unknown } | undefined): { done: boolean; error?: Error; reply?: object } {
  const result: { done: boolean; error?: Error; reply?: object } = { done: ticket === undefined }
  if (ticket !== undefined)
    ticket.settle = (error: Error | undefined, reply: object | undefined) => {
      result.done = true
      if (error) result.error = error
      if (reply) result.reply = reply
    }
  return result
}

function parts(
  protocol: ProtocolDescriptor,
  side: 'dials' | 'accepts',
  transport: TransportDescriptor,
  changes: Changes,
): End & { readonly shared: ReturnType<typeof shared> } {
  const recorder = new Recorder()
  const tally = new Tally(protocol.frames.length)
  const random = new SimRandom(1)
  const made = shared({
    plan: plan(protocol, transport, { side, params: changes.params ?? {} }),
    sink: recorder,
    random: n => random.bytes(n),
    meter: tally as Meter,
    ...changes,
  })
  return { recorder, tally, shared: made }
}

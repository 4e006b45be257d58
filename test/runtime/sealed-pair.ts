// Two stream machines of any protocol, joined by hand: bytes cross in portions of any size, and may be changed on the way.

import { DONE, type Sink } from '../../runtime/core/carrier.ts'
import type { PeerError } from '../../runtime/core/errors.ts'
import { instant } from '../../runtime/core/machine.ts'
import { plan } from '../../runtime/core/plan.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import type { Session } from '../../runtime/core/session.ts'
import { shared } from '../../runtime/core/shared.ts'
import { StreamConnection } from '../../runtime/core/stream.ts'
import { Tally } from '../../runtime/metrics/tally.ts'
import type { Reader } from '../../runtime/wire/codec.ts'

export class Notes implements Sink {
  readonly got: { readonly frame: string; readonly value: Record<string, unknown> }[] = []
  readonly errors: PeerError[] = []
  readonly closes: { readonly reason: string; readonly error: PeerError | undefined }[] = []
  opened = 0

  open(): void {
    this.opened++
  }

  frame(_session: Session, frame: Reader): boolean {
    this.got.push({ frame: frame.frameName, value: frame.toObject() })
    return DONE
  }

  error(_session: Session, error: PeerError): void {
    this.errors.push(error)
  }

  close(_session: Session, reason: string, error: PeerError | undefined): void {
    this.closes.push({ reason, error })
  }
}

export interface SealedEnd {
  readonly notes: Notes
  readonly machine: StreamConnection
  readonly session: Session
  readonly tally: Tally
  /** Everything that it has sent. */
  readonly sent: number[]
}

export interface EndOptions {
  readonly protocol: ProtocolDescriptor
  readonly role: string
  readonly side: 'dials' | 'accepts'
  readonly params?: Readonly<Record<string, unknown>>
  /** Where its secrets come from: the same seed, the same keys. */
  readonly seed?: number
}

export function sealedEnd({ protocol, role, side, params = {}, seed = 1 }: EndOptions): SealedEnd {
  const notes = new Notes()
  const tally = new Tally(protocol.frames.length)
  const [transport] = protocol.transports
  const state = shared({
    plan: plan(protocol, transport!, { role, side, params }),
    sink: notes,
    params,
    random: drawn(seed),
    meter: tally,
    epoch: 1_700_000_000_000,
  })
  const machine = new StreamConnection(state, side === 'dials' ? '127.0.0.1:1' : '127.0.0.1:2', instant(0))
  return { notes, machine, session: machine.session, tally, sent: [] }
}

export interface Crossing {
  readonly now?: number
  /** Bytes of a portion. */
  readonly portion?: number
  /** Changes what crosses; `from` 0 is the first end. */
  readonly change?: (bytes: Uint8Array, from: 0 | 1) => Uint8Array
}

/** Starts both and lets bytes cross until there are none. */
export function join(a: SealedEnd, b: SealedEnd, crossing: Crossing = {}): void {
  a.machine.start(instant(crossing.now ?? 0))
  b.machine.start(instant(crossing.now ?? 0))
  cross(a, b, crossing)
}

/** Lets bytes cross until there are none. */
export function cross(a: SealedEnd, b: SealedEnd, { now = 0, portion = 1 << 20, change }: Crossing = {}): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const [from, to, index] of [
      [a, b, 0],
      [b, a, 1],
    ] as const) {
      for (let run = from.machine.transmit(); run !== undefined; run = from.machine.transmit()) {
        moved = true
        from.sent.push(...run)
        const bytes = change === undefined ? run.slice() : change(run.slice(), index)
        from.machine.release(run)
        for (let at = 0; at < bytes.length; at += portion)
          to.machine.receive(instant(now), bytes.slice(at, at + portion))
      }
    }
  }
}

/** Bytes that look random, and are the same for the same seed. */
export function drawn(seed: number): (n: number) => Uint8Array {
  let state = seed
  return n => Uint8Array.from({ length: n }, () => (state = (state * 48_271) % 0x7fffffff) & 0xff)
}

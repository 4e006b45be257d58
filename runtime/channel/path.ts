// What all channels of a connection share: round-trip time, congestion window, bytes in flight, pacing. It says whether
// a governed message may go now, and judges what a loss means.

import { LocalError } from '../core/errors.ts'
import { Aimd } from '../reliability/aimd.ts'
import { type Congestion, INITIAL_DATAGRAMS } from '../reliability/congestion.ts'
import { Cubic } from '../reliability/cubic.ts'
import { NewReno } from '../reliability/newreno.ts'
import { Pacer } from '../reliability/pacer.ts'
import { RoundTrip } from '../reliability/round-trip.ts'
import type { CongestionName } from './host.ts'

export interface PathOptions {
  readonly congestion: CongestionName
  /** Bytes of a full datagram. */
  readonly datagram: number
  readonly handshakeRtt: number | undefined
  readonly tolerate: number
  /** Pacing by the round trip of the handshake holds something back: a shorter one, if it is proved, would let it go. */
  readonly held?: (() => void) | undefined
}

export class Path {
  roundTrip: RoundTrip
  congestion: Congestion | undefined
  /** Bytes of governed messages that are neither acknowledged nor taken for lost. */
  inFlight = 0
  /** The window or the pacer held something back since the last time everything could go. */
  limited = false
  readonly #options: PathOptions
  #pacer: Pacer
  /** Never paced as if round trips were shorter than this: the least that was seen of those a peer cannot shorten. */
  #floor: number
  /** Share of messages lost while nothing queued, over the last five hundred or so. */
  #unexplained = 0
  /** Taken for lost since the window shrank last, and how many of them arrived all the same. */
  #lost = 0
  #spurious = 0
  /** Least of the last few round trips: this handful and the one before. */
  #recent = Infinity
  #recentBefore = Infinity
  #handful = 0
  /** Least of this round, and how many there were; it ends when something arrives that was sent in it. */
  #round = Infinity
  #samples = 0
  #roundFrom = -Infinity

  constructor(options: PathOptions) {
    this.#options = options
    this.roundTrip = measured(options.handshakeRtt)
    this.#floor = options.handshakeRtt ?? 0
    this.#pacer = new Pacer(INITIAL_DATAGRAMS * options.datagram)
    this.congestion = controller(options.congestion, options.datagram)
  }

  /** Bytes that may be in flight. */
  get window(): number {
    return this.congestion?.window ?? Infinity
  }

  /** Bytes per millisecond. */
  get rate(): number {
    const { congestion, roundTrip } = this
    if (congestion === undefined || roundTrip.smoothed === undefined) return Infinity
    const gain = congestion.starting ? 2 : 1.25
    const { window } = congestion
    return Math.min((gain * window) / Math.max(roundTrip.smoothed, SHORTEST), window / Math.max(this.#floor, SHORTEST))
  }

  /** Whether a message of `bytes` may go now. */
  admits(now: number, bytes: number): boolean {
    if (this.congestion === undefined) return true
    if (this.#pacer.at > now) {
      if ((this.roundTrip.smoothed ?? Infinity) < this.#floor) this.#options.held?.()
      return false
    }
    return this.inFlight + bytes <= this.congestion.window || this.inFlight === 0
  }

  /** When the pacer lets the next go, where only the pacer is in the way; Infinity otherwise. */
  paceAt(bytes: number): number {
    if (this.congestion === undefined) return Infinity
    return this.inFlight + bytes <= this.congestion.window || this.inFlight === 0 ? this.#pacer.at : Infinity
  }

  sent(now: number, bytes: number): void {
    this.inFlight += bytes
    if (this.congestion === undefined) return
    const rate = this.rate
    if (rate !== Infinity) this.#pacer.sent(now, bytes, rate)
  }

  acked(now: number, bytes: number, sentAt: number): void {
    this.inFlight -= bytes
    this.#unexplained -= this.#unexplained / MEMORY
    this.congestion?.acked(now, bytes, sentAt, this.limited, this.roundTrip.smoothed ?? 0)
  }

  /** A round trip of something sent once. */
  sample(now: number, sentAt: number): void {
    const ms = Math.max(0, now - sentAt)
    this.roundTrip.sample(now, ms)
    this.#recent = Math.min(this.#recent, ms)
    if (++this.#handful === HANDFUL) {
      this.#handful = 0
      this.#recentBefore = this.#recent
      this.#recent = Infinity
    }
    this.#round = Math.min(this.#round, ms)
    this.#samples++
    if (sentAt >= this.#roundFrom) this.#endRound(now)
  }

  /** A round trip that the peer could not shorten: the handshake of a process that has just begun takes too long. */
  proved(ms: number): void {
    this.#floor = Math.min(this.#floor, ms)
  }

  /** Something is taken for lost. */
  lost(now: number, bytes: number, sentAt: number): void {
    this.inFlight -= bytes
    this.#lost++
    const { congestion } = this
    if (congestion === undefined) return
    const least = INITIAL_DATAGRAMS * this.#options.datagram
    const queues = this.#queues
    if (!queues) {
      this.#unexplained += (1 - this.#unexplained) / MEMORY
      if (this.#unexplained <= this.#options.tolerate || congestion.window <= least) return
    }
    const before = congestion.window
    congestion.lost(now, sentAt, queues ? 0 : least)
    if (congestion.window >= before) return
    this.#lost = 1
    this.#spurious = 0
  }

  /** What was taken for lost arrived after all. */
  spurious(): void {
    // Only when all that was lost since the window shrank has come after all.
    if (++this.#spurious === this.#lost) this.congestion?.undo()
  }

  /** What was in flight is forgotten: its channel ended. */
  forgotten(bytes: number): void {
    this.inFlight -= bytes
  }

  silent(now: number): void {
    this.congestion?.silent(now)
  }

  /** The peer is reached another way now: nothing that was measured holds any more. */
  moved(handshakeRtt: number | undefined): void {
    this.roundTrip = measured(handshakeRtt)
    this.#floor = handshakeRtt ?? 0
    this.congestion = controller(this.#options.congestion, this.#options.datagram)
    this.#pacer = new Pacer(INITIAL_DATAGRAMS * this.#options.datagram)
    this.#recent = this.#recentBefore = this.#round = Infinity
    this.#unexplained = 0
  }

  /** Queues that grow while the window doubles end the doubling, before they overflow (RFC 9406 section 4.2). */
  #endRound(now: number): void {
    const { least } = this.roundTrip
    if (this.congestion?.starting && this.#samples >= ENOUGH_SAMPLES)
      if (this.#round >= least + Math.min(16, Math.max(4, least / 8))) this.congestion.enough()
    this.#roundFrom = now
    this.#round = Infinity
    this.#samples = 0
  }

  /**
   * Whether datagrams of ours wait somewhere: three or more (Fu and Liew, "TCP Veno", 2003). On a radio link messages get
   * lost while nothing does, and sending less would not help; unless there are many, as before a very short queue. But then
   * a window with which anybody may begin is no less than enough.
   */
  get #queues(): boolean {
    const { least } = this.roundTrip
    const recent = Math.min(this.#recent, this.#recentBefore)
    if (!(recent < Infinity && least < Infinity)) return true
    return (this.window * (recent - least)) / recent >= BACKLOG * this.#options.datagram
  }
}

function measured(ms: number | undefined): RoundTrip {
  return ms === undefined ? new RoundTrip() : new RoundTrip({ smoothed: ms, variation: ms / 2 })
}

function controller(name: CongestionName, datagram: number): Congestion | undefined {
  switch (name) {
    case 'newreno':
      return new NewReno(datagram)
    case 'cubic':
      return new Cubic(datagram)
    case 'aimd':
      return new Aimd(datagram)
    case 'none':
      return undefined
    default:
      throw new LocalError('NotBuilt', `no engine runs congestion: ${name as string} yet; newreno, cubic and none do`)
  }
}

/** Milliseconds: a rate is not computed from less. */
const SHORTEST = 0.01
const MEMORY = 512
const BACKLOG = 3
const HANDFUL = 4
const ENOUGH_SAMPLES = 8

// The application's side of all sessions of an endpoint: calls handlers, feeds iterators, echoes, reports.

import { BUSY, DONE, type Sink } from '../core/carrier.ts'
import { LocalError, type PeerError } from '../core/errors.ts'
import { type StripOwn, stripOwn } from '../core/own-fields.ts'
import type { ConnectionState } from '../core/phases.ts'
import type { FramePlan, Plan, Rule } from '../core/plan.ts'
import { inputOf } from '../core/recast.ts'
import type { Session } from '../core/session.ts'
import type { Dispatch } from '../core/typed.ts'
import type { Reader } from '../wire/codec.ts'
import type { FrameQueue, Received } from './frame-queue.ts'
import type { LivePeer } from './live-peer.ts'
import type { AnyOptions } from './options.ts'
import type { SessionService } from './session-service.ts'

type Handler = (frame: Reader, peer: unknown) => unknown

/** The part of the options that is called. The peers it is called with are LivePeer. */
export type Callbacks = Pick<
  AnyOptions,
  'handlers' | 'onFrame' | 'onOpen' | 'onClose' | 'onState' | 'onError' | 'tap' | 'echo'
>

export class Application implements Sink {
  /** Frames for `for await`; not fed where handlers take them and nobody iterates. */
  readonly queue: FrameQueue<Received<LivePeer>>
  readonly peers: Set<LivePeer> = new Set()
  /** Of connections that are over. */
  readonly past: { framesIn: number; framesOut: number; bytesIn: number; bytesOut: number } = {
    framesIn: 0,
    framesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
  }
  readonly tap?: NonNullable<Sink['tap']>
  readonly #plan: Plan
  readonly #callbacks: Callbacks
  readonly #handlers: Readonly<Record<string, Handler | undefined>>
  readonly #dispatch: Dispatch | undefined
  /** By the index of the frame. */
  readonly #hasHandler: readonly boolean[]
  readonly #echoes: readonly boolean[]
  readonly #peerOf: (session: Session) => LivePeer
  readonly #service: SessionService | undefined
  #isQueueing: boolean
  #strip: StripOwn | undefined

  /** `peerOf` makes the peer of a session that opens, or finds it. */
  constructor(
    plan: Plan,
    callbacks: Callbacks,
    queue: FrameQueue<Received<LivePeer>>,
    peerOf: (session: Session) => LivePeer,
    service?: SessionService | undefined,
  ) {
    this.#service = service
    this.#plan = plan
    this.#callbacks = callbacks
    this.#peerOf = peerOf
    this.#handlers = (callbacks.handlers ?? {}) as Readonly<Record<string, Handler | undefined>>
    this.#hasHandler = plan.frames.map(frame => typeof this.#handlers[frame.name] === 'function')
    this.#dispatch = plan.protocol.dispatch?.[plan.role.name] as Dispatch | undefined
    this.#echoes = plan.frames.map(frame => echoes(plan, frame, callbacks.echo))
    this.queue = queue
    this.#isQueueing =
      callbacks.handlers === undefined && callbacks.onFrame === undefined && !this.#echoes.includes(true)
    const { tap } = callbacks
    if (tap !== undefined)
      this.tap = (session, direction, frame) => warned(() => tap(direction, frame, session.owner as never))
    for (const name of Object.keys(this.#handlers))
      if (!plan.byName.has(name))
        throw new LocalError(
          'UnknownFrame',
          `${plan.protocol.name} has no frame "${name}", but there is a handler for it`,
        )
  }

  /** From now on frames are kept for an iterator, beside handlers. */
  startQueueing(): void {
    this.#isQueueing = true
  }

  open(session: Session): void {
    const peer = this.#peer(session) as LivePeer
    this.peers.add(peer)
    const ready = (): void => {
      peer.began()
      this.#guard(peer, () => this.#callbacks.onOpen?.(peer as never))
    }
    if (!this.#service?.opened(session, ready)) ready()
  }

  frame(session: Session, frame: Reader, plan: FramePlan, rule: Rule | undefined): boolean {
    const peer = session.owner as LivePeer
    if (this.#service !== undefined) {
      const verdict = this.#service.frame(session, frame, plan, rule)
      if (verdict !== 'free') return verdict === 'busy' ? BUSY : DONE
    }
    let result: unknown
    try {
      if (this.#hasHandler[plan.index])
        result =
          this.#dispatch === undefined
            ? this.#handlers[plan.name]?.(frame, peer)
            : this.#dispatch(frame, this.#handlers, peer)
      else if (this.#callbacks.onFrame !== undefined) result = this.#callbacks.onFrame(frame, peer as never)
      else if (this.#echoes[plan.index]) result = this.#echo(peer, frame, rule)
      else if (!this.#isQueueing) return DONE
    } catch (error) {
      this.#failed(peer, error)
      return DONE
    }
    const isManual = rule !== undefined && (rule.reply.auto === undefined || rule.reply.auto === 'service')
    if (result === undefined && !this.#isQueueing) return DONE
    return this.#finish(peer, frame, result, isManual)
  }

  state(session: Session, state: ConnectionState): void {
    const { onState } = this.#callbacks
    if (onState === undefined) return
    const peer = this.#peer(session)
    if (peer !== undefined) warned(() => onState(peer as never, state))
  }

  error(session: Session, error: PeerError): void {
    this.#service?.error(session, error)
    warned(() => this.#callbacks.onError?.(error, session.owner as never, session.address))
  }

  stray(address: string, error: PeerError): void {
    warned(() => this.#callbacks.onError?.(error, undefined, address))
  }

  close(session: Session, reason: string, cause: PeerError | undefined): void {
    const peer = session.owner as LivePeer | undefined
    const error = this.#service?.closed(session) ?? cause
    if (peer === undefined) return
    this.peers.delete(peer)
    this.past.framesIn += session.framesIn
    this.past.framesOut += session.framesOut
    this.past.bytesIn += session.bytesIn
    this.past.bytesOut += session.bytesOut
    peer.ended({ reason, error })
    if (peer.isOpen) warned(() => this.#callbacks.onClose?.(peer as never, reason, error))
  }

  #peer(session: Session): LivePeer | undefined {
    session.owner ??= this.#peerOf(session)
    return session.owner as LivePeer | undefined
  }

  /** A promise holds the frame, a full queue too; a reply is sent. */
  #finish(peer: LivePeer, frame: Reader, result: unknown, isManual: boolean): boolean {
    const isPending = isPromise(result)
    let holds = isPending ? 1 : 0
    let reply: { readonly value: unknown } | undefined
    const release = (): void => {
      if (--holds === 0) this.#guard(peer, () => peer.done(reply))
    }
    if (this.#isQueueing && this.queue.push({ frame: frame.frameName, value: frame.toObject(), peer }, release)) holds++
    if (isPending)
      result.then(
        value => {
          if (isManual && value !== undefined) reply = { value }
          release()
        },
        error => {
          this.#failed(peer, error)
          release()
        },
      )
    else if (isManual && result !== undefined) this.#guard(peer, () => peer.session.reply(peer.now, result))
    return holds > 0 ? BUSY : DONE
  }

  /** Sends a frame back. What asks for an acknowledgement is not asked of the peer. */
  #echo(peer: LivePeer, frame: Reader, rule: Rule | undefined): unknown {
    if (rule === undefined && peer.session.repeat(peer.now, frame)) return undefined
    if (rule === undefined && peer.session.isSealed) {
      const same = frame.toObject()
      this.#strip ??= stripOwn(this.#plan.protocol)
      this.#strip(same)
      return peer.send(frame.frameName, same)
    }
    const input = inputOf(frame, this.#plan.protocol.codec())
    for (const bit of rule?.reply.ask ?? []) bit.set(input, false)
    return peer.send(frame.frameName, input)
  }

  /** A reply that the schema does not allow is a failure of the handler. */
  #guard(peer: LivePeer, call: () => void): void {
    try {
      call()
    } catch (error) {
      this.#failed(peer, error)
    }
  }

  /** A handler failed: that is a bug, or a value it did not expect. This connection cannot go on as if nothing happened. */
  #failed(peer: LivePeer, cause: unknown): void {
    const text = cause instanceof Error ? cause.message : String(cause)
    const error = new LocalError('HandlerFailed', `a handler failed: ${text}`, { cause })
    if (this.#callbacks.onError === undefined) process.emitWarning(error)
    else warned(() => this.#callbacks.onError?.(error, peer as never, peer.address))
    peer.session.close(peer.now, 'handler failed')
  }
}

/** What reports errors must not be the source of one in the middle of a machine. */
function warned(call: () => void): void {
  try {
    call()
  } catch (error) {
    process.emitWarning(error as Error)
  }
}

/** Frames that are sent back: those that carry something, and not what the runtime speaks by itself. */
function echoes(plan: Plan, frame: FramePlan, wanted: boolean | undefined): boolean {
  // A service is run by the side that serves: two that echo each other would never stop.
  const service = plan.side === 'accepts' ? plan.protocol.service : undefined
  const echo = service?.echo as { readonly frame?: string | undefined } | undefined
  if (wanted === false || (!wanted && echo === undefined)) return false
  if (!frame.maySend || !frame.mayReceive) return false
  if (echo?.frame !== undefined) return echo.frame === frame.name
  return (
    frame.descriptor.close === undefined &&
    frame.answerTo.length === 0 &&
    frame !== plan.tell &&
    frame.answeredBy.every(rule => rule.reply.when !== undefined)
  )
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

// Driving a handshake that hands a session over to another transport: on both sides a stream that ends when the keys are
// told, and behind it datagrams.

import { LocalError } from '../core/errors.ts'
import { type HandedOver, HandOver, type HandOverOptions } from '../core/hand-over.ts'
import { type HandOverPlaces, handOverPlaces } from '../core/hand-over-places.ts'
import type { KeyScope } from '../core/handshake-descriptor.ts'
import type { ProtocolDescriptor } from '../core/protocol.ts'
import { loop } from '../drivers/loop.ts'
import { StreamLink } from '../drivers/stream-link.ts'
import type { Connected } from '../drivers/transport.ts'

/** Undefined where a session is where its target is. */
export function handsOver(
  protocol: ProtocolDescriptor,
  transport: { readonly kind: string },
): HandOverPlaces | undefined {
  const places = handOverPlaces(protocol)
  return places !== undefined && places.from.kind === transport.kind ? places : undefined
}

/** One side of it over a connection; it begins with `start`. */
export class HandOverRun {
  readonly #machine: HandOver
  readonly #link: StreamLink<HandOver>
  readonly #connected: Connected

  constructor(connected: Connected, options: HandOverOptions) {
    this.#connected = connected
    this.#machine = new HandOver(options, connected.address, loop.now())
    this.#link = new StreamLink(this.#machine, events => connected.port(events))
  }

  start(): void {
    this.#link.open()
    this.#connected.start()
  }

  /** A packet for the peer. */
  carry(packet: Uint8Array): void {
    this.#machine.carry(packet)
    this.#link.soon()
  }

  /** It carries no packets any more. */
  leave(): void {
    this.#machine.leave(this.#link.now())
    this.#link.soon()
  }

  /** Also from inside `done`. */
  abort(): void {
    this.#machine.abort()
    this.#link.settle()
  }
}

/** The side that dials. Rejects with PeerError, or the reason of the signal. */
export function takeOver(
  connected: Connected,
  options: Omit<HandOverOptions, 'done' | 'failed'>,
  signal: AbortSignal | undefined,
): Promise<{ readonly handed: HandedOver; readonly run: HandOverRun }> {
  return new Promise((resolve, reject) => {
    const run = new HandOverRun(connected, {
      ...options,
      done: result => {
        signal?.removeEventListener('abort', onAbort)
        resolve({ handed: result, run })
      },
      failed: error => {
        signal?.removeEventListener('abort', onAbort)
        reject(error)
      },
    })
    function onAbort(): void {
      run.abort()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    else run.start()
  })
}

/** The port at which the session goes on. */
export function nextPort(
  places: HandOverPlaces,
  { session }: HandedOver,
  params: Readonly<Record<string, unknown>>,
): number {
  const { to, script } = places
  const port = Number(script.continuation?.port?.({ session, param: params } as KeyScope) ?? to.port)
  if (!(port > 0 && port <= 65_535))
    throw new LocalError('BadTarget', `the port that the handshake told, ${port}, is none`)
  return port
}

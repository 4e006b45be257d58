// The side that serves of a handshake that hands sessions over: a listener for streams, budgets for what is under way
// there, and an endpoint for datagrams that is told whom to expect.

import { type CarriedEndpoint, carriedAddress } from '../core/carried.ts'
import { type PeerError, peerError } from '../core/errors.ts'
import type { HandOverPlaces } from '../core/hand-over-places.ts'
import { Numbers } from '../core/numbers.ts'
import type { SecureEndpoint } from '../core/secure-endpoint.ts'
import type { Shared } from '../core/shared.ts'
import type { Connected } from '../drivers/transport.ts'
import type { DatagramLink } from '../drivers/udp.ts'
import { ConnectionTable } from '../guard/connections.ts'
import { HandOverRun } from './hand-over.ts'

export interface HandOverServerOptions {
  readonly places: HandOverPlaces
  /** Of the stage that hands keys out. */
  readonly shared: Shared
  /** Milliseconds. */
  readonly timeout: number
  readonly endpoint: SecureEndpoint
  /** The same, where packets may go inside streams. */
  readonly carried: CarriedEndpoint | undefined
  readonly link: DatagramLink
  /** Where datagrams arrive. */
  readonly port: number
}

/** One handshake: first the transport's own (TLS), then the steps. */
interface Admitted {
  readonly address: string
  run: HandOverRun | undefined
}

export class HandOverServer {
  readonly #options: HandOverServerOptions
  readonly #table: ConnectionTable<Admitted>
  readonly #begun = new Map<string, Admitted>()
  readonly #running = new Set<Admitted>()
  readonly #numbers: Numbers
  #isClosing = false

  constructor(options: HandOverServerOptions) {
    this.#options = options
    const { limits } = options.shared.plan.protocol
    const concurrent = options.places.script.concurrent ?? limits.handshakes
    this.#table = new ConnectionTable({
      ...limits,
      handshakes: Math.min(limits.handshakes, concurrent),
      overLimit: 'close',
    })
    this.#numbers = new Numbers()
  }

  /** Under way, those included that were handed their keys and have not been heard of since. */
  get handshakes(): number {
    return this.#table.handshakes + this.#options.endpoint.handshakes
  }

  /** A connection arrived; false: there is no room for its handshake. */
  begin(address: string): boolean {
    const admitted: Admitted = { address, run: undefined }
    if (this.#isClosing || !this.#admit(admitted)) return false
    this.#begun.set(address, admitted)
    return true
  }

  /** The transport's own handshake failed. */
  failed(address: string, reason: string): void {
    const admitted = this.#begun.get(address)
    this.#begun.delete(address)
    if (admitted !== undefined) this.#table.remove(admitted)
    this.#report(address, peerError('HandshakeFailed', reason))
  }

  /** The steps can begin. */
  accept(connected: Connected): void {
    const { address } = connected
    const admitted = this.#begun.get(address) ?? { address, run: undefined }
    const isNew = !this.#begun.delete(address)
    if (this.#isClosing || this.#numbers.isFull || (isNew && !this.#admit(admitted))) {
      this.#leave(admitted)
      connected.refuse()
      return
    }
    const { places, shared, timeout, endpoint, carried, link, port } = this.#options
    const way = carriedAddress(address)
    let wasUsed = false
    const number = this.#numbers.take()
    const free = (): void => {
      this.#numbers.free(number)
      carried?.detach(way)
      admitted.run?.leave()
    }
    shared.meter.count('handshake.begin')
    this.#running.add(admitted)
    admitted.run = new HandOverRun(connected, {
      shared,
      script: places.script,
      timeout,
      local: { port, number },
      drawId: () => endpoint.drawId(link.now()),
      carries: carried && {
        packet: (now, packet) => {
          wasUsed = true
          carried.arrived(now, way, packet)
          link.soon()
        },
        ended: now => {
          carried.detach(way)
          if (wasUsed) endpoint.streamEnded(now, way)
          link.soon()
        },
      },
      done: result => {
        this.#leave(admitted)
        carried?.attach(way, packet => admitted.run?.carry(packet))
        if (endpoint.expect(link.now(), { ...result, over: free })) {
          link.soon()
          return
        }
        free()
        admitted.run?.abort()
      },
      failed: error => {
        this.#leave(admitted)
        free()
        this.#report(address, error)
      },
    })
    admitted.run.start()
  }

  /** Takes no more, and drops what is under way. */
  close(): void {
    this.#isClosing = true
    for (const { run } of this.#running) run?.abort()
    this.#running.clear()
  }

  #admit(admitted: Admitted): boolean {
    const { meter } = this.#options.shared
    if (!this.#options.endpoint.hasRoomFor(admitted.address)) {
      meter.count('limit.handshakes')
      return false
    }
    const admission = this.#table.admit(admitted.address, admitted)
    if (admission.kind === 'admitted') return true
    meter.count(`limit.${admission.limit}`)
    return false
  }

  #leave(admitted: Admitted): void {
    this.#running.delete(admitted)
    this.#table.remove(admitted)
  }

  #report(address: string, error: PeerError): void {
    const { meter, sink } = this.#options.shared
    meter.count('handshake.failed', error.code)
    meter.count('error', error.code)
    sink.stray?.(address, error)
  }
}

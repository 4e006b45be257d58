// One run of a protocol in the simulated network: a server, clients that send, and what became of it all.

import type { Sink } from '../../runtime/core/carrier.ts'
import { datagramEndpoint } from '../../runtime/core/endpoint.ts'
import { instant } from '../../runtime/core/machine.ts'
import { resolveParams } from '../../runtime/core/params.ts'
import { plan } from '../../runtime/core/plan.ts'
import type { ProtocolDescriptor, TransportDescriptor } from '../../runtime/core/protocol.ts'
import type { Session } from '../../runtime/core/session.ts'
import { type Shared, shared } from '../../runtime/core/shared.ts'
import { StreamConnection } from '../../runtime/core/stream.ts'
import type { CryptoProvider } from '../../runtime/crypto/provider.ts'
import type { LinkOptions } from '../../runtime/sim/link.ts'
import type { SimNetwork } from '../../runtime/sim/network.ts'
import type { Params } from './params.ts'

export interface SimulationOptions {
  readonly protocol: ProtocolDescriptor
  readonly transport: TransportDescriptor
  readonly network: SimNetwork
  readonly crypto: CryptoProvider
  readonly params: readonly [client: Params, server: Params]
  readonly clients: number
  readonly frame: string
  readonly value: Record<string, unknown>
  readonly channel: string | undefined
  /** Frames that each client sends, and milliseconds between two of them. */
  readonly count: number
  readonly interval: number
  /** Milliseconds of virtual time at most. */
  readonly duration: number
}

/** What happened, summed over all clients. */
export interface Outcome {
  opened: number
  sent: number
  /** Taken by the client's session, but refused or dropped on the way out. */
  failed: number
  /** Frames that reached the server's application, and the clients'. */
  delivered: number
  answered: number
  closed: Record<string, number>
  errors: Record<string, number>
  /** Virtual milliseconds until everything was delivered and closed, or the time was over. */
  virtual: number
  isComplete: boolean
}

export class Simulation {
  readonly outcome: Outcome = {
    opened: 0,
    sent: 0,
    failed: 0,
    delivered: 0,
    answered: 0,
    closed: {},
    errors: {},
    virtual: 0,
    isComplete: false,
  }
  readonly #options: SimulationOptions
  #over = 0

  constructor(options: SimulationOptions) {
    this.#options = options
  }

  run(): Outcome {
    const { network, clients, duration } = this.#options
    const server = this.#side('accepts')
    if (this.#options.transport.kind === 'udp') this.#datagrams(server)
    else this.#streams(server)
    this.outcome.isComplete = network.runUntil(() => this.#over === clients, network.now + duration)
    this.outcome.virtual = network.now
    // What is still on its way arrives.
    network.run(network.now + AFTERMATH)
    return this.outcome
  }

  #datagrams(server: Shared): void {
    const { network, clients } = this.#options
    network.datagram(SERVER, datagramEndpoint(server, true))
    for (let i = 0; i < clients; i++) {
      const endpoint = datagramEndpoint(this.#side('dials'), false)
      const socket = network.datagram(`10.1.${i >> 8}.${i & 255}:5000`, endpoint)
      endpoint.connect(instant(network.now), SERVER)
      socket.touch()
    }
  }

  #streams(server: Shared): void {
    const { network, clients } = this.#options
    for (let i = 0; i < clients; i++) {
      const address = `10.1.${i >> 8}.${i & 255}:5000`
      const now = instant(network.now)
      const dialler = new StreamConnection(this.#side('dials'), SERVER, now)
      const acceptor = new StreamConnection(server, address, now)
      network.connect([address, dialler], [SERVER, acceptor])
    }
  }

  #side(side: 'dials' | 'accepts'): Shared {
    const { protocol, transport, network, crypto, params } = this.#options
    const given = params[side === 'dials' ? 0 : 1]
    const random = (n: number): Uint8Array => network.random.bytes(n)
    const planned = plan(protocol, transport, { side, params: given })
    const known = Object.fromEntries(Object.entries(given).filter(([name]) => isFor(protocol, planned.role.is, name)))
    const values = resolveParams(protocol, planned.role, known, { target: 'simulated', random })
    const final = plan(protocol, transport, { side, params: values })
    return shared({ plan: final, sink: this.#sink(side), params: values, random, crypto })
  }

  #sink(side: 'dials' | 'accepts'): Sink {
    const { outcome } = this
    const { network } = this.#options
    return {
      open: session => {
        if (side === 'accepts') return
        outcome.opened++
        network.at(network.now, () => this.#sendNext(session, 0))
      },
      frame: (session, frame, _plan, rule) => {
        if (side === 'dials') outcome.answered++
        else if (frame.frameName === this.#options.frame) outcome.delivered++
        if (rule !== undefined && rule.reply.auto === undefined) answer(session, network.now)
        return false
      },
      error: (_session, error) => count(outcome.errors, error.code),
      close: (_session, reason) => {
        if (side === 'accepts') return
        this.#over++
        count(outcome.closed, reason)
      },
      stray: (_address, error) => count(outcome.errors, error.code),
    }
  }

  #sendNext(session: Session, sent: number): void {
    const { network, frame, value, channel, count: all, interval } = this.#options
    if (session.phase !== 'open') return
    const now = instant(network.now)
    if (sent === all) {
      session.close(now)
      return
    }
    try {
      const ticket = session.send(now, frame, value, channel)
      this.outcome.sent++
      if (ticket !== undefined)
        ticket.settle = error => {
          if (error !== undefined) this.outcome.failed++
        }
    } catch (error) {
      this.outcome.failed++
      count(this.outcome.errors, (error as { code?: string }).code ?? 'Error')
    }
    network.at(network.now + interval, () => this.#sendNext(session, sent + 1))
  }
}

/** A request without an automatic answer gets the least that its schema takes, if that is nothing. */
function answer(session: Session, now: number): void {
  try {
    session.reply(instant(now), {})
  } catch {
    // The reply has fields that only an application knows: the client's request times out and is counted there.
  }
}

function isFor(protocol: ProtocolDescriptor, is: readonly string[], name: string): boolean {
  const needs = protocol.params.find(param => param.name === name)?.for ?? []
  return needs.length === 0 || needs.some(role => is.includes(role))
}

function count(table: Record<string, number>, name: string): void {
  table[name] = (table[name] ?? 0) + 1
}

/** What the network does to datagrams, from the flags of the command. */
export type Weather = Partial<LinkOptions>

const SERVER = '10.0.0.1:7000'
/** Milliseconds. */
const AFTERMATH = 2000

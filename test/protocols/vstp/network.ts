// Two or more peers of the generated protocol in the simulated network, and what happened to them.

import { createHash } from 'node:crypto'
import { type Sink, Ticket } from '../../../runtime/core/carrier.ts'
import { DatagramEndpoint } from '../../../runtime/core/datagram.ts'
import { type Batch, type DatagramMachine, type Instant, instant, NEVER } from '../../../runtime/core/machine.ts'
import { plan } from '../../../runtime/core/plan.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import type { Plain } from '../../../runtime/core/recast.ts'
import type { Session, Shared } from '../../../runtime/core/session.ts'
import { shared } from '../../../runtime/core/shared.ts'
import type { LinkOptions } from '../../../runtime/sim/link.ts'
import { SimNetwork, type SimSocket } from '../../../runtime/sim/network.ts'

export const SERVER = '10.0.0.1:6969'
export const CLIENT = '10.0.0.2:5000'

/** A frame as it was delivered. */
export interface Delivered {
  readonly at: number
  readonly frame: string
  readonly value: Record<string, unknown>
  readonly payload: Uint8Array
}

/** One side: an endpoint and a log of what its application saw. */
export class Party {
  readonly endpoint: DatagramEndpoint
  readonly socket: SimSocket
  readonly got: Delivered[] = []
  readonly errors: string[] = []
  readonly closes: string[] = []
  readonly sessions: Session[] = []
  /** Outcomes of sends that asked for an acknowledgement: their label, with the error where there was one. */
  readonly outcomes: string[] = []
  /** Frames that passed, in and out. */
  readonly seen: Record<'in' | 'out', Record<string, number>> = { in: {}, out: {} }
  readonly shared: Shared
  readonly #net: SimNetwork

  constructor(net: SimNetwork, protocol: ProtocolDescriptor, side: 'dials' | 'accepts', address: string) {
    this.#net = net
    const transport = protocol.transports.find(one => one.kind === 'udp')!
    const random = net.random.fork(address)
    this.shared = shared({
      plan: plan(protocol, transport, { side, params: {} }),
      sink: this.#sink(),
      random: n => random.bytes(n),
    })
    this.endpoint = new DatagramEndpoint(this.shared, side === 'accepts')
    this.socket = net.datagram(address, this.endpoint)
  }

  /** The only peer, or the one with this address. */
  peer(address?: string): Session {
    const found = this.sessions.find(one => address === undefined || one.address === address)
    if (found === undefined) throw new Error(`no session${address === undefined ? '' : ` with ${address}`} yet`)
    return found
  }

  connect(address: string): Session {
    const session = this.endpoint.connect(instant(this.#net.now), address)
    this.socket.touch()
    return session
  }

  /** Sends Data that asks for an acknowledgement; `label` turns up in `outcomes`. */
  sendAcked(to: Session, label: string, payload: Uint8Array, headers: Record<string, string> = {}): void {
    const value: Plain = { flags: ['req_ack'], headers: entries(headers), payload }
    const ticket = to.send(instant(this.#net.now), 'Data', value)
    if (!(ticket instanceof Ticket)) throw new Error('a send that asks for an acknowledgement gives a ticket')
    ticket.settle = error => this.outcomes.push(error === undefined ? label : `${label}: ${error.message}`)
    this.socket.touch()
  }

  send(to: Session, frame: string, value: Plain = {}): void {
    to.send(instant(this.#net.now), frame, value)
    this.socket.touch()
  }

  /** Bytes of half-received transfers. */
  transfersHeld(): number {
    let bytes = 0
    for (const table of this.shared.transfers.values()) bytes += table.bytes
    return bytes
  }

  /** Bytes of half-done messages. */
  piecesHeld(): number {
    let bytes = 0
    for (const table of this.shared.reassembly.values()) bytes += table.bytes
    return bytes
  }

  /** Data frames delivered so far. */
  get data(): Delivered[] {
    return this.got.filter(one => one.frame === 'Data')
  }

  payloads(): string[] {
    return this.data.map(one => Buffer.from(one.payload).toString('latin1'))
  }

  #sink(): Sink {
    return {
      open: session => this.sessions.push(session),
      frame: (_session, frame) => {
        const value = frame.toObject()
        this.got.push({ at: this.#net.now, frame: frame.frameName, value, payload: value.payload as Uint8Array })
        return false
      },
      error: (_session, error) => this.errors.push(error.code),
      close: (_session, reason) => this.closes.push(reason),
      tap: (_session, direction, frame) => {
        this.seen[direction][frame.frameName] = (this.seen[direction][frame.frameName] ?? 0) + 1
      },
    }
  }
}

/** Sends raw datagrams, from wherever it is told, and never listens. */
export class Stranger implements DatagramMachine {
  readonly deadline: Instant = NEVER
  readonly closed = false
  readonly #out: Uint8Array[] = []
  readonly #to: string

  constructor(to: string) {
    this.#to = to
  }

  send(bytes: Uint8Array): void {
    this.#out.push(bytes)
  }

  receive(): boolean {
    return false
  }

  unreachable(): void {}

  wake(): void {}

  transmit(): Batch | undefined {
    const slab = this.#out.shift()
    return slab && { slab, count: 1, offsets: [0], lengths: [slab.length], peers: [this.#to] }
  }

  release(): void {}
}

export interface Pair {
  readonly net: SimNetwork
  readonly server: Party
  readonly client: Party
  /** The client's view of the server. */
  readonly toServer: Session
}

/** A server and a client that has just been opened, with a link between them. */
export function pair(protocol: ProtocolDescriptor, seed: number, link: Partial<LinkOptions> = {}): Pair {
  const net = new SimNetwork({ seed, link })
  const server = new Party(net, protocol, 'accepts', SERVER)
  const client = new Party(net, protocol, 'dials', CLIENT)
  return { net, server, client, toServer: client.connect(SERVER) }
}

export function entries(headers: Record<string, string>): { key: Uint8Array; value: Uint8Array }[] {
  return Object.entries(headers).map(([key, value]) => ({ key: Buffer.from(key), value: Buffer.from(value) }))
}

/** Header entries as text, without those of the runtime. */
export function headersOf(delivered: Delivered): Record<string, string> {
  const list = delivered.value.headers as { key: Uint8Array; value: Uint8Array }[]
  const text = list.map(({ key, value }) => [Buffer.from(key).toString(), Buffer.from(value).toString()] as const)
  return Object.fromEntries(text.filter(([key]) => !OWNED.includes(key)))
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const OWNED = ['msg-id', 'frag-id', 'frag-index', 'frag-total', 'x-transfer', 'x-part', 'x-parts']

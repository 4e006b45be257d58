// Peers of protocols with sealed datagrams in the simulated network, what happened to them, and a way to stand between
// them: to see, hold back, change or forge what goes over the wire.

import { type Sink, Ticket } from '../../../runtime/core/carrier.ts'
import { datagramEndpoint, type Endpoint } from '../../../runtime/core/endpoint.ts'
import { type Batch, type DatagramMachine, type Instant, instant, NEVER } from '../../../runtime/core/machine.ts'
import { type Meter, NO_METER } from '../../../runtime/core/meter.ts'
import { resolveParams } from '../../../runtime/core/params.ts'
import { plan } from '../../../runtime/core/plan.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import type { Plain } from '../../../runtime/core/recast.ts'
import type { Session } from '../../../runtime/core/session.ts'
import { shared } from '../../../runtime/core/shared.ts'
import { node } from '../../../runtime/crypto/node.ts'
import type { CryptoProvider } from '../../../runtime/crypto/provider.ts'
import { chooseProvider } from '../../../runtime/native/choose.ts'
import type { LinkOptions } from '../../../runtime/sim/link.ts'
import { SimNetwork, type SimSocket } from '../../../runtime/sim/network.ts'

export const SERVER = '10.0.0.1:7000'
export const CLIENT = '10.0.0.2:5000'
export const STRANGER = '10.0.0.9:9000'

export const secretOf = (n: number): Uint8Array => new Uint8Array(32).fill(n)
export const publicOf = (n: number): Uint8Array => node.curve('25519').publicKey(secretOf(n))

export interface Delivered {
  readonly at: number
  readonly frame: string
  readonly value: Plain
}

/** What passed a machine on its way out. */
export interface Sent {
  readonly at: number
  readonly to: string
  readonly bytes: Uint8Array
}

/** Decides what becomes of a datagram on its way out: what is sent instead of it. */
export type Filter = (bytes: Uint8Array, to: string) => readonly Uint8Array[]

/** A machine with somebody between it and the network. */
class Observed implements DatagramMachine {
  readonly sent: Sent[] = []
  filter: Filter | undefined
  received = 0
  readonly #inner: DatagramMachine
  readonly #now: () => number

  constructor(inner: DatagramMachine, now: () => number) {
    this.#inner = inner
    this.#now = now
  }

  get deadline(): Instant {
    return this.#inner.deadline
  }

  get closed(): boolean {
    return this.#inner.closed
  }

  wake(now: Instant): void {
    this.#inner.wake(now)
  }

  receive(now: Instant, batch: Batch): boolean {
    this.received += batch.count
    return this.#inner.receive(now, batch)
  }

  unreachable(now: Instant, peer: string, reason: string): void {
    this.#inner.unreachable(now, peer, reason)
  }

  transmit(): Batch | undefined {
    for (;;) {
      const batch = this.#inner.transmit()
      if (batch === undefined) return undefined
      const all: { to: string; bytes: Uint8Array }[] = []
      for (let i = 0; i < batch.count; i++) {
        const start = batch.offsets[i]!
        const bytes = batch.slab.slice(start, start + batch.lengths[i]!)
        const to = batch.peers[i]!
        this.sent.push({ at: this.#now(), to, bytes })
        for (const one of this.filter?.(bytes, to) ?? [bytes]) all.push({ to, bytes: one })
      }
      this.#inner.release(batch)
      if (all.length > 0) return batchOf(all)
    }
  }

  release(): void {}
}

export function batchOf(all: readonly { readonly to: string; readonly bytes: Uint8Array }[]): Batch {
  const slab = new Uint8Array(all.reduce((sum, one) => sum + one.bytes.length, 0))
  let at = 0
  const offsets = all.map(({ bytes }) => {
    slab.set(bytes, at)
    at += bytes.length
    return at - bytes.length
  })
  return { slab, count: all.length, offsets, lengths: all.map(one => one.bytes.length), peers: all.map(one => one.to) }
}

export interface PartyOptions {
  readonly params?: Plain | undefined
  readonly crypto?: CryptoProvider | undefined
  readonly closeTimeout?: number | undefined
  readonly random?: ((n: number) => Uint8Array) | undefined
  /** Counts beside the log. */
  readonly meter?: Meter | undefined
}

/** One side: an endpoint and a log of what its application saw. */
export class Party {
  readonly endpoint: Endpoint
  readonly wire: Observed
  readonly socket: SimSocket
  readonly got: Delivered[] = []
  readonly errors: string[] = []
  readonly closes: { readonly reason: string; readonly code: string | undefined; readonly at: number }[] = []
  readonly sessions: Session[] = []
  /** Events by name, and by name and label. */
  readonly counts: Map<string, number> = new Map()
  /** What the application does with a frame. */
  handle: ((session: Session, frame: Plain, name: string) => void) | undefined
  readonly #net: SimNetwork

  constructor(
    net: SimNetwork,
    protocol: ProtocolDescriptor,
    side: 'dials' | 'accepts',
    address: string,
    options: PartyOptions = {},
  ) {
    this.#net = net
    const transport = protocol.transports.find(one => one.kind === 'udp')!
    const source = net.random.fork(address)
    const random = options.random ?? ((n: number): Uint8Array => source.bytes(n))
    const role = protocol.roles.find(one => one.transport === side)!
    const params = resolveParams(protocol, role, options.params ?? {}, { random })
    const state = shared({
      plan: plan(protocol, transport, { side, params }),
      sink: this.#sink(),
      params,
      random,
      crypto: options.crypto ?? chooseProvider(),
      meter: this.#meter(options.meter ?? NO_METER),
      closeTimeout: options.closeTimeout,
    })
    this.endpoint = datagramEndpoint(state, side === 'accepts')
    this.wire = new Observed(this.endpoint, () => net.now)
    this.socket = net.datagram(address, this.wire)
  }

  /** The only peer, or the one with this address. */
  peer(address?: string): Session {
    const found = this.sessions.find(one => address === undefined || one.address === address)
    if (found === undefined) throw new Error(`no session${address === undefined ? '' : ` with ${address}`} yet`)
    return found
  }

  connect(address: string = SERVER): Session {
    const session = this.endpoint.connect(instant(this.#net.now), address)
    this.socket.touch()
    return session
  }

  /** True when it was taken at once. */
  send(to: Session, frame: string, value: Plain = {}, channel?: string): boolean {
    const ticket = to.send(instant(this.#net.now), frame, value, channel)
    if (ticket instanceof Ticket) ticket.settle = error => error && this.errors.push(error.message)
    this.socket.touch()
    return ticket === undefined
  }

  close(session: Session): void {
    session.close(instant(this.#net.now))
    this.socket.touch()
  }

  /** What carries something for the application, of those delivered. */
  get data(): Delivered[] {
    return this.got.filter(one => one.frame !== 'Ping')
  }

  count(event: string): number {
    return this.counts.get(event) ?? 0
  }

  #sink(): Sink {
    return {
      open: session => this.sessions.push(session),
      frame: (session, frame) => {
        const value = frame.toObject()
        this.got.push({ at: this.#net.now, frame: frame.frameName, value })
        this.handle?.(session, value, frame.frameName)
        return false
      },
      error: (_session, error) => this.errors.push(error.code),
      close: (_session, reason, error) => this.closes.push({ reason, code: error?.code, at: this.#net.now }),
    }
  }

  #meter(inner: Meter): Meter {
    const add = (name: string): void => void this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
    return {
      received: (...one) => inner.received(...one),
      sent: (...one) => inner.sent(...one),
      bytesIn: (...one) => inner.bytesIn(...one),
      bytesOut: (...one) => inner.bytesOut(...one),
      roundTrip: ms => inner.roundTrip(ms),
      handshake: ms => inner.handshake(ms),
      gauge: (of, read) => inner.gauge(of, read),
      count: (event, label, size) => {
        inner.count(event, label, size)
        add(event)
        if (label !== undefined) add(`${event}:${label}`)
      },
    }
  }
}

/** Sends raw datagrams and keeps what comes back. */
export class Stranger implements DatagramMachine {
  readonly deadline: Instant = NEVER
  readonly closed = false
  readonly got: Uint8Array[] = []
  readonly socket: SimSocket
  #out: { to: string; bytes: Uint8Array }[] = []

  constructor(net: SimNetwork, address: string = STRANGER) {
    this.socket = net.datagram(address, this)
  }

  throw(bytes: Uint8Array, to: string = SERVER): void {
    this.#out.push({ to, bytes: Uint8Array.from(bytes) })
    if (this.#out.length >= 64) this.socket.touch()
  }

  wake(): void {}

  receive(_now: Instant, batch: Batch): boolean {
    for (let i = 0; i < batch.count; i++)
      this.got.push(batch.slab.slice(batch.offsets[i]!, batch.offsets[i]! + batch.lengths[i]!))
    return false
  }

  unreachable(): void {}

  transmit(): Batch | undefined {
    if (this.#out.length === 0) return undefined
    const all = this.#out
    this.#out = []
    return batchOf(all)
  }

  release(): void {}
}

export interface World {
  readonly net: SimNetwork
  readonly server: Party
  readonly client: Party
}

/** What a protocol of the tests is given: keys for both sides. */
export interface Kind {
  readonly protocol: ProtocolDescriptor
  readonly server: Plain
  readonly client: Plain
}

/** A server and a client that has not dialled yet. */
export function world(
  { protocol, ...params }: Kind,
  seed: number,
  link: Partial<LinkOptions> = { latency: 10 },
): World {
  const net = new SimNetwork({ seed, link })
  const server = new Party(net, protocol, 'accepts', SERVER, { params: params.server })
  const client = new Party(net, protocol, 'dials', CLIENT, { params: params.client })
  return { net, server, client }
}

/** Both sides open. */
export function opened(world: World, by = 20_000): { toServer: Session; toClient: Session } {
  const toServer = world.client.connect()
  const isOpen = world.net.runUntil(() => world.client.sessions.length > 0 && world.server.sessions.length > 0, by)
  if (!isOpen)
    throw new Error(`not open after ${by} ms (seed ${world.net.seed}): ${JSON.stringify(world.client.closes)}`)
  return { toServer, toClient: world.server.peer() }
}

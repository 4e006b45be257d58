// What a schema says before messages and around them, for the connections of a node: its handshake, run by the engine that
// runs those of sessions, and the seals that a handshake or params give keys for.

import { splitAddress } from '../../core/address.ts'
import { type Secured, StreamHandshake } from '../../core/handshake-stream.ts'
import { instant } from '../../core/machine.ts'
import { NO_METER } from '../../core/meter.ts'
import { type Plan, plan } from '../../core/plan.ts'
import type { ProtocolDescriptor, RoleDescriptor, TransportDescriptor } from '../../core/protocol.ts'
import type { Plain } from '../../core/recast.ts'
import { type SessionSeals, sealsOf } from '../../core/session-seals.ts'
import type { CryptoProvider } from '../../crypto/provider.ts'
import { chooseProvider } from '../../native/choose.ts'
import type { Context } from '../../wire/codec.ts'
import type { Agreed, ConnectionSide } from './codec.ts'
import { NodeError } from './errors.ts'
import type { Handshake } from './hooks.ts'

export interface SecurityOptions {
  readonly protocol: ProtocolDescriptor
  readonly transport: TransportDescriptor
  readonly role: RoleDescriptor
  readonly params: Readonly<Record<string, unknown>>
  /** What codecs of a connection know, but for what its handshake adds. */
  readonly context: Context
  /** Values for payloads of the handshake, by the name of their struct. */
  readonly payloads: Readonly<Record<string, object>>
  readonly accept: ((secured: Secured, address: string, side: ConnectionSide) => void) | undefined
}

/** The context of one connection, and what destroys its keys. */
export interface SecuredContext {
  readonly context: Context
  /** `context` for bytes that were opened where they lie and copied since. */
  readonly copied: Context
  readonly seals: SessionSeals
  /** The value with the fields that its seal owns. */
  readonly stamp: (frame: string, value: object) => object
}

export class Security {
  /** The hook; undefined where the schema has none. */
  readonly handshake: Handshake | undefined
  /** Whether each connection has keys of its own. */
  readonly isSealed: boolean
  readonly #options: SecurityOptions
  readonly #crypto: CryptoProvider = chooseProvider()
  readonly #plans: { readonly initiator: Plan | undefined; readonly responder: Plan | undefined }
  /** By what the handshake ended with, or by the connection where there is none. */
  readonly #contexts = new WeakMap<object, SecuredContext>()

  /** Throws LocalError NotBuilt for a handshake that no engine runs. */
  constructor(options: SecurityOptions) {
    const { protocol, transport, role, params } = options
    const script = protocol.handshake?.script
    this.#options = options
    this.isSealed = protocol.seals.length > 0
    const planned = (side: 'dials' | 'accepts'): Plan | undefined =>
      role.transport === side || role.transport === 'both'
        ? plan(protocol, transport, { role: role.name, side, params })
        : undefined
    const isNeeded = script !== undefined || this.isSealed
    this.#plans = {
      initiator: isNeeded ? planned('dials') : undefined,
      responder: isNeeded ? planned('accepts') : undefined,
    }
    if (script === undefined) return
    this.handshake = async stream => {
      const own = this.#plan(stream.side)
      const context = this.#contextOf(stream.address, stream.nodeName)
      const secured = await stream.run(
        send =>
          new StreamHandshake({
            script,
            // Time is kept by the hook's own bound.
            timeout: Infinity,
            plan: own,
            context,
            crypto: this.#crypto,
            payloads: options.payloads,
            send,
            passed() {},
          }),
      )
      options.accept?.(secured, stream.address, stream.side)
    }
  }

  /** Codecs of the connection use it; made once for each. */
  contextFor(address: string, side: ConnectionSide, agreed: Agreed | undefined): SecuredContext {
    const secured = agreed?.secured
    const owner = secured ?? agreed
    const known = owner && this.#contexts.get(owner)
    if (known !== undefined) return known
    const context = this.#contextOf(address, agreed?.nodeName ?? '')
    if (this.handshake !== undefined && secured === undefined)
      throw new NodeError('HandshakeFailed', 'there was no handshake on this connection')
    context.key = secured?.keys ?? {}
    const host = { plan: this.#plan(side), context, shared: { crypto: this.#crypto, meter: NO_METER } }
    const seals = sealsOf(host, secured) as SessionSeals
    context.open = seals.open
    context.seal = seals.seal
    const { byName } = host.plan
    const stamp = (frame: string, value: object): object => {
      const planned = byName.get(frame)
      return planned === undefined ? value : seals.prepare(instant(context.now()), planned, value as Plain)
    }
    const made = { context, copied: { ...context, open: seals.again }, seals, stamp }
    if (owner !== undefined) this.#contexts.set(owner, made)
    return made
  }

  #plan(side: ConnectionSide): Plan {
    const found = this.#plans[side]
    const { name } = this.#options.role
    if (found === undefined)
      throw new NodeError('Unsupported', `the role ${name} does not ${side === 'initiator' ? 'dial' : 'accept'}`)
    return found
  }

  #contextOf(address: string, name: string): Context {
    const { host, port } = splitAddress(address)
    return { ...this.#options.context, peer: { address: host, port }, local: { name } }
  }
}

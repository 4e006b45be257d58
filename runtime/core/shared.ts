// What all sessions of an endpoint share, made from its options.

import { Reassembly } from '../channel/reassembly.ts'
import type { TransferReceiver } from '../channel/transfer-receive.ts'
import { type TransferHead, transferReceiver } from '../channel/transfers.ts'
import { node } from '../crypto/node.ts'
import type { CryptoProvider } from '../crypto/provider.ts'
import { Duplicates } from '../reliability/duplicates.ts'
import type { Context } from '../wire/codec.ts'
import { splitAddress } from './address.ts'
import type { Sink } from './carrier.ts'
import type { ChannelPlan } from './channel-plan.ts'
import type { Address } from './machine.ts'
import { type Meter, NO_METER } from './meter.ts'
import { pieceFields } from './pieces.ts'
import type { Plan, Rule } from './plan.ts'
import type { Plain } from './recast.ts'

/** What sessions of one endpoint share. */
export interface Shared {
  readonly plan: Plan
  readonly sink: Sink
  readonly meter: Meter
  readonly params: Readonly<Record<string, unknown>>
  /** `n` random bytes of the quality that keys need. */
  readonly random: (n: number) => Uint8Array
  readonly crypto: CryptoProvider
  /** Unix milliseconds when the clock of the instants is at 0. */
  readonly epoch: number
  /** A full outbound queue: `send` waits, or is refused. */
  readonly overflow: 'wait' | 'reject'
  /** How long a graceful close may take, milliseconds. */
  readonly closeTimeout: number
  /** Values for payloads of the handshake, by the name of their struct. */
  readonly payloads: Readonly<Record<string, object>>
  /** Requests seen before, by rule. */
  readonly duplicates: ReadonlyMap<Rule, Duplicates<Uint8Array>>
  /** Half-done messages, by channel. */
  readonly reassembly: ReadonlyMap<string, Reassembly<Plain>>
  /** Parts of transfers, by channel. */
  readonly transfers: ReadonlyMap<string, TransferReceiver<TransferHead>>
  /** How frames carry the numbers of channels, once it was worked out. */
  readonly channels: { plan: ChannelPlan | undefined }
  /** Bytes that all peers together have waiting in here (`limits.memory`): unfinished frames, and frames for handlers. */
  readonly memory: { held: number; readonly most: number }
}

export interface SharedOptions {
  readonly plan: Plan
  readonly sink: Sink
  /** Complete: see `resolveParams`. */
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** `n` random bytes of the quality that keys need. */
  readonly random: (n: number) => Uint8Array
  readonly meter?: Meter | undefined
  /** Default: Node's. */
  readonly crypto?: CryptoProvider | undefined
  /** Unix milliseconds when the clock of the instants is at 0. Default 0. */
  readonly epoch?: number | undefined
  /** A full outbound queue: `send` waits, or is refused. Default wait. */
  readonly overflow?: 'wait' | 'reject' | undefined
  /** How long a graceful close may take, milliseconds. Default 5000. */
  readonly closeTimeout?: number | undefined
  readonly payloads?: Readonly<Record<string, object>> | undefined
}

export function shared(options: SharedOptions): Shared {
  const { plan } = options
  return {
    plan,
    sink: options.sink,
    meter: options.meter ?? NO_METER,
    params: options.params ?? {},
    random: options.random,
    crypto: options.crypto ?? node,
    epoch: options.epoch ?? 0,
    overflow: options.overflow ?? 'wait',
    closeTimeout: options.closeTimeout ?? 5000,
    payloads: options.payloads ?? {},
    duplicates: duplicates(plan),
    reassembly: reassembly(plan),
    transfers: transfers(plan),
    channels: { plan: undefined },
    memory: { held: 0, most: plan.protocol.limits.memory },
  }
}

function duplicates(plan: Plan): Map<Rule, Duplicates<Uint8Array>> {
  const { limits } = plan.protocol
  const tables = new Map<Rule, Duplicates<Uint8Array>>()
  for (const rule of plan.rules) {
    const { duplicates: wanted } = rule.reply
    if (wanted === undefined || !plan.frames.some(frame => frame.answeredBy.includes(rule))) continue
    const { window } = wanted
    tables.set(rule, new Duplicates({ window, sources: Math.max(1, limits.connections), bytes: limits.queue.bytes }))
  }
  return tables
}

function reassembly(plan: Plan): Map<string, Reassembly<Plain>> {
  const tables = new Map<string, Reassembly<Plain>>()
  if (plan.isStream || pieceFields(plan.protocol.channelHeader) === undefined) return tables
  for (const { name, fragment } of plan.protocol.channels)
    if (fragment !== undefined) tables.set(name, new Reassembly<Plain>(fragment))
  return tables
}

function transfers(plan: Plan): Map<string, TransferReceiver<TransferHead>> {
  const tables = new Map<string, TransferReceiver<TransferHead>>()
  if (plan.isStream) return tables
  for (const { name, transfer } of plan.protocol.channels)
    if (transfer !== undefined) tables.set(name, transferReceiver(transfer))
  return tables
}

/** What a codec knows at the beginning of a connection. */
export function freshContext(shared: Shared, address: Address, now: () => number): Context {
  const { plan, random, epoch, params } = shared
  const known = plan.protocol.session.filter(one => one.start !== undefined)
  return {
    dir: plan.incoming,
    state: plan.firstState,
    param: params,
    session: Object.fromEntries(known.map(one => [one.name, one.start])),
    key: NONE,
    peer: peerOf(address),
    local: NONE,
    random,
    now: () => Math.floor(epoch + now()),
  }
}

/** `peer.address` and `peer.port` in expressions. */
function peerOf(address: Address): Record<string, unknown> {
  const { host, port } = splitAddress(address)
  return { address: host, port }
}

const NONE = {}

// Values of frames that travel on channels: acknowledgements in them, the field that is cut, and memory to try them in.

import type { Acks, ChannelHost } from '../channel/host.ts'
import { ChannelSet } from '../channel/set.ts'
import type { ChannelPlan } from './channel-plan.ts'
import { LocalError } from './errors.ts'
import type { Plain } from './recast.ts'

/** Throws LocalError where the channels of a schema cannot run. */
export function requireChannels(plan: ChannelPlan): void {
  const { channels, numbers, mtu, pieceOverhead } = plan
  new ChannelSet({ channels, numbers, mtu, pieceOverhead, host: {} as ChannelHost<unknown> })
}

/** Writes an acknowledgement into a value. */
export function acknowledge(
  { header, isSeqWide, areBitsWide, numbers }: ChannelPlan,
  value: Plain,
  { ack, lo, hi }: Acks,
): void {
  header.ack_flag?.set(value, true)
  header.ack?.set(value, isSeqWide ? BigInt(ack) : ack)
  if (header.ack_bits === undefined || numbers.ackBits === 0) return
  header.ack_bits.set(value, areBitsWide ? (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0) : lo >>> 0)
}

/** The field that is cut. */
export function bytesOf(value: unknown, field: string): Uint8Array {
  if (value instanceof Uint8Array) return value
  throw new LocalError('NotBuilt', `a message is too large for one datagram, and ${field} is not bytes`)
}

let spare = new Uint8Array(2048)

/** Memory for what is encoded only to see whether it can be. */
export function scratch(size: number): Uint8Array {
  if (spare.length < size) spare = new Uint8Array(2 * size)
  return spare
}

// Packets inside a stream: each behind its length, two bytes, big-endian.

import type { Inbox } from './inbox.ts'
import type { Instant } from './machine.ts'
import type { Outbox } from './outbox.ts'

/** Who takes what comes through a stream behind its handshake. */
export interface CarryingHost {
  /** The memory is the host's. */
  packet(now: Instant, packet: Uint8Array): void
  /** Nothing more comes. */
  ended(now: Instant): void
}

/** Queues a packet, unless more than `most` bytes would wait: then it is dropped, as by a network. */
export function pack(outbox: Outbox, packet: Uint8Array, most: number): void {
  if (outbox.bytes + packet.length > most) return
  const bytes = outbox.reserve(LENGTH + packet.length)
  const { at } = outbox
  bytes[at] = packet.length >> 8
  bytes[at + 1] = packet.length & 255
  bytes.set(packet, at + LENGTH)
  outbox.commit(at + LENGTH + packet.length)
}

/** The next whole packet of what has arrived, in memory of its own; undefined when there is none. */
export function unpack(inbox: Inbox): Uint8Array | undefined {
  const { bytes, length } = inbox
  if (length < LENGTH) return undefined
  const end = LENGTH + (((bytes[0] as number) << 8) | (bytes[1] as number))
  if (length < end) return undefined
  const packet = bytes.slice(LENGTH, end)
  inbox.drop(end)
  return packet
}

const LENGTH = 2

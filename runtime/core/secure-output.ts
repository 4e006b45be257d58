// What an endpoint with sealed datagrams does for its connections on the way out: room, codecs, and frames that become packets.

import type { Codec } from '../wire/codec.ts'
import type { Address, Instant } from './machine.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecureSending } from './secure-sending.ts'
import type { Shared } from './shared.ts'

export abstract class SecureOutput {
  /** The driver sets it while the socket takes nothing; then `limits.queue.messages` counts. */
  isBlocked = false
  abstract readonly shared: Shared
  /** The latest time that anybody told. */
  abstract now: Instant
  protected abstract readonly sending: SecureSending

  /** Bytes that wait to be taken. */
  get queued(): number {
    return this.sending.packets.bytes
  }

  get hasRoom(): boolean {
    const { messages, bytes } = this.shared.plan.protocol.limits.queue
    const { packets } = this.sending
    return packets.bytes < bytes && (!this.isBlocked || packets.count < messages)
  }

  get lastBytes(): Uint8Array {
    return this.sending.lastBytes
  }

  get lastStart(): number {
    return this.sending.lastStart
  }

  get lastEnd(): number {
    return this.sending.lastEnd
  }

  sendClear(address: Address, frame: string, value: Plain, to: number): void {
    this.sending.sendClear(address, frame, value, to)
  }

  write(connection: SecureConnection, frame: FramePlan, value: object, size: number, isOwn = false): void {
    // Whoever sends brings the time with it: keys grow old while nothing arrives.
    const at = connection.session?.now
    if (at !== undefined && at > this.now) this.now = at
    this.sending.write(connection, frame, value, size, isOwn)
  }

  writeAgain(connection: SecureConnection, frame: Uint8Array): void {
    this.sending.writeAgain(connection, frame)
  }

  codecOf(connection: SecureConnection): Codec {
    return this.sending.codecOf(connection)
  }

  mirrorOf(connection: SecureConnection): Codec {
    return this.sending.mirrorOf(connection)
  }

  pin(): Codec {
    return this.sending.pin()
  }

  unpin(codec: Codec): void {
    this.sending.unpin(codec)
  }
}

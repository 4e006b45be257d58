// The way out of an endpoint with sealed datagrams: frames are encoded as text with room for a tag, wait in batches, and
// are sealed all at once when the driver takes a batch. So the number of a packet is the one with which it leaves.

import { SealBatch } from '../crypto/seal/seal-batch.ts'
import type { Codec, DecodeOptions, Malformed, Reader } from '../wire/codec.ts'
import { LocalError } from './errors.ts'
import type { Address, Batch, Instant } from './machine.ts'
import { compact, Packets, type TaggedBatch } from './packets.ts'
import type { FramePlan } from './plan.ts'
import type { Plain } from './recast.ts'
import { SealedCodec } from './sealed-codec.ts'
import type { SecureConnection } from './secure-connection.ts'
import type { SecurePlan } from './secure-plan.ts'
import { freshContext, type Shared } from './shared.ts'
import { LARGEST_DATAGRAM, NOTHING, SPARES } from './socket-bounds.ts'

export class SecureSending {
  /** Where the frame written last stands, as text. */
  lastBytes: Uint8Array = NOTHING
  lastStart = 0
  lastEnd = 0
  readonly packets: Packets<SecureConnection> = new Packets<SecureConnection>()
  /** For frames in both directions; the one of a frame that stays in use is set aside. */
  codec: SealedCodec
  /** A codec was set aside: what it reads must not be overwritten. */
  isPinned = false
  readonly #shared: Shared
  readonly #secure: SecurePlan
  readonly #most: number
  readonly #clear: SealedCodec
  #mirror: SealedCodec | undefined
  readonly #spares: SealedCodec[] = []
  readonly #sealing = new SealBatch(64)
  readonly #spent = new Set<SecureConnection>()

  constructor(shared: Shared, secure: SecurePlan, now: () => number) {
    const { transport, maxFrame } = shared.plan
    this.#shared = shared
    this.#secure = secure
    this.#most = Math.min(maxFrame, transport.maxSend ?? LARGEST_DATAGRAM, LARGEST_DATAGRAM)
    this.codec = this.#make()
    this.#clear = this.#make()
    this.#clear.context = { ...freshContext(shared, '', now), state: undefined }
  }

  codecOf(connection: SecureConnection): SealedCodec {
    const { codec } = this
    codec.peerId = connection.peerId
    if (connection.session !== undefined) codec.context = connection.session.context
    return codec
  }

  mirrorOf(connection: SecureConnection): SealedCodec {
    this.#mirror ??= this.#make()
    this.#mirror.peerId = connection.peerId
    if (connection.session !== undefined)
      this.#mirror.context = { ...connection.session.context, dir: undefined, state: undefined }
    return this.#mirror
  }

  pin(): Codec {
    const pinned = this.codec
    this.codec = this.#spares.pop() ?? this.#make()
    this.isPinned = true
    return pinned
  }

  unpin(codec: Codec): void {
    if (this.#spares.length < SPARES && codec instanceof SealedCodec) this.#spares.push(codec)
  }

  write(connection: SecureConnection, frame: FramePlan, value: object, size: number, isOwn: boolean): void {
    const { packets } = this
    const bytes = packets.reserve(size)
    const start = packets.at
    const codec = this.codecOf(connection)
    const end = isOwn
      ? codec.encodeOwn(frame.name, value as Plain, bytes, start)
      : codec.encode(frame.name, value, bytes, start)
    if (end - start > this.#most)
      throw new LocalError(
        'TooLarge',
        `${frame.name} has ${end - start} bytes, at most ${this.#most} fit into a datagram`,
      )
    packets.commit(connection.address, start, end, connection)
    this.lastBytes = bytes
    this.lastStart = start
    this.lastEnd = end
  }

  writeAgain(connection: SecureConnection, frame: Uint8Array): void {
    this.#put(connection.address, frame, connection)
  }

  /** A frame of the handshake, to whoever receives under the id `to`. */
  sendClear(address: Address, frame: string, value: Plain, to: number): void {
    this.#clear.peerId = to
    const bytes = new Uint8Array(this.#clear.sizeOf(frame, value))
    const end = this.#clear.encode(frame, value, bytes, 0)
    this.#put(address, bytes.subarray(0, end), undefined)
  }

  /** A datagram that is not sealed; undefined, and why in `clearFailure`. Borrowed until the next one. */
  decodeClear(bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Reader | undefined {
    return this.#clear.inner.decode(bytes, start, end, options)
  }

  get clearFailure(): Malformed | undefined {
    return this.#clear.failure
  }

  /** Those whose keys may seal no more, since the last call. */
  *spent(): Generator<SecureConnection> {
    for (const one of this.#spent) {
      this.#spent.delete(one)
      yield one
    }
  }

  /** The next batch, sealed. */
  take(now: Instant): Batch | undefined {
    for (;;) {
      const batch = this.packets.take()
      if (batch === undefined) return undefined
      this.#seal(now, batch)
      if (batch.count > 0) return batch
      this.packets.release(batch)
    }
  }

  #seal(now: Instant, batch: TaggedBatch<SecureConnection>): void {
    const { tags, offsets, lengths, count } = batch
    const sealing = this.#sealing
    let isWhole = true
    sealing.reset(batch.slab, now)
    for (let i = 0; i < count; i++) {
      const owner = tags[i]
      if (owner === undefined) continue
      const start = offsets[i] as number
      const { seal } = owner
      if (seal !== undefined && sealing.add(seal, start, start + (lengths[i] as number) - TAG) >= 0) continue
      lengths[i] = 0
      isWhole = false
      if (seal !== undefined) this.#spent.add(owner)
    }
    sealing.run()
    for (let i = 0; i < count; i++) if (tags[i] !== tags[i + 1]) tags[i]?.sealed(now)
    if (!isWhole) compact(batch)
  }

  #put(peer: Address, bytes: Uint8Array, tag: SecureConnection | undefined): void {
    const { packets } = this
    packets.reserve(bytes.length).set(bytes, packets.at)
    const { at } = packets
    packets.commit(peer, at, at + bytes.length, tag)
    this.lastBytes = packets.last
    this.lastStart = at
    this.lastEnd = at + bytes.length
  }

  #make(): SealedCodec {
    return new SealedCodec(this.#shared.plan.protocol.codec(), this.#secure.script.ids?.field)
  }
}

const TAG = 16

// A codec whose frames carry the id of the connection they belong to: what a caller leaves out is filled in, so that
// everything above it sees values without the fields that the engine owns. Sealed bytes are opened before they come
// here, and sealed after they have left: to this codec they are text with room for a tag.

import type { Codec, Context, DecodeOptions, Malformed, Reader } from '../wire/codec.ts'
import type { Accessor } from './protocol.ts'

export class SealedCodec implements Codec {
  readonly inner: Codec
  /** What the peer receives under. */
  peerId = 0
  readonly #id: Accessor | undefined
  /** Frames whose size can be told without the id. */
  readonly #sized = new Map<string, boolean>()

  constructor(inner: Codec, id: Accessor | undefined) {
    this.inner = inner
    this.#id = id
  }

  get frameNames(): readonly string[] {
    return this.inner.frameNames
  }

  get context(): Context {
    return this.inner.context
  }

  set context(context: Context) {
    this.inner.context = context
  }

  get needs(): number {
    return this.inner.needs
  }

  get failure(): Malformed | undefined {
    return this.inner.failure
  }

  decode(bytes: Uint8Array, start: number, end: number, options: DecodeOptions): Reader | undefined {
    return this.inner.decode(bytes, start, end, options)
  }

  sizeOf(frame: string, value: object): number {
    if (this.#id === undefined) return this.inner.sizeOf(frame, value)
    // Most sizes follow from the values that are there; then nothing has to be copied.
    let isSized = this.#sized.get(frame)
    if (isSized === undefined) {
      isSized = this.#isSizedWithoutId(frame, value)
      this.#sized.set(frame, isSized)
    }
    return this.inner.sizeOf(frame, isSized ? value : this.#addressed(value))
  }

  encode(frame: string, value: object, into: Uint8Array, at: number): number {
    return this.inner.encode(frame, this.#id === undefined ? value : this.#addressed(value), into, at)
  }

  /** As `encode`, for a value that may be changed. */
  encodeOwn(frame: string, value: Record<string, unknown>, into: Uint8Array, at: number): number {
    this.#id?.set(value, this.peerId)
    return this.inner.encode(frame, value, into, at)
  }

  #isSizedWithoutId(frame: string, value: object): boolean {
    try {
      this.inner.sizeOf(frame, value)
      return true
    } catch {
      return false
    }
  }

  #addressed(value: object): object {
    const given: Record<string, unknown> = { ...value }
    this.#id?.set(given, this.peerId)
    return given
  }
}

/** Hooks of a context whose packets are opened and sealed as a whole batch, elsewhere. The tag has 16 bytes. */
export const opened = (_seal: string, _bytes: Uint8Array, start: number, end: number): number => end - start - TAG
export const unsealed = (_seal: string, _bytes: Uint8Array, _start: number, end: number): number => end + TAG

const TAG = 16

// `seal` of a schema as the runtime runs it (docs/language, "Seal"): plain data, places as offsets from the start of the
// frame, so that a whole batch of packets can be opened before any of them is decoded.

import type { AeadName } from '../crypto/provider.ts'
import type { ByRole, KeyExpression, KeyValue } from './handshake-descriptor.ts'
import type { Accessor } from './protocol.ts'

/** An unsigned integer of whole bytes. */
export interface BytePlace {
  /** Offset from the start of the frame. */
  readonly at: number
  /** Bytes. */
  readonly size: number
  readonly little: boolean
}

/** Bits inside one byte: `(bytes[at] >> shift) & mask`. */
export interface BitPlace {
  readonly at: number
  readonly shift: number
  readonly mask: number
}

/** The pieces of a nonce in order. */
export type NoncePart =
  | { readonly is: 'bytes'; readonly bytes: Uint8Array }
  /** The low `size` bytes of the packet counter. */
  | { readonly is: 'counter'; readonly size: number; readonly little: boolean }
  /** Bytes of the frame as written. */
  | { readonly is: 'frame'; readonly at: number; readonly size: number }

/** Clear bytes at fixed places, in all frames that use the seal. */
export interface SealLayout {
  /** Where the sealed bytes begin, and bytes behind them (a trailer; mostly 0). */
  readonly sealedAt: number
  readonly behind: number
  /** The additional data, as offsets; equal for none. */
  readonly aadFrom: number
  readonly aadTo: number
  /** Whether a frame is sealed: the bits at `place` have one of these values. Undefined: all are. */
  readonly test: { readonly place: BitPlace; readonly values: readonly number[] } | undefined
}

export interface RekeyDescriptor {
  /** `renew`: the key expression gives another key because clear fields are drawn anew. */
  readonly by: 'ratchet' | 'handshake' | 'renew' | 'never'
  /** Packets under one key, milliseconds of one key. */
  readonly packets: number
  readonly age: number
  readonly phase: BitPlace | undefined
  readonly phaseField: Accessor | undefined
  readonly seen: BitPlace | undefined
  readonly seenField: Accessor | undefined
  /** The next key from `key.old`. */
  readonly derive: KeyExpression | undefined
  /** Milliseconds for which packets of the key before still open. */
  readonly rejectAfter: number
  /** Clear fields that are drawn anew: the key expression depends on them. */
  readonly renew: readonly string[]
  /** Keys of a peer that rekeys by itself: what to try when a packet does not open, and how many in a row. */
  readonly follow: readonly KeyExpression[]
  readonly trial: number
}

export interface ClearField {
  readonly name: string
  readonly place: BytePlace
  /** Its value where none is given (`?= now()`): how `renew` draws it anew. */
  readonly fresh: KeyValue | undefined
}

export interface SealDescriptor {
  readonly name: string
  readonly aead: AeadName
  /** `handshake`: the keys that a Noise handshake ends with. Else what each role seals with; a role without key is blind. */
  readonly key: 'handshake' | ByRole<KeyExpression>
  /** Whether the key is computed from clear fields, so that it may change from frame to frame. */
  readonly keyedByClear: boolean
  readonly tag: 'append' | 'prepend'
  /** Error of a packet that does not open. */
  readonly error: string
  /** Clear fields in front of the sealed bytes that the seal owns. */
  readonly clear: readonly ClearField[]
  /** The field that carries the packet counter, and its first value. */
  readonly counter: {
    readonly place: BytePlace | undefined
    readonly field: Accessor | undefined
    readonly start: number
  }
  readonly nonce: readonly NoncePart[]
  readonly layout: SealLayout | undefined
  readonly replay:
    | {
        readonly by: 'window'
        readonly size: number
        readonly only: readonly string[] | undefined
        /** Numbers begin again behind their last one, and old ones with them (profiles). */
        readonly wraps?: boolean | undefined
      }
    | { readonly by: 'increasing' }
    | undefined
  readonly rekey: RekeyDescriptor
  readonly rebind: 'never' | 'validated' | 'authenticated'
  /** The random field that must come back from a new address. */
  readonly probe: { readonly frame: string; readonly field: Accessor } | undefined
  readonly repeats: 'refused' | 'accepted'
  /** The plaintext is padded to a multiple of this many bytes. */
  readonly pad: number | undefined
  readonly once: boolean
  /** Frames sealed as a whole or in part. */
  readonly frames: readonly string[]
}

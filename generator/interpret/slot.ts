// The place of one field or group in a record that is being decoded.
import type { Field, Group } from '../model/model.ts'
import type { Region } from './fault.ts'
import type { Placed } from './placed.ts'
import type { Cursor } from './run.ts'

/** An `else` on the way outwards, and the region whose end it does not speak for. */
export interface Guard {
  readonly error: string | undefined
  readonly region: Region
}

export interface FieldSlot {
  readonly kind: 'field'
  readonly node: Field
  readonly present: boolean
  readonly start: number
  readonly end: number
  readonly guards: readonly Guard[]
  /** Absent fields have none. Computed ones (`from`) take no bytes. */
  readonly placed: Placed | undefined
  readonly cursor: Cursor
  done: boolean
}

export interface GroupSlot {
  readonly kind: 'group'
  readonly node: Group
  readonly present: boolean
  readonly start: number
  end: number
  readonly guards: readonly Guard[]
  /** Bytes of a group with an extent or a seal; what is sealed, or the plain text once it is open. */
  range: { start: number; end: number } | undefined
  seal: 'none' | 'closed' | 'open' | 'opaque'
  /** Where its nodes were laid out. */
  inside: Cursor | undefined
}

export type Slot = FieldSlot | GroupSlot

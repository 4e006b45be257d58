// The model: one protocol with one profile applied, every name resolved, every default filled in, every frame
// flattened. It is the only thing that the interpreter, the emitters, the docs and the dissector read; all
// arithmetic about layout has happened before. Definitions refer to each other by name through the maps below.

import type { BinaryOperator, Span, Varint } from '../language/ast.ts'

/** Where something is written. Lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

// ---------------------------------------------------------------------------------------------- expressions

/** The static type of an expression. */
export type ValueType =
  | { readonly kind: 'int' | 'float' | 'bool' | 'text' | 'bytes' | 'none' }
  | { readonly kind: 'enum' | 'bitset' | 'struct' | 'union'; readonly name: string }
  | { readonly kind: 'list'; readonly of: ValueType }

/**
 * A resolved expression. Integers are exact. Every node has its static type.
 * `field` names a field of the record that the expression stands in (records are flattened, so a frame's fields
 * and its envelope's are one scope); `parent` a field of the record around it.
 */
export type Expr = Span & { readonly type: ValueType } & (
    | { readonly is: 'int'; readonly value: bigint }
    | { readonly is: 'float'; readonly value: number }
    | { readonly is: 'bool'; readonly value: boolean }
    | { readonly is: 'text'; readonly value: string }
    | { readonly is: 'bytes'; readonly value: Uint8Array }
    /** The literal `none`: an empty list, text or byte string. */
    | { readonly is: 'none' }
    | { readonly is: 'enumValue'; readonly enum: string; readonly name: string; readonly value: bigint }
    | { readonly is: 'field'; readonly name: string }
    /** A field of the record around (`up` 1), of the record around that (`up` 2), and so on. */
    | { readonly is: 'parent'; readonly name: string; readonly up: number }
    /** A field of a named frame, `HsInit.conn_id`: only in handshakes, cookies and key schedules. */
    | { readonly is: 'frameField'; readonly frame: string; readonly path: readonly string[] }
    /** `item` (in `until`), `prev` (the item before; absent for the first), `remaining` (bytes left in the region),
     * `code` (in metrics and limits), `size` (in metrics), `counter` (in seals). */
    | { readonly is: 'special'; readonly name: 'item' | 'prev' | 'remaining' | 'code' | 'size' | 'counter' }
    /** `param.x session.x key.x peer.x local.x` and in key schedules `client.eph`. */
    | { readonly is: 'space'; readonly space: string; readonly name: string }
    /** A struct's field, a bit of a bit set (bool), a union member, or a well-known entry of a multimap. */
    | { readonly is: 'member'; readonly of: Expr; readonly name: string; readonly entry?: boolean }
    | { readonly is: 'index'; readonly of: Expr; readonly index: Expr }
    | { readonly is: 'if'; readonly test: Expr; readonly yes: Expr; readonly no: Expr }
    | { readonly is: 'not' | 'negate'; readonly of: Expr }
    | { readonly is: 'binary'; readonly operator: BinaryOperator; readonly left: Expr; readonly right: Expr }
    | { readonly is: 'in'; readonly of: Expr; readonly items: readonly { readonly from: Expr; readonly to: Expr }[] }
    /** `size(x)`, `crc32(..)`, `u16(x)`, ...; `next(T)` has `lookahead` instead of arguments. */
    | { readonly is: 'call'; readonly name: string; readonly args: readonly Expr[]; readonly lookahead?: Type }
    /** Bytes of fields in wire order, both ends included. An absent `to` with `open` means "to before this field".
     * Ends may be fields of a record around (`parent: true`); then an absent `to` means "to before the record in it
     * that holds this field". An end may also name a group. */
    | { readonly is: 'range'; readonly from?: RangeEnd; readonly to?: RangeEnd }
  )

export interface RangeEnd {
  readonly field: string
  readonly parent: boolean
  /** Records up: 0 = this one (`parent` is false), 1 = `parent.x`, 2 = `parent.parent.x`. Both ends have the same. */
  readonly up: number
}

// ---------------------------------------------------------------------------------------------------- types

export interface IntType {
  readonly kind: 'int'
  readonly signed: boolean
  readonly bits: number
  /** Least significant first: in whole bytes on a byte boundary the order of bytes, in bit fields that of bits. */
  readonly little: boolean
}

export type Extent =
  /** To the end of the enclosing region, less `tail` bytes: the fixed size of what stands behind in this record. */
  | { readonly by: 'rest'; readonly tail: number }
  /** The size stands in front, in this (integer or varint) type. */
  | { readonly by: 'prefix'; readonly type: Type }
  /** A constant or an expression over earlier fields. */
  | { readonly by: 'size'; readonly size: Expr }

export type Count =
  | { readonly by: 'rest'; readonly tail: number }
  | { readonly by: 'prefix'; readonly type: Type }
  | { readonly by: 'count'; readonly count: Expr }
  | { readonly by: 'until'; readonly test: Expr }
  | { readonly by: 'while'; readonly test: Expr }

export type Type =
  | IntType
  | { readonly kind: 'float'; readonly bits: 32 | 64; readonly little: boolean }
  | { readonly kind: 'bool' }
  | { readonly kind: 'bit'; readonly little: boolean }
  | { readonly kind: 'varint'; readonly coding: Varint /** most bytes */; readonly max: number }
  | { readonly kind: 'uint'; readonly size: Expr; readonly little: boolean }
  /** A number as text that fills its region. */
  | { readonly kind: 'number'; readonly base: 10 | 16; readonly of: IntType; readonly lenient: boolean }
  /** These two fill the region they stand in; a bare `bytes` was resolved into a region by rest. */
  | { readonly kind: 'bytes' }
  | { readonly kind: 'text'; readonly encoding: 'utf8' | 'ascii' | 'latin1' }
  | { readonly kind: 'region'; readonly of: Type; readonly extent: Extent }
  | { readonly kind: 'delimited'; readonly of: Type; readonly delimiter: Uint8Array }
  | { readonly kind: 'list'; readonly of: Type; readonly count: Count }
  /** Read at an earlier offset of the frame; not written. */
  | { readonly kind: 'at'; readonly of: Type; readonly offset: Expr }
  | { readonly kind: 'align'; readonly to: number }
  | { readonly kind: 'enum' | 'bitset' | 'struct'; readonly name: string }
  | { readonly kind: 'union'; readonly name: string; readonly tag?: Expr }

export interface Enum {
  readonly name: string
  readonly doc?: string
  readonly type: IntType | Extract<Type, { kind: 'varint' }>
  readonly values: readonly { readonly name: string; readonly value: bigint }[]
  /** `keep`, or the name of the error for any other number. */
  readonly unknown: string
  readonly place: Place
}

export interface Bitset {
  readonly name: string
  readonly doc?: string
  readonly type: IntType
  readonly bits: readonly { readonly name: string; readonly bit: number }[]
  readonly mask: bigint
  /** `keep`, `clear`, `empty`, or the name of an error. */
  readonly undefined: string
  readonly place: Place
}

export interface Struct {
  readonly name: string
  readonly doc?: string
  readonly body: Body
  readonly place: Place
}

export interface Variant {
  readonly name: string
  readonly doc?: string
  /** Tag values; empty for `other: true`, which takes every other tag and keeps it as `tag`. */
  readonly ids: readonly bigint[]
  readonly other: boolean
  /** A variant is one value (`{ is, value }`) or fields (`{ is, ...fields }`). */
  readonly value?: Type
  readonly body: Body
  readonly place: Place
}

export interface Union {
  readonly name: string
  readonly doc?: string
  /** The tag that is read in front; absent when the tag is passed in. */
  readonly tag?: Type
  /** Error for an unknown tag. */
  readonly error: string
  readonly variants: readonly Variant[]
  readonly place: Place
}

// --------------------------------------------------------------------------------------------------- fields

export interface Field {
  readonly kind: 'field'
  readonly name: string
  /** Begins with `_`: not in the TypeScript type, zero unless it has a value. */
  readonly hidden: boolean
  readonly doc?: string
  readonly type: Type
  /** Size in bits where it is the same in every frame; undefined where it varies or the field is conditional. */
  readonly bits?: number
  readonly if?: Expr
  /** True when `if` uses `next` or `remaining`: then it is not checked on encode, the value given decides. */
  readonly lookahead: boolean
  /** Not on the wire: computed from what was read (`from`). */
  readonly from?: Expr
  /** `= e`: written and required. */
  readonly value?: Expr
  /** `?= e` and `default:`: written unless given, not checked. */
  readonly fallback?: Expr
  /** This frame's `with: { field: e }`: written and required, checked after all fields. */
  readonly with?: { readonly value: Expr; readonly error: string }
  /** The field holds the frame's id. */
  readonly isId: boolean
  /** The runtime fills it in: callers of an application leave it out. */
  readonly filled?: true
  /** Frame's `match`: on encode the first of these is written unless given (one of them must be). */
  readonly match?: readonly Literal[]
  /** Frame's `match` on bits of a bit set. */
  readonly matchBits?: readonly { readonly bit: string; readonly value: boolean }[]
  /** The encoder fills this integer from the size or count of these later fields (all must agree). `scale`... none. */
  readonly derives?: readonly { readonly of: string; readonly how: 'size' | 'count' }[]
  readonly range?: { readonly min: bigint; readonly max: bigint }
  readonly max?: Expr
  /** `else Name`. */
  readonly error?: string
  readonly map?: Multimap
  readonly secret: boolean
  readonly scale?: number
  readonly unit?: string
  readonly time?: 'unix' | 'unix_ms' | 'fixed_1900'
  readonly display?: 'hex' | 'ip' | 'text' | 'uuid'
  /** How an integer of more than 53 bits is given to TypeScript. Default bigint. */
  readonly number?: 'number' | 'bigint' | 'pair'
  readonly origin: 'envelope' | 'frame' | 'struct' | 'clear'
  readonly place: Place
}

/** A list of entries with lookup by key. */
export interface Multimap {
  readonly key: string
  readonly value: string
  readonly duplicates: 'keep' | 'reject' | 'first' | 'last'
  /** Keys that differ only in the case of ASCII letters are equal. */
  readonly anyCase: boolean
  readonly entries: readonly {
    readonly name: string
    readonly key: Uint8Array | bigint
    readonly type: Type
    readonly place: Place
  }[]
}

/**
 * Fields that belong together: the frame's own fields inside the envelope, an inline struct, or a sealed run.
 * A group has no value of its own; its fields are fields of the record. With an `extent` it is a region that its
 * fields must fill exactly; with a `seal` its bytes are the output of the AEAD. A sealed group always has an extent:
 * rest, or on `self` framing the size of its content and the tag as far as it is known without opening.
 */
export interface Group {
  readonly kind: 'group'
  readonly name: string
  readonly if?: Expr
  readonly extent?: Extent
  readonly seal?: string
  /** In `Protocol.envelope`: where the frame's own fields would be. It has no nodes and its bytes are not looked at. */
  readonly opaque?: boolean
  readonly nodes: readonly Node[]
  readonly error?: string
  readonly place: Place
}

export type Node = Field | Group

export interface Rule {
  readonly test: Expr
  readonly error: string
  readonly place: Place
}

/** A list of fields with its rules: a struct, a variant, or a whole frame. Names are unique in it. */
export interface Body {
  readonly nodes: readonly Node[]
  /** Names checked first, in this order; `framing` marks the size limit and completeness. */
  readonly validate: readonly string[]
  readonly check: readonly Rule[]
  /** Whole size in bits where every frame has the same. */
  readonly bits?: number
  /** Whether any expression uses `parent.x`. */
  readonly usesParent: boolean
}

export type Literal = bigint | boolean | string

export interface Frame {
  readonly name: string
  readonly index: number
  readonly doc?: string
  /** Envelope and own fields in one list (own fields only when `bare`). */
  readonly body: Body
  readonly ids: readonly bigint[]
  /** Envelope values that select it. `path` is a field, or a field and a bit. */
  readonly match: readonly { readonly path: readonly string[]; readonly values: readonly Literal[] }[]
  /** `match: else`: fits where no other frame does. */
  readonly matchElse: boolean
  readonly bare: boolean
  /** sender>receiver; empty = every direction. */
  readonly dirs: readonly { readonly sender: string; readonly receiver: string }[]
  /** Empty = every state. */
  readonly states: readonly string[]
  readonly seal?: string
  /** Channel name, or `any`. */
  readonly channel?: string
  readonly learn: readonly { readonly name: string; readonly value: Expr }[]
  readonly repeat: number
  readonly close?: 'now' | 'after-flush'
  readonly max?: Expr
  readonly place: Place
}

// ------------------------------------------------------------------------------------------------- protocol

export interface ErrorDefinition {
  readonly name: string
  readonly text: string
  /** Undefined: fatal on streams, not on datagrams. */
  readonly fatal?: boolean
  /** Built-in errors that are reported under this name. */
  readonly covers: readonly string[]
  readonly doc?: string
}

export interface Role {
  readonly name: string
  readonly transport: 'dials' | 'accepts' | 'both'
  readonly kind?: string
  readonly anyOf: readonly string[]
}

export interface Param {
  readonly name: string
  readonly doc?: string
  readonly type: Type
  readonly secret: boolean
  /** Roles that need it; empty = all. */
  readonly for: readonly string[]
  /** Undefined: must be given. `none any generate target` are words, everything else a literal. */
  readonly fallback?: { readonly word: 'none' | 'any' | 'generate' | 'target' } | { readonly literal: unknown }
  readonly range?: { readonly min: bigint; readonly max: bigint }
  readonly place: Place
}

export interface SessionValue {
  readonly name: string
  readonly doc?: string
  readonly type: Type
  readonly start?: Expr
  readonly fallback?: unknown
  readonly max?: bigint
  readonly secret: boolean
  /** Milliseconds. */
  readonly lifetime?: number
}

export interface Example {
  readonly frame?: string
  readonly fields?: Readonly<Record<string, unknown>>
  readonly hex: string
  readonly error?: string
  readonly dir?: string
  readonly state?: string
  readonly stream?: boolean
  readonly decodeOnly: boolean
  readonly note?: string
  readonly place: Place
}

/** Seal as far as the codec needs it; the rest of its keys stay in `document.seal`. */
export interface Seal {
  readonly name: string
  readonly aead: 'aes-256-gcm' | 'aes-128-gcm' | 'chacha20-poly1305' | 'xchacha20-poly1305'
  /** Bytes the sealed form is longer than the plain one. */
  readonly overhead: number
  readonly tag: 'append' | 'prepend'
  readonly error: string
  readonly clear: readonly Node[]
  readonly nonce: readonly Expr[]
  /** One range, several parts, or none. */
  readonly aad: readonly Expr[]
  readonly place: Place
}

export interface Protocol {
  readonly name: string
  readonly version: number
  readonly doc?: string
  readonly profile?: string
  readonly profiles: readonly { readonly name: string; readonly doc?: string; readonly insecure: readonly string[] }[]
  readonly insecure: readonly string[]
  /** `endian: little` and `bit_order: lsb` of the file: what holds where a number does not say. */
  readonly little: boolean
  readonly lsb: boolean
  readonly file: string
  readonly errors: ReadonlyMap<string, ErrorDefinition>
  /** Built-in error name -> the name it is reported under (`covers`). */
  readonly covers: ReadonlyMap<string, string>
  readonly enums: ReadonlyMap<string, Enum>
  readonly bitsets: ReadonlyMap<string, Bitset>
  readonly structs: ReadonlyMap<string, Struct>
  readonly unions: ReadonlyMap<string, Union>
  readonly roles: ReadonlyMap<string, Role>
  readonly params: ReadonlyMap<string, Param>
  readonly session: ReadonlyMap<string, SessionValue>
  readonly seals: ReadonlyMap<string, Seal>
  readonly frames: ReadonlyMap<string, Frame>
  /** The envelope alone, its `frame` field an opaque group: what is checked when no frame fits. Undefined when all frames are bare. */
  readonly envelope?: Body
  /** Greatest nesting (`limits.depth`). */
  readonly depth: number
  readonly examples: readonly Example[]
  /**
   * The merged document as plain data, profile applied: what the behavioural sections (transports, states, replies,
   * channels, channel_header, handshake, seal, service, limits, on_error, metrics, learn) are normalised from.
   */
  readonly document: Readonly<Record<string, unknown>>
}

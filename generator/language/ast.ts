// The syntax trees of the two one-line languages inside a schema: type expressions and value expressions
// (docs/language, "Fields and types" and "Expressions"). Spans are offsets into the text that was parsed, so a
// diagnostic can point inside a YAML scalar. Names are not resolved here; generator/model does that.

export interface Span {
  readonly start: number
  readonly end: number
}

export type BinaryOperator =
  | 'or'
  | 'and'
  | '=='
  | '!='
  | '<'
  | '<='
  | '>'
  | '>='
  | '|'
  | 'xor'
  | '&'
  | '<<'
  | '>>'
  | '+'
  | '-'
  | '*'
  | '/'
  | '%'
  | '^'

/** A value expression as written. */
export type ExprSyntax = Span &
  (
    | { readonly is: 'int'; readonly value: bigint }
    | { readonly is: 'float'; readonly value: number }
    | { readonly is: 'bool'; readonly value: boolean }
    | { readonly is: 'text'; readonly value: string }
    | { readonly is: 'bytes'; readonly value: Uint8Array }
    | { readonly is: 'name'; readonly name: string }
    | { readonly is: 'member'; readonly of: ExprSyntax; readonly name: string }
    | { readonly is: 'index'; readonly of: ExprSyntax; readonly index: ExprSyntax }
    | { readonly is: 'if'; readonly test: ExprSyntax; readonly yes: ExprSyntax; readonly no: ExprSyntax }
    | { readonly is: 'not'; readonly of: ExprSyntax }
    | { readonly is: 'negate'; readonly of: ExprSyntax }
    | {
        readonly is: 'binary'
        readonly operator: BinaryOperator
        readonly left: ExprSyntax
        readonly right: ExprSyntax
      }
    | { readonly is: 'in'; readonly of: ExprSyntax; readonly items: readonly { from: ExprSyntax; to: ExprSyntax }[] }
    /** `next(T)` has `lookahead` instead of arguments. */
    | {
        readonly is: 'call'
        readonly name: string
        readonly args: readonly ExprSyntax[]
        readonly lookahead?: TypeSyntax
      }
    /** `a..b`, `a..`, `..b`, `..`: the bytes of fields in wire order, both ends included. An end in a record around
     * keeps its prefix: `parent.x`, `parent.parent.x`. */
    | { readonly is: 'range'; readonly from?: string; readonly to?: string }
  )

/** What bounds a region: `(..)`, `(u16)`, `(len)`. */
export type ExtentSyntax =
  | { readonly by: 'rest' }
  | { readonly by: 'prefix'; readonly type: TypeSyntax }
  | { readonly by: 'size'; readonly size: ExprSyntax }

export type CountSyntax =
  | { readonly by: 'rest' }
  | { readonly by: 'prefix'; readonly type: TypeSyntax }
  | { readonly by: 'count'; readonly count: ExprSyntax }
  | { readonly by: 'until'; readonly test: ExprSyntax }
  | { readonly by: 'while'; readonly test: ExprSyntax }

export type Varint = 'leb128' | 'sleb128' | 'zigzag' | 'vlq' | 'quic'

/** A type expression as written. */
export type TypeSyntax = Span &
  (
    | { readonly is: 'int'; readonly signed: boolean; readonly bits: number; readonly endian?: 'little' | 'big' }
    | { readonly is: 'float'; readonly bits: 32 | 64; readonly endian?: 'little' | 'big' }
    | { readonly is: 'bit'; readonly endian?: 'little' | 'big' }
    | { readonly is: 'bool' | 'bytes' | 'frame' }
    | { readonly is: 'text'; readonly encoding: 'utf8' | 'ascii' | 'latin1' }
    | { readonly is: 'varint'; readonly coding: Varint; readonly max: number }
    | { readonly is: 'uint'; readonly size: ExprSyntax; readonly endian: 'little' | 'big' }
    | { readonly is: 'number'; readonly base: 10 | 16; readonly of: TypeSyntax }
    | { readonly is: 'id'; readonly of: TypeSyntax }
    | { readonly is: 'align'; readonly to: number }
    | { readonly is: 'name'; readonly name: string; readonly args: readonly ExprSyntax[] }
    | { readonly is: 'region'; readonly of: TypeSyntax; readonly extent: ExtentSyntax }
    | { readonly is: 'delimited'; readonly of: TypeSyntax; readonly delimiter: ExprSyntax }
    | { readonly is: 'list'; readonly of: TypeSyntax; readonly count: CountSyntax }
    | { readonly is: 'at'; readonly of: TypeSyntax; readonly offset: ExprSyntax }
    | { readonly is: 'sealed'; readonly of: TypeSyntax; readonly seal: string }
  )

/** One field line: `TYPE [from e] [if e] [= e | ?= e] [else Name]`. */
export interface FieldSyntax {
  readonly type: TypeSyntax
  readonly from?: ExprSyntax
  readonly if?: ExprSyntax
  readonly value?: ExprSyntax
  readonly fallback?: ExprSyntax
  readonly error?: string
  /** Where the name of the error stands. */
  readonly errorSpan?: Span
}

/** A rule: `condition else Name`. */
export interface RuleSyntax {
  readonly test: ExprSyntax
  readonly error?: string
  readonly errorSpan?: Span
}

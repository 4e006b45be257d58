// What a decoded or refused frame looks like: as the JSON of the contract, and as text for people.

import type { Protocol } from '../../generator/model/model.ts'
import type { RefusedFrame } from './frames.ts'

export interface ErrorLine {
  readonly error: { readonly code: string; readonly message: string; readonly offset: number; readonly field: string }
}

export function errorLine(protocol: Protocol, { code, offset, field }: RefusedFrame): ErrorLine {
  return { error: { code, message: errorText(protocol, code), offset, field } }
}

/** The sentence of an error code: the schema's, or the one for what the language itself refuses. */
export function errorText(protocol: Protocol, code: string): string {
  return protocol.errors.get(code)?.text ?? BUILT_IN[code] ?? code
}

const BUILT_IN: Record<string, string> = {
  Truncated: 'the input ends inside the frame',
  TrailingBytes: 'bytes are left over behind the frame',
  TooLarge: 'the frame is larger than allowed',
  BadValue: 'a fixed or computed value is wrong',
  UnknownValue: 'a value that the enum or bit set does not have',
  UnknownVariant: 'a tag that the union does not have',
  UnknownFrame: 'no frame of the protocol fits',
  AmbiguousFrame: 'several frames fit: --frame, --dir or --state tells them apart',
  OutOfRange: 'a number outside its range',
  BadText: 'the text is not well-formed',
  BadNumber: 'the text is not a number in its plain form',
  BadBool: 'a bool that is neither 0 nor 1',
  BadReference: 'an offset that does not point backwards into the frame',
  Unterminated: 'the delimiter is missing',
  VarintTooLong: 'a variable-length number with too many bytes',
  TooMany: 'more items than allowed',
  SizeMismatch: 'a size or count that does not agree with its content',
  ConditionMismatch: 'a field that its condition rules out',
  CheckFailed: 'a rule of the schema does not hold',
  OpenFailed: 'the sealed bytes do not open',
  WrongState: 'the frame does not belong in this direction or state',
  LimitExceeded: 'a limit of the schema is exceeded',
}

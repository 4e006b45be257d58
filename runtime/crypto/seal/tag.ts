// Where the tag stands: ciphers want it behind the text, `tag: prepend` has it in front.

import { TAG_LENGTH } from '../provider.ts'

/** `bytes[from..to)` is tag and text; becomes text and tag. */
export function tagToBack(bytes: Uint8Array, from: number, to: number): void {
  const tag = bytes.slice(from, from + TAG_LENGTH)
  bytes.copyWithin(from, from + TAG_LENGTH, to)
  bytes.set(tag, to - TAG_LENGTH)
}

/** `bytes[from..to)` is text and tag; becomes tag and text. */
export function tagToFront(bytes: Uint8Array, from: number, to: number): void {
  const tag = bytes.slice(to - TAG_LENGTH, to)
  bytes.copyWithin(from + TAG_LENGTH, from, to - TAG_LENGTH)
  bytes.set(tag, from)
}

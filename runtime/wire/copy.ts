// Copies of bytes. `bytes.slice()` is no copy where the bytes are a Buffer: its `slice` is a view, and what drivers hand
// over are Buffers. So nothing in this project calls it to copy.

/** A copy of `bytes[start..end)`, always a plain Uint8Array with memory of its own. */
export function copyOf(bytes: Uint8Array, start = 0, end: number = bytes.length): Uint8Array {
  const copy = new Uint8Array(Math.max(0, end - start))
  copy.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
  return copy
}

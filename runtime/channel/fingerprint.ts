// FNV-1a over 32 bits (Fowler, Noll, Vo; draft-eastlake-fnv), to tell whether two payloads are likely the same. Not
// against somebody who wants them to collide: whoever can, can only suppress their own message.

export function fingerprint(bytes: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193)
  return hash >>> 0
}

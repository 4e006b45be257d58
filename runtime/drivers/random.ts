// Randomness for keys and ids: the system's. Small requests (a nonce for every frame) are served from a pool, because asking
// the system costs more than sealing; what was given is overwritten in the pool at once.

import { randomFillSync } from 'node:crypto'

export function randomBytes(n: number): Uint8Array {
  if (n > LARGEST_POOLED) return randomFillSync(new Uint8Array(n))
  if (left < n) {
    randomFillSync(POOL)
    left = POOL.length
  }
  left -= n
  const taken = POOL.slice(left, left + n)
  POOL.fill(0, left, left + n)
  return taken
}

const POOL = new Uint8Array(4096)
const LARGEST_POOLED = 32
let left = 0

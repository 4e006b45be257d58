// Peers that change their keys by themselves, without a word (profiles, `rekey: { follow, trial }`). A packet that does not
// open is tried with the keys that the peer would have if it had changed them at that packet's number, or a few before it
// in case those were lost. Both directions change together; our side never begins.

import type { PacketSeal } from './packet-seal.ts'
import { distance } from './places.ts'
import { derived } from './plan.ts'

/**
 * Opens the packet whose header begins at `frame`, in place, with the key in use or with one that follows it. Returns the
 * length of the plain text, or -1, and then the bytes are as they were.
 */
export function openFollowing(
  seal: PacketSeal,
  bytes: Uint8Array,
  frame: number,
  range: { readonly start: number; readonly end: number; readonly aadFrom: number; readonly aadTo: number },
  hi: number,
  lo: number,
  now: number,
): number {
  const { plan, receiving, sending, scope } = seal
  const { start, end } = range
  const nonce = new Uint8Array(plan.nonce.length)
  plan.nonce.write(nonce, 0, bytes, frame, hi, lo)
  const aad = bytes.slice(range.aadFrom, range.aadTo)
  const kept = bytes.slice(start, end)
  const length = receiving.keyOf(receiving.phase).open(nonce, aad, bytes, start, end)
  if (length >= 0) return length
  const { follow, trial } = plan.descriptor.rekey
  const [forReceiving, forSending] = follow
  for (let back = 0; back < trial && forReceiving !== undefined; back++) {
    bytes.set(kept, start)
    // What has opened already was sealed before the change.
    if (!seal.window.isEmpty && distance(hi, lo - back, seal.window.hi, seal.window.lo) <= 0) break
    const counter = (BigInt(hi) << 32n) + BigInt(lo) - BigInt(back)
    if (counter < 0n) break
    const key = derived(forReceiving, scope, receiving.secret, counter)
    const aead = plan.aead(key)
    const found = aead.open(nonce, aad, bytes, start, end)
    if (found >= 0) {
      receiving.replace(key, aead)
      if (forSending !== undefined) sending.replace(derived(forSending, scope, sending.secret, counter), now)
      return found
    }
    aead.destroy()
    key.fill(0)
  }
  bytes.set(kept, start)
  return -1
}

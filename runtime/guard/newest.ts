// What each peer has shown last in a field that must grow from one handshake to the next (`handshake.newer`), by its static
// key: a recorded first message then begins nothing, not even a computation for a peer that is not there. Kept for as long
// as the process lives, and for so many keys; those that were not seen for longest are forgotten.

export class NewestOfPeers {
  readonly #most: number
  readonly #values = new Map<string, number | bigint | string>()

  constructor(most: number = MOST) {
    this.#most = most
  }

  /** False: this key has shown the value before, or a higher one, or it is none that grows. */
  accept(staticKey: Uint8Array, value: unknown): boolean {
    const shown = ordered(value)
    if (shown === undefined) return false
    const name = hex(staticKey)
    const before = this.#values.get(name)
    if (before !== undefined && (typeof before === 'string') !== (typeof shown === 'string')) return false
    if (before !== undefined && !(shown > before)) return false
    this.#values.delete(name)
    this.#values.set(name, shown)
    const [oldest] = this.#values.keys()
    if (this.#values.size > this.#most && oldest !== undefined) this.#values.delete(oldest)
    return true
  }
}

/** Numbers as they are, bytes by their first difference (such as a TAI64N time); undefined for what has no order. */
function ordered(value: unknown): number | bigint | string | undefined {
  if (typeof value === 'number' || typeof value === 'bigint') return value
  return value instanceof Uint8Array ? hex(value) : undefined
}

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Some 10 MiB. */
const MOST = 65_536

// Which addresses cannot reach each other at the moment. A name is an address (`host:port`) or a host.

export class Partitions {
  readonly #cuts = new Set<{
    readonly a: ReadonlySet<string> | undefined
    readonly b: ReadonlySet<string> | undefined
  }>()

  /** Cuts everything between `a` and `b`, both ways; undefined means everybody. Returns what heals it. */
  cut(a: readonly string[] | undefined, b: readonly string[] | undefined): () => void {
    const cut = { a: a && new Set(a), b: b && new Set(b) }
    this.#cuts.add(cut)
    return () => void this.#cuts.delete(cut)
  }

  get any(): boolean {
    return this.#cuts.size > 0
  }

  separates(from: string, to: string): boolean {
    for (const { a, b } of this.#cuts) if ((has(a, from) && has(b, to)) || (has(b, from) && has(a, to))) return true
    return false
  }
}

function has(names: ReadonlySet<string> | undefined, address: string): boolean {
  return names === undefined || names.has(address) || names.has(hostOf(address))
}

/** `10.0.0.1` of `10.0.0.1:80`, `[::1]` of `[::1]:80`. */
export function hostOf(address: string): string {
  const colon = address.lastIndexOf(':')
  return colon < 0 || address.endsWith(']') ? address : address.slice(0, colon)
}

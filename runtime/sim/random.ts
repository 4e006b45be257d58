// Randomness that can be repeated: mulberry32 (Tommy Ettinger, public domain), 32 bits of state. For simulation and
// tests only; keys and ids of real connections come from the operating system.

export class SimRandom {
  readonly seed: number
  #state: number

  /** Only the low 32 bits of `seed` count. */
  constructor(seed: number) {
    this.seed = seed >>> 0
    this.#state = this.seed
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.#word() / 0x1_0000_0000
  }

  /** Uniform integer in [0, n). */
  below(n: number): number {
    return Math.floor(this.next() * n)
  }

  /** True with probability `p`. Draws nothing for 0. */
  chance(p: number): boolean {
    return p > 0 && this.next() < p
  }

  bytes(n: number): Uint8Array {
    const bytes = new Uint8Array(n)
    for (let i = 0; i < n; i += 4) {
      const word = this.#word()
      bytes[i] = word
      if (i + 1 < n) bytes[i + 1] = word >>> 8
      if (i + 2 < n) bytes[i + 2] = word >>> 16
      if (i + 3 < n) bytes[i + 3] = word >>> 24
    }
    return bytes
  }

  /** A generator of its own for a part of the simulation, so that one part does not disturb the draws of another. */
  fork(name: string): SimRandom {
    let hash = this.seed ^ 0x9e3779b9
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193)
    return new SimRandom(hash ^ (hash >>> 15))
  }

  #word(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
}

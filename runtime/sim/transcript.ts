// A running hash of everything that happened in a simulation: equal transcripts mean equal runs, byte for byte and
// millisecond for millisecond. Two 32-bit lanes with multiplications of murmur3; no cryptography.

export class Transcript {
  #a = 0x243f6a88
  #b = 0x85a308d3
  #events = 0
  readonly #float = new Float64Array(1)
  readonly #words = new Uint32Array(this.#float.buffer)

  /** Events so far. */
  get events(): number {
    return this.#events
  }

  /** 16 hex digits over all events so far. */
  get hash(): string {
    return hex(mix(this.#a ^ this.#events)) + hex(mix(this.#b + this.#events))
  }

  add(time: number, kind: number, from: string, to: string, bytes: Uint8Array): void {
    this.#events++
    this.#float[0] = time
    this.#word(this.#words[0] as number)
    this.#word(this.#words[1] as number)
    this.#word((kind << 24) ^ bytes.length)
    this.#text(from)
    this.#text(to)
    const whole = bytes.length & ~3
    for (let i = 0; i < whole; i += 4)
      this.#word(
        (bytes[i] as number) |
          ((bytes[i + 1] as number) << 8) |
          ((bytes[i + 2] as number) << 16) |
          ((bytes[i + 3] as number) << 24),
      )
    for (let i = whole; i < bytes.length; i++) this.#word(bytes[i] as number)
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#word(text.charCodeAt(i))
  }

  #word(word: number): void {
    const a = Math.imul(this.#a ^ word, 0xcc9e2d51)
    this.#a = (a << 13) | (a >>> 19)
    const b = Math.imul(this.#b + word, 0x1b873593)
    this.#b = ((b << 15) | (b >>> 17)) ^ this.#a
  }
}

function mix(word: number): number {
  let h = word
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

function hex(word: number): string {
  return word.toString(16).padStart(8, '0')
}

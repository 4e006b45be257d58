// Which of the newest numbers have arrived, for channels on which any may be missing for ever: a ring of bits below the
// highest (RFC 6479).

export class Seen {
  /** How far below the highest number is remembered. */
  static readonly SPAN = 1024
  #top = 0
  readonly #words: Int32Array = new Int32Array(WORDS)

  /** Remembers a number. False: it was there, or it is too old to tell. */
  add(number: number): boolean {
    const top = this.#top
    if (number > top) {
      const words = this.#words
      const from = Math.floor(top / 32)
      const to = Math.floor(number / 32)
      for (let block = Math.max(from + 1, to - WORDS + 1); block <= to; block++) words[block & (WORDS - 1)] = 0
      this.#top = number
    } else if (number < 1 || top - number >= Seen.SPAN) return false
    const at = Math.floor(number / 32) & (WORDS - 1)
    const bit = 1 << (number & 31)
    const word = this.#words[at] as number
    if ((word & bit) !== 0) return false
    this.#words[at] = word | bit
    return true
  }
}

/** A power of two that holds the span beside the word that is being filled. */
const WORDS = 64

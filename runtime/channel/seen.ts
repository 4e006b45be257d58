// Which of the newest numbers have arrived, for channels on which any may be missing for ever: a ring of bits below the
// highest (RFC 6479).

export class Seen {
  /** How far below the highest number is remembered. */
  static readonly SPAN = 1024
  #top = 0
  /** Made at the first gap: before it, all numbers up to the highest have arrived. */
  #words: Int32Array | undefined

  /** Remembers a number. False: it was there, or it is too old to tell. */
  add(number: number): boolean {
    const top = this.#top
    if (this.#words === undefined) {
      if (number <= top) return false
      if (number === top + 1) {
        this.#top = number
        return true
      }
      this.#words = filled(top)
    }
    const words = this.#words
    if (number > top) {
      const from = Math.floor(top / 32)
      const to = Math.floor(number / 32)
      for (let block = Math.max(from + 1, to - WORDS + 1); block <= to; block++) words[block & (WORDS - 1)] = 0
      this.#top = number
    } else if (number < 1 || top - number >= Seen.SPAN) return false
    const at = Math.floor(number / 32) & (WORDS - 1)
    const bit = 1 << (number & 31)
    const word = words[at] as number
    if ((word & bit) !== 0) return false
    words[at] = word | bit
    return true
  }
}

/** Everything up to `top` is there, nothing above it. */
function filled(top: number): Int32Array {
  const words = new Int32Array(WORDS).fill(-1)
  words[Math.floor(top / 32) & (WORDS - 1)] = (2 << (top & 31)) - 1
  return words
}

/** A power of two that holds the span beside the word that is being filled. */
const WORDS = 64

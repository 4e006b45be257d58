// Columns that somebody aligned by hand: values behind keys of one block that begin in the same column.

export class Aligned {
  readonly #starts: number[] = [0]
  /** Column of the value behind `key:` on each line, -1 where there is none. */
  readonly #columns: number[] = []
  /** Column of the key, so that lines of one block are known. */
  readonly #keys: number[] = []

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1)
    for (const line of text.split('\n')) {
      const [, lead = '', key = '', gap = ''] = /^( *(?:- )*)([^\s#'"{[][^\s:]*:)( +)\S/.exec(line) ?? []
      this.#columns.push(key === '' ? -1 : lead.length + key.length + gap.length)
      this.#keys.push(key === '' ? -1 : lead.length)
    }
  }

  /** Whether the value that begins at `offset` shares its column with another one of its block. */
  has(offset: number): boolean {
    const line = this.#lineOf(offset)
    const column = offset - this.#starts[line]!
    return this.#isShared(line, column, -1) || this.#isShared(line, column, 1)
  }

  startsLine(offset: number): boolean {
    return this.#starts[this.#lineOf(offset)] === offset
  }

  /** Looks up or down to the end of the block: to a key further out. */
  #isShared(line: number, column: number, step: 1 | -1): boolean {
    const own = this.#keys[line]!
    for (let other = line + step; other >= 0 && other < this.#keys.length; other += step) {
      const key = this.#keys[other]!
      if (key === own && this.#columns[other] === column) return true
      if (key >= 0 && key < own) return false
    }
    return false
  }

  #lineOf(offset: number): number {
    let low = 0
    let high = this.#starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.#starts[middle]! <= offset) low = middle
      else high = middle - 1
    }
    return low
  }
}

// Bytes on their way out of a stream machine. Frames are encoded straight into slabs; the driver takes runs of them,
// each many frames long, and gives the memory back once it is written. Slabs are used again.

/** Memory that frames are encoded into. */
interface Slab {
  readonly bytes: Uint8Array
  /** Behind the last frame. */
  end: number
  /** Behind what the driver has taken. */
  taken: number
  /** Runs the driver has not released. */
  out: number
}

export class Outbox {
  /** Bytes and frames that the driver has not taken. */
  bytes = 0
  frames = 0
  #slab: Slab = newSlab(0)
  /** Full slabs with something left to take, in order; `#slab` comes behind them. */
  readonly #full: Slab[] = []
  /** Slabs of released runs, in the order of `take`. */
  readonly #out: Slab[] = []
  readonly #free: Slab[] = []

  /** Memory with room for `size` bytes at `at`. Valid until the next call. */
  reserve(size: number): Uint8Array {
    const slab = this.#slab
    if (slab.bytes.length - slab.end >= size) return slab.bytes
    return this.#next(size).bytes
  }

  /** Where the reserved room begins. */
  get at(): number {
    return this.#slab.end
  }

  /** A frame stands in the reserved room up to `end`. */
  commit(end: number): void {
    const slab = this.#slab
    this.bytes += end - slab.end
    this.frames++
    slab.end = end
  }

  /** The next run, or undefined. Belongs to the driver until `release`. */
  take(): Uint8Array | undefined {
    const slab = this.#full[0] ?? this.#slab
    if (slab.taken === slab.end) return undefined
    const run = slab.bytes.subarray(slab.taken, slab.end)
    slab.taken = slab.end
    slab.out++
    this.#out.push(slab)
    if (slab !== this.#slab) this.#full.shift()
    this.bytes -= run.length
    if (this.bytes === 0) this.frames = 0
    return run
  }

  /** The oldest run not yet released has been written. */
  release(): void {
    const slab = this.#out.shift()
    if (slab === undefined) return
    slab.out--
    if (slab.out > 0 || slab.taken !== slab.end) return
    if (slab === this.#slab) slab.end = slab.taken = 0
    else this.#keep(slab)
  }

  /** Drops what was not taken. */
  clear(): void {
    this.#full.length = 0
    this.#slab = newSlab(0)
    this.#free.length = 0
    this.bytes = 0
    this.frames = 0
  }

  /** Lets go of memory that only a burst needed. */
  shrink(): void {
    this.#free.length = 0
    if (this.#slab.end === 0 && this.#slab.out === 0) this.#slab = newSlab(0)
  }

  #next(size: number): Slab {
    const old = this.#slab
    if (old.taken < old.end) this.#full.push(old)
    else if (old.out === 0) this.#keep(old)
    // Grows with what is sent: most connections are quiet.
    const wanted = Math.max(size, Math.min(SLAB, Math.max(SMALLEST, old.bytes.length * 2)))
    const at = this.#free.findIndex(slab => slab.bytes.length >= wanted)
    const [slab = newSlab(roundedUp(wanted))] = at < 0 ? [] : this.#free.splice(at, 1)
    slab.end = slab.taken = 0
    this.#slab = slab
    return slab
  }

  #keep(slab: Slab): void {
    const size = slab.bytes.length
    if (this.#free.length < SPARE && size >= SLAB && size <= LARGEST_SPARE) this.#free.push(slab)
  }
}

function newSlab(size: number): Slab {
  return { bytes: new Uint8Array(size), end: 0, taken: 0, out: 0 }
}

function roundedUp(size: number): number {
  return size > 2 ** 30 ? size : 2 ** Math.ceil(Math.log2(size))
}

const SMALLEST = 4096
const SLAB = 64 * 1024
/** Slabs kept for use again, and the largest of them. */
const SPARE = 3
const LARGEST_SPARE = 4 * 1024 * 1024

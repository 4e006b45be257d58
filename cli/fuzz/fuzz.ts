// Feeds a codec random and mutated frames and looks for anything that must not happen: an exception, a hang, a frame that
// decodes to what does not encode to the same bytes, a disagreement with the interpreter.

import type { Protocol } from '../../generator/model/model.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import type { Codec, Reader } from '../../runtime/wire/codec.ts'
import { toHex } from '../input/bytes.ts'
import { jsonLine } from '../output/json.ts'
import { Mutator } from './mutate.ts'
import { randomRecord } from './random-value.ts'

export interface Finding {
  readonly kind: 'threw' | 'differs' | 'slow'
  readonly message: string
  /** The frame. Decoding it again shows the same. */
  readonly hex: string
  readonly whole: boolean
  readonly dir?: string | undefined
  readonly state?: string | undefined
}

export interface Tally {
  frames: number
  decoded: number
  refused: number
  incomplete: number
  /** Frames that the interpreter decoded too. */
  compared: number
  /** Longest time for one block of frames, in milliseconds a frame. */
  slowest: number
}

export interface FuzzOptions {
  readonly seed: number
  /** Of so many frames one goes through the interpreter too. */
  readonly compareEvery: number
  /** Most findings before it stops. */
  readonly findings: number
}

/** A run over one protocol, taken in steps so that a caller can show progress and stop. */
export class Fuzz {
  readonly tally: Tally = { frames: 0, decoded: 0, refused: 0, incomplete: 0, compared: 0, slowest: 0 }
  readonly findings: Finding[] = []
  /** Error codes seen, with their number. */
  readonly codes: Map<string, number> = new Map()
  /** Valid frames that the mutations start from. */
  readonly corpus: readonly Uint8Array[]
  readonly #codec: Codec
  readonly #oracle: Codec
  readonly #mutator: Mutator
  readonly #random: SimRandom
  readonly #options: FuzzOptions
  readonly #situations: readonly Situation[]

  constructor(protocol: Protocol, codec: Codec, oracle: Codec, options: FuzzOptions) {
    this.#codec = codec
    this.#oracle = oracle
    this.#options = options
    this.#random = new SimRandom(options.seed)
    this.#situations = situations(protocol)
    this.corpus = this.#makeCorpus(protocol)
    this.#mutator = new Mutator(this.corpus, this.#random)
  }

  get done(): boolean {
    return this.findings.length >= this.#options.findings
  }

  /** Runs `count` more frames, or fewer when enough was found. */
  step(count: number): void {
    const { slab } = this.#mutator
    const start = performance.now()
    for (let i = 0; i < count && !this.done; i++) {
      if (this.tally.frames % 64 === 0) this.#turn()
      const length = this.#mutator.next()
      // Half as datagrams, half as they stand on a stream.
      const whole = (this.tally.frames & 1) === 0
      this.#one(slab, length, whole)
    }
    this.tally.slowest = Math.max(this.tally.slowest, (performance.now() - start) / count)
  }

  /** Another direction and state: which frames fit depends on them. */
  #turn(): void {
    const { dir, state } = this.#situations[this.#random.below(this.#situations.length)]!
    for (const { context } of [this.#codec, this.#oracle]) {
      context.dir = dir
      context.state = state
    }
  }

  /** The schema's examples, and random values of every frame that the encoders take. */
  #makeCorpus(protocol: Protocol): Uint8Array[] {
    const corpus: Uint8Array[] = protocol.examples.map(example => Uint8Array.from(Buffer.from(example.hex, 'hex')))
    for (const { name, body } of protocol.frames.values()) {
      for (let tries = 0, made = 0; tries < 200 && made < 20 && !this.done; tries++) {
        const bytes = this.#encodeBoth(name, randomRecord(body, protocol, this.#random))
        if (!bytes) continue
        corpus.push(bytes)
        made++
      }
    }
    return corpus
  }

  /** The frame as both encoders write it; undefined when they refuse it. Disagreement is a finding. */
  #encodeBoth(frame: string, value: object): Uint8Array | undefined {
    const left = tryEncode(this.#codec, frame, value)
    const right = tryEncode(this.#oracle, frame, value)
    const [shown, expected] = [left, right].map(result => (typeof result === 'string' ? result : toHex(result)))
    if (shown === expected) return typeof left === 'string' ? undefined : left
    const message = `${frame} ${jsonLine(value)}: generated ${shown}, interpreter ${expected}`
    this.findings.push({ kind: 'differs', message, hex: '', whole: true })
    return undefined
  }

  #one(slab: Uint8Array, length: number, whole: boolean): void {
    const { tally } = this
    const options = whole ? WHOLE : STREAM
    let reader: Reader | undefined
    try {
      reader = this.#codec.decode(slab, 0, length, options)
      // Every field is read: what is decoded lazily must not throw either.
      if (reader && (tally.frames & 7) === 0) reader.toObject()
    } catch (error) {
      this.#found('threw', String(error), slab, length, whole)
    }
    if (reader) tally.decoded++
    else if (this.#codec.failure) {
      tally.refused++
      const { code } = this.#codec.failure
      this.codes.set(code, (this.codes.get(code) ?? 0) + 1)
    } else tally.incomplete++
    if (tally.frames++ % this.#options.compareEvery === 0) this.#compare(reader, slab, length, whole)
  }

  #compare(reader: Reader | undefined, slab: Uint8Array, length: number, whole: boolean): void {
    this.tally.compared++
    try {
      const left = outcome(this.#codec, reader)
      const right = outcome(this.#oracle, this.#oracle.decode(slab, 0, length, whole ? WHOLE : STREAM))
      if (left !== right) this.#found('differs', `generated ${left}, interpreter ${right}`, slab, length, whole)
    } catch (error) {
      this.#found('threw', `interpreter: ${error}`, slab, length, whole)
    }
  }

  #found(kind: Finding['kind'], message: string, slab: Uint8Array, length: number, whole: boolean): void {
    const { dir, state } = this.#codec.context
    this.findings.push({ kind, message, hex: toHex(slab.subarray(0, length)), whole, dir, state })
  }
}

interface Situation {
  readonly dir: string | undefined
  readonly state: string | undefined
}

/** Every direction and state that frames mention, and none. */
function situations({ frames }: Protocol): Situation[] {
  const all = [...frames.values()]
  const dirs = new Set(all.flatMap(frame => frame.dirs.map(({ sender, receiver }) => `${sender}>${receiver}`)))
  const states = new Set(all.flatMap(frame => frame.states))
  return [undefined, ...dirs].flatMap(dir => [undefined, ...states].map(state => ({ dir, state })))
}

/** What a decode came to, as text: the fields, the error with its place, or the bytes that are missing. */
function outcome(codec: Codec, reader: Reader | undefined): string {
  if (reader) return `${reader.frameName} ${reader.byteEnd} ${jsonLine(sorted(reader.toObject()))}`
  const { failure, needs } = codec
  return failure ? `${failure.code} at ${failure.offset} ${failure.field}` : `needs ${needs}`
}

/** With keys in order: which one comes first is no part of a value. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}

/** The bytes, or the error code: values that break a rule between fields are refused, and that is no finding. */
function tryEncode(codec: Codec, frame: string, value: object): Uint8Array | string {
  const slab = new Uint8Array(MAX_FRAME)
  try {
    return slab.subarray(0, codec.encode(frame, value, slab, 0))
  } catch (error) {
    if (error instanceof RangeError) return 'too large'
    if (error instanceof Error && error.name === 'EncodeError') return (error as Error & { code: string }).code
    return `${error}`
  }
}

const WHOLE = { whole: true }
const STREAM = { whole: false, maxFrame: 1 << 24 }
const MAX_FRAME = 8192

// Every example is run (docs/language, "Examples"): its bytes decode to its fields or to its error, and the fields encode
// to its bytes. Sealed parts stand in examples as plain text.

import { type Codec, type Context, EncodeError } from '../../runtime/wire/codec.ts'
import type { Example, Protocol } from '../model/model.ts'
import { fieldsOf } from '../model/walk.ts'
import { difference, fromHex, plainFields, toHex } from './example-values.ts'
import type { Subject } from './subject.ts'

/** Makes a codec straight from the model. */
export type Interpret = (protocol: Protocol, context: Partial<Context>) => Codec

/** Runs all examples and reports those that do not hold. */
export function examples(subject: Subject, interpret: Interpret): void {
  for (const [index, example] of subject.protocol.examples.entries()) {
    const run = new Run(subject, interpret, example, index)
    const bytes = fromHex(example.hex)
    if (!bytes) run.fails('hex', 'this is no hex: two digits for each byte', 'blanks may stand between bytes')
    else if (run.decodes(bytes) && example.error === undefined && !example.decodeOnly) run.encodes(bytes)
  }
}

class Run {
  readonly #subject: Subject
  readonly #codec: Codec
  readonly #example: Example
  readonly #index: number

  constructor(subject: Subject, interpret: Interpret, example: Example, index: number) {
    this.#subject = subject
    this.#example = example
    this.#index = index
    this.#codec = interpret(subject.protocol, contextOf(subject, example))
  }

  /** Reports at a key of the example, or deeper in it. */
  fails(at: string | readonly string[], message: string, hint?: string, on: 'key' | 'value' = 'value'): void {
    this.#subject.document.report(['examples', this.#index, ...(typeof at === 'string' ? [at] : at)], {
      code: 'example',
      message,
      hint,
      on,
    })
  }

  /** False when it did not decode as the example says. */
  decodes(bytes: Uint8Array): boolean {
    const { frame, error, stream } = this.#example
    const copy = bytes.slice()
    const bare = frame !== undefined && this.#subject.protocol.frames.get(frame)?.bare === true
    const transport = transportOf(this.#subject, stream === true)
    const reader = this.#attempt('hex', () =>
      this.#codec.decode(copy, 0, copy.length, {
        whole: stream !== true,
        ...(transport?.trailing === 'ignore' ? { ignoreTrailing: true } : {}),
        ...(typeof transport?.maxFrame === 'number' ? { maxFrame: transport.maxFrame } : {}),
        ...(bare ? { frame } : {}),
      }),
    )
    if (reader === FAILED) return false
    const { failure } = this.#codec
    if (failure)
      return this.#refused(
        failure.code,
        `${failure.code} at byte ${failure.offset}${failure.field ? ` in ${failure.field}` : ''}`,
      )
    if (!reader) return this.#refused('', `more bytes are needed: ${this.#codec.needs}, here are ${bytes.length}`)
    if (error !== undefined) return this.#wrong('error', `this decodes as ${reader.frameName}, without an error`)
    if (frame !== undefined && reader.frameName !== frame) return this.#wrong('frame', `this is ${reader.frameName}`)
    return this.#agrees(reader.frameName, reader.toObject())
  }

  #refused(code: string, what: string): boolean {
    const { error } = this.#example
    if (error === undefined) return this.#wrong('hex', `this does not decode: ${what}`)
    return error === code || this.#wrong('error', `the error is ${code || 'none'}: ${what}`)
  }

  #agrees(frame: string, decoded: Record<string, unknown>): boolean {
    if (!this.#example.fields) return true
    const given = this.#fields(frame)
    const found = difference(this.#comparable(frame, given), this.#comparable(frame, decoded))
    if (!found) return true
    const at = ['fields', ...found.path.split(/[.[\]]+/).filter(Boolean)]
    if (found.decoded === 'nothing') {
      this.fails(at, `${frame} has no ${found.path} here`, undefined, 'key')
      return false
    }
    const quoted = found.decoded.startsWith('0x') && !found.given.startsWith('0x')
    this.fails(
      at,
      `${found.path} decodes as ${found.decoded}, not ${found.given}`,
      quoted ? `bytes stand in quotes: "${found.decoded}"` : undefined,
    )
    return false
  }

  encodes(bytes: Uint8Array): void {
    const { frame } = this.#example
    if (frame === undefined) return
    const into = new Uint8Array(bytes.length + ROOM)
    const end = this.#attempt('fields', () => this.#codec.encode(frame, this.#fields(frame), into, 0))
    if (end === FAILED) return
    const written = toHex(into.subarray(0, end))
    if (written !== toHex(bytes))
      this.fails('hex', `the fields encode to ${written}`, 'decode_only: true, if several spellings are allowed')
  }

  #fields(frame: string): Record<string, unknown> {
    const { protocol } = this.#subject
    return plainFields(protocol.frames.get(frame)!.body, this.#example.fields ?? {}, protocol)
  }

  /** Bit sets as numbers, whether they were given as names or not. */
  #comparable(frame: string, value: Record<string, unknown>): Record<string, unknown> {
    const { protocol } = this.#subject
    const names = protocol.frames.get(frame)!.body.nodes
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, bitsOf(protocol, names, key, one)]))
  }

  #attempt<T>(key: string, run: () => T): T | typeof FAILED {
    try {
      return run()
    } catch (error) {
      const what =
        error instanceof EncodeError
          ? `${error.code}: ${error.message}`
          : error instanceof Error
            ? error.message
            : String(error)
      this.fails(key, what)
      return FAILED
    }
  }

  #wrong(key: string, message: string): false {
    this.fails(key, message)
    return false
  }
}

function bitsOf(protocol: Protocol, nodes: Parameters<typeof fieldsOf>[0], key: string, value: unknown): unknown {
  const type = fieldsOf(nodes).find(field => field.name === key)?.type
  if (type?.kind !== 'bitset' || !Array.isArray(value)) return value
  const bits = protocol.bitsets.get(type.name)?.bits ?? []
  return value.reduce<bigint>((all, name) => all | (1n << BigInt(bits.find(bit => bit.name === name)?.bit ?? 0)), 0n)
}

/** Params and session values as far as the schema has them; nothing drawn. */
function contextOf(subject: Subject, example: Example): Partial<Context> {
  const { params, session } = subject.behaviour
  const defaults = params.flatMap(param =>
    param.fallback && 'value' in param.fallback ? [[param.name, param.fallback.value]] : [],
  )
  const learned = session.flatMap(value => (value.start === undefined ? [] : [[value.name, value.start]]))
  return {
    plain: true,
    param: Object.fromEntries(defaults),
    session: Object.fromEntries(learned),
    random: count => new Uint8Array(count),
    now: () => 0,
    ...(example.dir === undefined ? {} : { dir: example.dir }),
    ...(example.state === undefined ? {} : { state: example.state }),
  }
}

function transportOf(subject: Subject, stream: boolean): Subject['behaviour']['transports'][number] | undefined {
  const { transports } = subject.behaviour
  return transports.find(transport => (transport.kind !== 'udp') === stream) ?? transports[0]
}

const FAILED = Symbol('failed')
/** An encoding that is longer than the example is shown whole, up to this. */
const ROOM = 65_536

// One schema, ready to decode inputs: the interpreter with the options of the command line.

import { explain, formatExplain } from '../../generator/interpret/explain.ts'
import { interpret } from '../../generator/interpret/index.ts'
import { toJson } from '../../generator/interpret/values.ts'
import type { Protocol } from '../../generator/model/model.ts'
import type { Transport } from '../../generator/normalize/behaviour.ts'
import { normalize } from '../../generator/normalize/index.ts'
import { findFrame } from '../describe/find.ts'
import { usage } from '../failure.ts'
import { suggestion } from '../input/suggest.ts'
import { type CapturedInput, captureInputs } from './capture.ts'
import { toolContext } from './context.ts'
import { type Cut, type Cutting, cutFrames, type DecodedFrame, type RefusedFrame } from './frames.ts'
import { type ErrorLine, errorLine } from './report.ts'

export interface DecoderFlags {
  readonly set?: readonly string[] | undefined
  readonly frame?: string | undefined
  readonly dir?: string | undefined
  readonly state?: string | undefined
  readonly transport?: string | undefined
  readonly stream: boolean
  readonly explain: boolean
  readonly plain: boolean
}

export class Decoder {
  /** How an input is cut into frames. */
  readonly cutting: Cutting
  readonly #protocol: Protocol
  readonly #codec: ReturnType<typeof interpret>
  readonly #transports: readonly Transport[]
  readonly #frame: string | undefined
  readonly #maxFrame: number | undefined
  readonly #dir: string | undefined
  readonly #sources: ReadonlyMap<string, string>
  readonly #explains: boolean

  /** @param sources text of the schema's files, for dumps that show its lines */
  constructor(protocol: Protocol, sources: ReadonlyMap<string, string>, flags: DecoderFlags) {
    const { transports, states } = normalize(protocol, () => {})
    if (flags.state !== undefined)
      expectName(
        'state',
        flags.state,
        states.map(({ name }) => name),
      )
    this.#protocol = protocol
    this.#sources = sources
    this.#transports = transports
    this.#explains = flags.explain
    this.#frame = flags.frame === undefined ? undefined : findFrame(protocol, flags.frame).name
    this.#dir = flags.dir === undefined ? undefined : readDirection(protocol, flags.dir)
    const context = { ...toolContext(protocol, flags.set), plain: flags.plain, state: flags.state, dir: this.#dir }
    this.#codec = interpret(protocol, context)
    const transport = chooseTransport(transports, flags)
    this.cutting = transport ? cuttingOf(transport) : ONE_FRAME
    this.#maxFrame = transport && sizeOf(transport.maxFrame, context.param)
  }

  /** The direction of what comes next, where --dir did not say. */
  direct(dir: string | undefined): void {
    this.#codec.context.dir = this.#dir ?? dir
  }

  cut(bytes: Uint8Array, cutting: Cutting): Generator<Cut, void, void> {
    return cutFrames(this.#codec, bytes, cutting, { frame: this.#frame, maxFrame: this.#maxFrame })
  }

  fields({ reader }: DecodedFrame): Record<string, unknown> {
    return toJson(this.#protocol, reader.frameName, reader.toObject())
  }

  error(refused: RefusedFrame): ErrorLine {
    return errorLine(this.#protocol, refused)
  }

  /** The annotated dump of the last frame, also of one that was refused. Undefined without --explain. */
  explain(): string | undefined {
    const { outcome } = this.#codec
    return this.#explains && outcome ? formatExplain(explain(this.#protocol, outcome, this.#sources)) : undefined
  }

  capture(file: Uint8Array, port: number | undefined): CapturedInput[] {
    return captureInputs(file, this.#protocol, this.#transports, port)
  }
}

/**
 * The transport whose framing cuts the input. Without a word about it that is the first one, if its frames find their
 * own end; otherwise there is none, and the input is one frame.
 */
function chooseTransport(transports: readonly Transport[], flags: DecoderFlags): Transport | undefined {
  if (flags.transport !== undefined) {
    expectName(
      'transport',
      flags.transport,
      transports.map(({ kind }) => kind),
    )
    return transports.find(({ kind }) => kind === flags.transport)
  }
  if (flags.stream) {
    const stream = transports.find(({ kind }) => kind !== 'udp')
    if (!stream) throw usage('the schema has no stream transport')
    return stream
  }
  const [first] = transports
  return flags.frame === undefined && first?.framing.kind === 'self' ? first : undefined
}

function cuttingOf({ framing, trailing }: Transport): Cutting {
  return framing.kind === 'datagram' ? { kind: 'whole', ignoreTrailing: trailing === 'ignore' } : framing
}

function sizeOf(size: Transport['maxFrame'], param: Readonly<Record<string, unknown>>): number | undefined {
  const value = typeof size === 'object' ? param[size.param] : size
  return typeof value === 'number' || typeof value === 'bigint' ? Number(value) : undefined
}

function readDirection(protocol: Protocol, text: string): string {
  const [sender = '', receiver = '', more] = text.split('>')
  if (receiver === '' || more !== undefined) throw usage(`--dir ${text}: write SENDER>RECEIVER`)
  const roles = [...protocol.roles.keys()]
  expectName('role', sender, roles)
  expectName('role', receiver, roles)
  return `${sender}>${receiver}`
}

function expectName(what: string, name: string, known: readonly string[]): void {
  if (known.includes(name)) return
  const others = known.length === 0 ? `; the schema has no ${what}s` : suggestion(name, known)
  throw usage(`there is no ${what} "${name}"${others}`)
}

const ONE_FRAME: Cutting = { kind: 'whole', ignoreTrailing: false }

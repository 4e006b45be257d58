// One call of decode: choose the frame, lay it out, validate it. Faults become `Malformed`, missing bytes `needs`.
import { type Context, type DecodeOptions, Malformed, type Reader } from '../../runtime/wire/codec.ts'
import type { Frame, Protocol } from '../model/model.ts'
import { chooseFrame, laidOut, tooFar } from './choose.ts'
import { integer } from './evaluate.ts'
import { Fault, NeedBytes, Unevaluable } from './fault.ts'
import { plainRecord } from './plain.ts'
import { Rec } from './record.ts'
import { Cursor, Run } from './run.ts'
import { validateBody } from './validate.ts'

export interface Outcome {
  readonly reader: InterpretedReader | undefined
  readonly failure: Malformed | undefined
  /** Bytes from the start that must be there before decoding can go on; 0 otherwise. */
  readonly needs: number
  /** What was laid out, also of a frame that was refused: for annotated dumps. */
  readonly record: Rec | undefined
  readonly frame: Frame | undefined
  /** The input: the frame begins at `start`. */
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
  readonly whole: boolean
}

export class InterpretedReader implements Reader {
  readonly frameName: string
  readonly frameIndex: number
  readonly byteSource: Uint8Array
  readonly byteStart: number
  readonly byteEnd: number
  private readonly record: Rec

  constructor(frame: Frame, record: Rec) {
    this.record = record
    this.frameName = frame.name
    this.frameIndex = frame.index
    this.byteSource = record.run.bytes
    this.byteStart = record.run.base
    this.byteEnd = record.run.base + record.run.framed
  }

  toObject(): Record<string, unknown> {
    return plainRecord(this.record)
  }
}

export function decodeFrame(
  protocol: Protocol,
  context: Context,
  bytes: Uint8Array,
  start: number,
  end: number,
  options: DecodeOptions,
): Outcome {
  const wanted = options.frame === undefined ? undefined : protocol.frames.get(options.frame)
  if (options.frame !== undefined && !wanted) {
    throw new Error(`${protocol.name} has no frame ${options.frame}; it has ${[...protocol.frames.keys()].join(', ')}`)
  }
  const input = { bytes, start, end, whole: options.whole }
  const run = new Run(protocol, context, bytes, start, end, options.whole)
  const most = options.maxFrame ?? Number.POSITIVE_INFINITY
  let record: Rec | undefined
  let frame = wanted
  try {
    const seen = (rec: Rec): void => {
      record = rec
    }
    const framing = (rec: Rec, of: Frame | undefined): void => measure(run, options, rec, of)
    frame ??= chooseFrame(run, framing, most, seen)
    const rec = new Rec(run, frame.body, undefined, new Cursor(0, run.region), 0)
    record = rec
    const rules = { framing: () => framing(rec, frame), most }
    laidOut(rec, rules, () => rec.layAll())
    validateBody(rec, rules)
    return { reader: new InterpretedReader(frame, rec), failure: undefined, needs: 0, record, frame, ...input }
  } catch (caught) {
    const thrown = caught instanceof Unevaluable ? new Fault('CheckFailed', 0) : tooFar(caught, most)
    if (thrown instanceof NeedBytes)
      return { reader: undefined, failure: undefined, needs: thrown.upTo, record, frame, ...input }
    if (!(thrown instanceof Fault)) throw thrown
    return { reader: undefined, failure: refusal(protocol, run, thrown), needs: 0, record, frame, ...input }
  }
}

/** The moment `framing`: size limit, completeness, and nothing behind a whole frame. */
function measure(run: Run, options: DecodeOptions, rec: Rec, frame: Frame | undefined): void {
  const size = Math.ceil(rec.cursor.at / 8)
  const own = frame?.max ? integer(frame.max, rec.scope(undefined, rec.cursor)) : undefined
  if (size > (options.maxFrame ?? Number.POSITIVE_INFINITY) || (own !== undefined && BigInt(size) > own)) {
    throw new Fault('TooLarge', 0)
  }
  run.need(size)
  if (options.whole && size < run.available && !options.ignoreTrailing) throw new Fault('TrailingBytes', size)
  run.framed = size
}

function refusal(protocol: Protocol, run: Run, fault: Fault): Malformed {
  const code = fault.named ? fault.code : (protocol.covers.get(fault.code) ?? fault.code)
  const failure = new Malformed(code, fault.offset, fault.path.join('.'))
  failure.consumed = run.framed
  return failure
}

/** What a codec of its own may know: nothing, unless it is told. */
export function fullContext(given: Partial<Context>): Context {
  const absent = (what: string) => (): never => {
    throw new Unprepared(`this codec was given no ${what}: pass context.${what}`)
  }
  return {
    param: {},
    session: {},
    key: {},
    peer: {},
    local: {},
    random: absent('random'),
    now: absent('now'),
    ...given,
  }
}

/** The caller of the codec left something out that the schema needs. */
export class Unprepared extends Error {
  override readonly name = 'Unprepared'
}

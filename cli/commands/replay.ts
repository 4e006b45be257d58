// `proto replay`: shows a recording of serve, send or listen again, decoded anew, at its own pace or faster.

import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { Args, Flags } from '@oclif/core'
import type { ArgsInput, Example, FlagsInput } from '../base.ts'
import { EXIT, Failure, usage } from '../failure.ts'
import { parseHex } from '../input/bytes.ts'
import { LiveCommand } from '../live/live-command.ts'
import { sleep } from '../live/pace.ts'
import type { RecordedFrame, RecordingHead } from '../live/recorder.ts'
import { loadSchema } from '../protocol.ts'

const ARGS = {
  file: Args.string({ required: true, ignoreStdin: true, description: 'made by --record' }),
}

const FLAGS = {
  schema: Flags.string({
    helpValue: 'SCHEMA',
    description: 'decode with this schema; default: the one of the recording',
  }),
  speed: Flags.string({
    helpValue: 'X',
    description: 'keep the time between frames, divided by X; default: do not wait',
  }),
}

export default class Replay extends LiveCommand {
  static override summary = 'Show a recording again, frame by frame.'
  static override description =
    'Every frame is decoded from its recorded bytes, so a changed schema can be tried on old traffic.'
  static override examples: Example[] = [
    '<%= config.bin %> replay traffic.jsonl',
    { description: 'As it was, ten times as fast', command: '<%= config.bin %> replay traffic.jsonl --speed 10' },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const speed = flags.speed === undefined ? undefined : readSpeed(flags.speed)
    const lines = createInterface({ input: createReadStream(args.file), crlfDelay: Number.POSITIVE_INFINITY })
    const signal = this.interruptible()
    const start = performance.now()
    const traffic = { sent: 0, received: 0, bytes: 0 }
    let show: ((frame: RecordedFrame) => number) | undefined
    let number = 0
    for await (const line of lines) {
      if (signal.aborted) break
      const value = parseLine(args.file, ++number, line)
      if (!show) {
        const head = readHead(args.file, value)
        show = await this.#decoder(flags.schema ?? head.schema, flags.profile ?? head.profile)
        continue
      }
      const frame = readFrame(args.file, number, value)
      if (speed !== undefined) await sleep(frame.t / speed - (performance.now() - start), signal)
      traffic.bytes += show(frame)
      traffic[frame.dir === 'in' ? 'received' : 'sent']++
    }
    if (!show) throw notRecording(args.file, 1)
    this.monitor.finish(traffic)
    if (signal.aborted) this.exitInterrupted()
    if (this.#refused > 0) this.exit(EXIT.protocol)
  }

  #refused = 0

  /** Prints a recorded frame and returns its size. */
  async #decoder(schema: string, profile: string | undefined): Promise<(frame: RecordedFrame) => number> {
    const { protocol } = await loadSchema(schema, profile)
    const [{ interpret }, { toJson }, { toolContext }, { errorText }] = await Promise.all([
      import('../../generator/interpret/index.ts'),
      import('../../generator/interpret/values.ts'),
      import('../decode/context.ts'),
      import('../decode/report.ts'),
    ])
    const codec = interpret(protocol, toolContext(protocol, undefined))
    return ({ dir, peer, frame, bytes: hex }) => {
      const bytes = parseHex(hex)
      // Where no id tells what it is, the recording does.
      const recorded = protocol.frames.get(frame)
      const known = recorded && (recorded.bare || recorded.ids.length === 0) ? { frame } : {}
      const reader = codec.decode(bytes, 0, bytes.length, { whole: true, ignoreTrailing: true, ...known })
      if (reader) {
        const fields = toJson(protocol, reader.frameName, reader.toObject())
        this.monitor.event({ event: 'frame', dir, peer, frame: reader.frameName, fields })
      } else {
        this.#refused++
        const code = codec.failure?.code ?? 'Truncated'
        this.monitor.event({ event: 'error', peer, code, message: errorText(protocol, code), fatal: false })
      }
      return bytes.length
    }
  }
}

function readSpeed(text: string): number {
  const speed = Number(text.replace(/x$/, ''))
  if (!(speed > 0 && Number.isFinite(speed))) throw usage(`--speed ${text}: write 1, 10 or 0.5`)
  return speed
}

function parseLine(file: string, number: number, line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    throw notRecording(file, number)
  }
}

function readHead(file: string, value: unknown): RecordingHead {
  const head = value as Partial<RecordingHead> | null
  if (head?.recording !== 1 || typeof head.schema !== 'string') throw notRecording(file, 1)
  return head as RecordingHead
}

function readFrame(file: string, number: number, value: unknown): RecordedFrame {
  const frame = value as Partial<RecordedFrame> | null
  const isFrame = typeof frame?.t === 'number' && typeof frame.peer === 'string' && typeof frame.bytes === 'string'
  if (!isFrame || (frame.dir !== 'in' && frame.dir !== 'out')) throw notRecording(file, number)
  return frame as RecordedFrame
}

function notRecording(file: string, line: number): Failure {
  return new Failure('invalid', 'BadRecording', `${file}:${line} is no recording of proto`, { details: { file, line } })
}

// `proto fuzz`: random and mutated frames against the codec of a schema, and against the interpreter beside it.

import { randomBytes } from 'node:crypto'
import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { EXIT } from '../failure.ts'
import type { Fuzz as Run } from '../fuzz/fuzz.ts'
import { parseCount } from '../input/quantity.ts'
import { formatCount, formatDuration } from '../output/number.ts'
import { table } from '../output/table.ts'
import { loadSchema } from '../protocol.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
}

const FLAGS = {
  count: Flags.string({ helpValue: 'N', default: '1_000_000', description: 'frames to decode' }),
  seed: Flags.string({ helpValue: 'N', description: 'repeat a run; random by default, and printed' }),
  compare: Flags.string({
    helpValue: 'N',
    default: '100',
    description: 'one of N frames goes through the interpreter too',
  }),
}

export default class Fuzz extends ProtoCommand {
  static override summary = 'Decode random and mutated frames and look for crashes, hangs and disagreements.'
  static override description =
    'Exits with 100 when something was found; each finding is a frame that `proto decode` takes.'
  static override examples: Example[] = [
    '<%= config.bin %> fuzz vstp --count 10_000_000 --seed 1',
    { description: 'Every frame through both codecs', command: '<%= config.bin %> fuzz my.yaml --compare 1' },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const count = parseCount(flags.count, 1, MOST)
    const compareEvery = parseCount(flags.compare, 1, MOST)
    const seed = flags.seed === undefined ? randomBytes(4).readUInt32BE() : parseCount(flags.seed, 0, 0xffff_ffff)
    const schema = await loadSchema(args.schema, flags.profile)
    const [{ Fuzz: Run }, { loadDescriptor }, { interpret }, { toolContext }, { sessionValues }] = await Promise.all([
      import('../fuzz/fuzz.ts'),
      import('../live/descriptor.ts'),
      import('../../generator/interpret/index.ts'),
      import('../decode/context.ts'),
      import('../fuzz/session.ts'),
    ])
    // The same for both codecs and in every run, so that encoders can be compared and runs repeated.
    const context = {
      ...toolContext(schema.protocol, flags.set),
      random: (n: number) => new Uint8Array(n).fill(0x5a),
      now: () => 1_700_000_000_000,
      plain: true,
      session: sessionValues(schema.protocol),
    }
    const codec = (await loadDescriptor(schema)).codec()
    codec.context = context
    const run = new Run(schema.protocol, codec, interpret(schema.protocol, context), {
      seed,
      compareEvery,
      findings: 10,
    })
    this.note(`seed ${seed}, ${run.corpus.length} valid frames to start from`)
    const start = performance.now()
    await this.#drive(run, count)
    const seconds = (performance.now() - start) / 1000
    this.#report(run, schema.protocol.name, seed, seconds)
    if (run.findings.length > 0) this.exit(EXIT.findings)
  }

  async #drive(run: Run, count: number): Promise<void> {
    const signal = this.interruptible()
    let shown = performance.now()
    while (run.tally.frames < count && !run.done && !signal.aborted) {
      run.step(Math.min(BLOCK, count - run.tally.frames))
      // Lets Ctrl-C in.
      await new Promise(setImmediate)
      if (performance.now() - shown < 2000) continue
      shown = performance.now()
      this.note(`${formatCount(run.tally.frames)} of ${formatCount(count)}`)
    }
    if (signal.aborted) throw signal.reason
  }

  #report(run: Run, protocol: string, seed: number, seconds: number): void {
    const { tally, findings, codes } = run
    const rate = Math.round(tally.frames / seconds)
    this.emit({
      protocol,
      seed,
      ...tally,
      slowest_us: Math.round(tally.slowest * 1000),
      seconds,
      rate,
      codes: Object.fromEntries(codes),
      findings,
    })
    const { bold, cyan, dim, green, red } = this.paint
    const share = (part: number): string => `${((100 * part) / tally.frames).toFixed(1)} %`
    const rows = [
      ['decoded', String(tally.decoded), share(tally.decoded)],
      ['incomplete', String(tally.incomplete), share(tally.incomplete)],
      ...[...codes].sort((a, b) => b[1] - a[1]).map(([code, times]) => [code, String(times), share(times)]),
    ]
    this.print(
      table(
        [
          { title: 'outcome', paint: cyan },
          { title: 'frames', right: true },
          { title: '', right: true, paint: dim },
        ],
        rows,
        dim,
      ),
    )
    for (const { kind, message, hex, whole, dir, state } of findings) {
      this.print(
        `\n${red(kind)} ${[whole ? 'as a datagram' : 'on a stream', dir, state].filter(Boolean).join(', ')}: ${message}${hex && `\n  ${hex}`}`,
      )
    }
    const mark = findings.length > 0 ? red('✗') : green('✓')
    const checked = `${formatCount(tally.frames)} frames, ${formatCount(tally.compared)} compared with the interpreter`
    this.print(
      `${mark} ${bold(checked)}, ${findings.length} findings ${dim(`in ${formatDuration(seconds * 1000)}, ${formatCount(rate)} frames/s, seed ${seed}`)}`,
    )
  }
}

/** Frames between two looks at the clock and at Ctrl-C. */
const BLOCK = 4096
const MOST = 1e12

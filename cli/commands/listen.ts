// `proto listen`: connects and prints what arrives.

import { Args, Flags } from '@oclif/core'
import type { ArgsInput, Example, FlagsInput } from '../base.ts'
import { parseCount, parseDuration } from '../input/quantity.ts'
import { LiveCommand } from '../live/live-command.ts'
import { sleep } from '../live/pace.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
  target: Args.string({ required: true, ignoreStdin: true, description: '[tcp|tls|udp://]HOST[:PORT]' }),
}

const FLAGS = {
  role: Flags.string({ helpValue: 'R', description: 'role to take; default: the first that dials' }),
  count: Flags.string({ helpValue: 'N', description: 'end after so many frames' }),
  record: Flags.string({ helpValue: 'FILE', description: 'keep every frame, for proto replay' }),
  for: Flags.string({ helpValue: 'DURATION', default: 'never', description: 'end after this time' }),
}

export default class Listen extends LiveCommand {
  static override summary = 'Connect to a peer and print every frame that arrives.'
  static override description = 'Sends nothing but what the schema answers by itself. Ends when the peer does.'
  static override examples: Example[] = [
    '<%= config.bin %> listen vstp tcp://127.0.0.1:6969',
    {
      description: 'The next ten frames, for a script',
      command: '<%= config.bin %> listen my.yaml 127.0.0.1:7000 --count 10 --json',
    },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const duration = parseDuration(flags.for)
    const count = flags.count === undefined ? Number.POSITIVE_INFINITY : parseCount(flags.count, 1)
    const loaded = await this.load(args.schema, flags)
    const { connect } = await import('../../runtime/index.ts')
    const recorder = await this.recorder(flags.record, loaded)
    const interrupted = this.interruptible()
    const enough = new AbortController()
    let received = 0
    const seen = (): void => {
      if (++received >= count) enough.abort()
    }
    const connection = await connect(loaded.descriptor, args.target, {
      ...(flags.role === undefined ? {} : { role: flags.role }),
      ...(await this.watch(loaded, { recorder, seen })),
      onFrame: () => undefined,
      params: loaded.params,
      signal: interrupted,
    })
    this.warnInsecure(connection.insecure)
    void connection.closed.then(() => enough.abort())
    await sleep(duration, AbortSignal.any([enough.signal, interrupted]))
    const { framesOut, framesIn, bytesIn, bytesOut } = connection.stats
    await connection.close()
    await recorder?.close()
    this.monitor.finish({ sent: framesOut, received: framesIn, bytes: bytesIn + bytesOut })
    if (interrupted.aborted) this.exitInterrupted()
    this.exitWithFatal()
  }
}

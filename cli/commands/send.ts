// `proto send`: connects, sends frames, waits for what comes back.

import { Args, Flags } from '@oclif/core'
import type { ArgsInput, Example, FlagsInput } from '../base.ts'
import { readJson } from '../input/bytes.ts'
import { parseCount, parseDuration, parseRate, parseSize } from '../input/quantity.ts'
import { LiveCommand } from '../live/live-command.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
  target: Args.string({ required: true, ignoreStdin: true, description: '[tcp|tls|udp://]HOST[:PORT]' }),
}

const FLAGS = {
  data: Flags.string({ helpValue: 'JSON', description: 'fields as JSON, or @FILE (@- for standard input)' }),
  channel: Flags.string({ helpValue: 'C', description: 'channel, for a frame that may go on any' }),
  count: Flags.string({ helpValue: 'N', default: '1', description: 'how often' }),
  rate: Flags.string({
    helpValue: 'R',
    description: 'so many a second (100, 100/s, 6000/m); default: as fast as it goes',
  }),
  size: Flags.string({ helpValue: 'BYTES', description: 'fill the largest bytes or text field with so much' }),
  wait: Flags.string({ helpValue: 'N|FRAME', description: 'wait until N frames, or this one, have arrived' }),
  timeout: Flags.string({ helpValue: 'D', description: "longest wait; default 5s, for requests the schema's" }),
  role: Flags.string({ helpValue: 'R', description: 'role to take; default: the first that dials' }),
  record: Flags.string({ helpValue: 'FILE', description: 'keep every frame, for proto replay' }),
}

export default class Send extends LiveCommand {
  static override summary = 'Connect to a peer and send frames.'
  static override description =
    `Without FRAME the first frame on a channel is sent, else the first that expects an answer. A frame that the schema answers is
a request: its answer is waited for, one at a time unless --rate is given, and its time is the round trip in the summary.
Exits with 69 when the peer cannot be reached, 75 when an answer does not come in time, 76 when the peer breaks the protocol.`
  static override usage = '<%= command.id %> SCHEMA TARGET [FRAME] [NAME=VALUE...] [--data JSON|@FILE]'
  static override examples: Example[] = [
    '<%= config.bin %> send vstp tcp://127.0.0.1:6969 Data payload=text:hello',
    {
      description: 'Round-trip times of a thousand pings',
      command: '<%= config.bin %> send vstp 127.0.0.1 Ping --count 1000 -q',
    },
    {
      description: 'Acknowledged, over UDP',
      command: '<%= config.bin %> send vstp udp://127.0.0.1:6969 Data flags=req_ack --size 64',
    },
    {
      description: 'Steady load against an echo',
      command: '<%= config.bin %> send my.yaml 127.0.0.1:7000 --size 1KiB --count 6000 --rate 100/s --wait 6000',
    },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS
  static override strict = false

  async run(): Promise<void> {
    const { args, flags, argv } = await this.input(ARGS, FLAGS)
    const count = parseCount(flags.count, 1)
    const rate = flags.rate === undefined ? undefined : parseRate(flags.rate)
    const size = flags.size === undefined ? undefined : parseSize(flags.size)
    const timeout = flags.timeout === undefined ? undefined : parseDuration(flags.timeout)
    const data = flags.data === undefined ? undefined : await readJson(flags.data)
    const loaded = await this.load(args.schema, flags)
    const [{ planSending }, { Sending }, { connect }] = await Promise.all([
      import('../live/plan-sending.ts'),
      import('../live/sending.ts'),
      import('../../runtime/index.ts'),
    ])
    const { role, channel, wait } = flags
    const plan = planSending(loaded, args.target, argv.slice(2), {
      role,
      channel,
      wait,
      data,
      size,
      count,
      rate,
      timeout,
    })
    const recorder = await this.recorder(flags.record, loaded)
    const sending = new Sending(plan, this.monitor, this.interruptible())
    const watching = await this.watch(loaded, { recorder, ...(plan.needsFrames ? { seen: sending.seen } : {}) })
    const connection = await sending.open(signal =>
      connect(loaded.descriptor, args.target, {
        ...(role === undefined ? {} : { role }),
        ...watching,
        onFrame: () => undefined,
        params: loaded.params,
        signal,
      }),
    )
    this.warnInsecure(connection.insecure)
    const failure = await sending.run(connection)
    const { framesOut, framesIn, bytesIn, bytesOut } = connection.stats
    await connection.close()
    await recorder?.close()
    if (failure) this.show(failure)
    this.monitor.finish({ sent: framesOut, received: framesIn, bytes: bytesIn + bytesOut })
    if (failure) this.exit(failure.exitCode)
    this.exitWithFatal()
  }
}

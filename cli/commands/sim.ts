// `proto sim`: a protocol in the simulated network, on a virtual clock: the same seed gives the same run.

import { randomBytes } from 'node:crypto'
import { Args, Flags } from '@oclif/core'
import type { ProtocolDescriptor, TransportDescriptor } from '../../runtime/core/protocol.ts'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { findFrame } from '../describe/find.ts'
import { EXIT, usage } from '../failure.ts'
import { readFields } from '../input/fields.ts'
import { parseCount, parseDuration, parseRate, parseSize } from '../input/quantity.ts'
import { defaultFrame, fillField } from '../live/choose.ts'
import { formatCount, formatDuration } from '../output/number.ts'
import { table } from '../output/table.ts'
import { type LoadedSchema, loadSchema } from '../protocol.ts'
import type { Outcome, Weather } from '../sim/simulation.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
}

const share = (description: string) => Flags.string({ helpGroup: 'NETWORK', helpValue: 'P', description })
const time = (description: string) => Flags.string({ helpGroup: 'NETWORK', helpValue: 'D', description })

const FLAGS = {
  seed: Flags.string({ helpValue: 'N', description: 'repeat a run; random by default, and printed' }),
  transport: Flags.string({ options: ['udp', 'tcp'], description: 'default: udp where the schema has it, else tcp' }),
  clients: Flags.string({ helpValue: 'N', default: '1', description: 'clients of the one server' }),
  count: Flags.string({ helpValue: 'N', default: '1000', description: 'frames that each client sends' }),
  rate: Flags.string({ helpValue: 'R', default: '1000/s', description: 'frames a second of each client' }),
  size: Flags.string({ helpValue: 'BYTES', description: 'fill the roomiest field' }),
  channel: Flags.string({ helpValue: 'C', description: 'channel to send on' }),
  duration: Flags.string({ helpValue: 'D', default: '10m', description: 'most virtual time' }),
  loss: share('datagrams lost, as 0.05 or 5%'),
  reorder: share('datagrams that later ones overtake'),
  duplicate: share('datagrams that arrive twice'),
  corrupt: share('datagrams with flipped bits'),
  latency: time('time on the way; default 20ms'),
  jitter: time('up to this much more'),
  mtu: Flags.string({ helpGroup: 'NETWORK', helpValue: 'BYTES', description: 'larger datagrams are lost' }),
  bandwidth: Flags.string({ helpGroup: 'NETWORK', helpValue: 'BYTES', description: 'bytes a second' }),
}

export default class Sim extends ProtoCommand {
  static override summary = 'Run a protocol in a simulated network, on a virtual clock.'
  static override description =
    'Takes FRAME and NAME=VALUE as `proto send` does. Keys that the schema asks for are made. Exits with 75 when not all was over in time.'
  static override examples: Example[] = [
    '<%= config.bin %> sim vstp --seed 1 --loss 5% --count 10_000',
    {
      description: 'A reliable channel in bad weather',
      command:
        '<%= config.bin %> sim schema/examples/chat.yaml Say room=a text=hi --loss 30% --reorder 20% --duplicate 10%',
    },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS
  static override strict = false

  async run(): Promise<void> {
    const { args, flags, argv } = await this.input(ARGS, FLAGS)
    const seed = flags.seed === undefined ? randomBytes(4).readUInt32BE() : parseCount(flags.seed, 0, 0xffff_ffff)
    const clients = parseCount(flags.clients, 1, 65_536)
    const count = parseCount(flags.count, 1)
    const link = weather({ ...flags })
    const schema = await loadSchema(args.schema, flags.profile)
    const [
      { loadDescriptor },
      { givenParams },
      { SimNetwork },
      { simulatedParams },
      { Simulation },
      { chooseProvider },
    ] = await Promise.all([
      import('../live/descriptor.ts'),
      import('../input/params.ts'),
      import('../../runtime/sim/network.ts'),
      import('../sim/params.ts'),
      import('../sim/simulation.ts'),
      import('../../runtime/native/choose.ts'),
    ])
    const protocol = await loadDescriptor(schema)
    const transport = chooseTransport(protocol, flags.transport)
    const { chooseRole } = await import('../../runtime/core/plan.ts')
    const roles = [chooseRole(protocol, 'dials'), chooseRole(protocol, 'accepts')] as const
    const { frame, value } = whatToSend(schema, protocol, roles[0].name, argv.slice(1), flags.size)
    const network = new SimNetwork({ seed, link, stream: { latency: link.latency ?? 0 } })
    const crypto = chooseProvider(flags.crypto as 'node' | undefined)
    const params = simulatedParams(
      schema.protocol,
      protocol,
      roles,
      givenParams(schema.protocol, flags.set),
      network.random.fork('params'),
      crypto,
    )
    this.note(`seed ${seed}`)
    const start = performance.now()
    const outcome = new Simulation({
      protocol,
      transport,
      network,
      crypto,
      params,
      clients,
      frame,
      value,
      channel: flags.channel,
      count,
      interval: 1000 / parseRate(flags.rate),
      duration: parseDuration(flags.duration),
    }).run()
    const seconds = (performance.now() - start) / 1000
    this.#report(outcome, { seed, frame, transport: transport.kind, seconds, network })
    if (!outcome.isComplete) this.exit(EXIT.timeout)
  }

  #report(
    outcome: Outcome,
    run: {
      seed: number
      frame: string
      transport: string
      seconds: number
      network: { counters: object; transcript: string }
    },
  ): void {
    const { network, seconds, ...head } = run
    const { counters, transcript } = network
    this.emit({ ...head, ...outcome, network: counters, transcript, seconds })
    const { bold, cyan, dim, green, red } = this.paint
    const rows = [
      ['opened', String(outcome.opened)],
      ['sent', String(outcome.sent)],
      ['delivered', String(outcome.delivered)],
      ['answered', String(outcome.answered)],
      ['failed', String(outcome.failed)],
      ...Object.entries(outcome.closed).map(([reason, times]) => [`closed: ${reason}`, String(times)]),
      ...Object.entries(outcome.errors).map(([code, times]) => [`error: ${code}`, String(times)]),
      ...Object.entries(counters).map(([name, times]) => [`network: ${name}`, String(times)]),
    ]
    this.print(
      table(
        [
          { title: 'what', paint: cyan },
          { title: 'times', right: true },
        ],
        rows,
        dim,
      ),
    )
    const mark = outcome.isComplete ? green('✓') : red('✗')
    this.print(
      `${mark} ${bold(`${formatCount(outcome.delivered)} of ${formatCount(outcome.sent)} ${run.frame} delivered`)} ` +
        dim(
          `in ${formatDuration(outcome.virtual)} of virtual time (${formatDuration(seconds * 1000)}), seed ${run.seed}, ${transcript}`,
        ),
    )
  }
}

function whatToSend(
  { protocol }: LoadedSchema,
  descriptor: ProtocolDescriptor,
  role: string,
  rest: readonly string[],
  size: string | undefined,
): { frame: string; value: Record<string, unknown> } {
  const [first] = rest
  const named = first !== undefined && !first.includes('=')
  const frame = findFrame(protocol, named ? first : defaultFrame(descriptor, role))
  const given = readFields(protocol, frame.name, named ? rest.slice(1) : rest, undefined)
  const filled = size === undefined ? {} : fillField(protocol, frame, parseSize(size), given)
  return { frame: frame.name, value: { ...given, ...filled } }
}

function chooseTransport(protocol: ProtocolDescriptor, wanted: string | undefined): TransportDescriptor {
  const open = protocol.transports.filter(one => one.use === 'session' && one.kind !== 'tls')
  const found = open.find(one => one.kind === (wanted ?? 'udp')) ?? (wanted === undefined ? open[0] : undefined)
  if (found !== undefined) return found
  const known = open.map(one => one.kind).join(', ') || 'none that can be simulated'
  throw usage(`${protocol.name} has no transport ${wanted ?? ''}: there is ${known}`)
}

function weather(flags: Readonly<Record<string, unknown>>): Weather {
  const shares = ['loss', 'reorder', 'duplicate', 'corrupt'].flatMap(name => {
    const text = flags[name]
    return text === undefined ? [] : [[name, probability(String(text), name)]]
  })
  const read = (name: string, parse: (text: string) => number): Weather =>
    flags[name] === undefined ? {} : { [name]: parse(String(flags[name])) }
  return {
    latency: 20,
    reorderBy: 50,
    ...Object.fromEntries(shares),
    ...read('latency', parseDuration),
    ...read('jitter', parseDuration),
    ...read('mtu', parseSize),
    ...read('bandwidth', parseSize),
  }
}

function probability(text: string, name: string): number {
  const match = /^(\d+(?:\.\d+)?)(%?)$/.exec(text)
  const value = match ? Number(match[1]) / (match[2] === '%' ? 100 : 1) : Number.NaN
  if (!(value >= 0 && value <= 1)) throw usage(`--${name} ${text}: write a share as 0.05 or 5%`)
  return value
}

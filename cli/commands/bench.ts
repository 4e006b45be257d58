// `proto bench`: a server and a client of any schema on the loopback, each in its process; throughput and round trips.

import { type ChildProcess, fork } from 'node:child_process'
import { Args, Flags } from '@oclif/core'
import { handOverPlaces } from '../../runtime/core/hand-over-places.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import type { ArgsInput, Example, FlagsInput } from '../base.ts'
import { Failure, usage } from '../failure.ts'
import { parseCount, parseSize } from '../input/quantity.ts'
import type { BenchAnswer, BenchOrder } from '../live/bench-server.ts'
import { LiveCommand } from '../live/live-command.ts'
import type { RoundTrips } from '../live/rtt.ts'
import { BUILT } from '../package.ts'

const ARGS = { schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }) }

const FLAGS = {
  frame: Flags.string({ helpValue: 'FRAME', description: 'what is sent; default: as proto send chooses' }),
  channel: Flags.string({ helpValue: 'C', description: 'channel; default: the first, where a frame may go on any' }),
  transport: Flags.string({ helpValue: 'KIND', description: 'tcp, tls or udp; default: the first of the schema' }),
  size: Flags.string({ helpValue: 'BYTES', default: '64', description: 'content of a message' }),
  count: Flags.string({ helpValue: 'N', default: '20000', description: 'round trips, and messages of each other row' }),
  window: Flags.string({ helpValue: 'N', default: '32', description: 'messages on their way at a time' }),
  'busy-poll': Flags.string({
    helpValue: 'US',
    default: '0',
    description: 'microseconds that UDP waits on the processor',
  }),
}

export default class Bench extends LiveCommand {
  static override summary = 'Measure a schema on this machine: round trips and throughput.'
  static override description =
    'Starts an echo server in a process of its own and connects to it. Where the schema wants a certificate or keys and none are given, they are made for the run.'
  static override examples: Example[] = [
    '<%= config.bin %> bench vstp',
    '<%= config.bin %> bench fastnet --channel ordered --size 64 --busy-poll 200',
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const count = parseCount(flags.count, 1)
    const size = parseSize(flags.size)
    const busyPoll = parseCount(flags['busy-poll'])
    const set = [...(flags.set ?? [])]
    const { throwawayCertificate } = await import('../live/throwaway-certificate.ts')
    const probe = await this.load(args.schema, flags)
    const wanted = certificateParams(probe.descriptor, probe.params)
    const made = wanted.length > 0 ? throwawayCertificate() : undefined
    if (made !== undefined) for (const [name, part] of wanted) set.push(`${name}=${made[part]}`)
    const { throwawayKeys } = await import('../live/throwaway-keys.ts')
    set.push(...throwawayKeys(probe.descriptor, probe.params))
    const server = new BenchServer()
    try {
      const loaded = await this.load(args.schema, { ...flags, set })
      const [{ planSending }, { BenchLoad }, { connect }] = await Promise.all([
        import('../live/plan-sending.ts'),
        import('../live/bench-load.ts'),
        import('../../runtime/index.ts'),
      ])
      const listen = place(loaded.descriptor, flags.transport)
      const rest = flags.frame === undefined ? [] : [flags.frame]
      const none = { role: undefined, wait: undefined, data: undefined, rate: undefined, timeout: undefined, count: 1 }
      const plan = planSending(loaded, listen, rest, { ...none, channel: flags.channel, size })
      const chosen = loaded.descriptor.frames.find(({ name }) => name === plan.frame)
      const channel = plan.channel ?? (chosen?.channel === 'any' ? loaded.descriptor.channels[0]?.name : undefined)
      const url = await server.start({ schema: args.schema, profile: flags.profile, set, listen, echo: true, busyPoll })
      let load: InstanceType<typeof BenchLoad> | undefined
      const connection = await connect(loaded.descriptor, url, {
        params: loaded.params,
        onFrame: frame => load?.arrived(frame.frameName),
        datagram: { busyPoll },
      })
      this.warnInsecure(connection.insecure)
      load = new BenchLoad(connection as never, plan.frame, plan.value, channel)
      const { times, lost } = await load.trips(count, Math.ceil(count / 10))
      const windowed = await load.windowed(count, parseCount(flags.window, 1))
      await connection.close()
      const oneWay = await this.#oneWay(args.schema, { ...flags, set }, { listen, busyPoll, count }, plan, channel)
      this.#print({ frame: plan.frame, channel, size, count, lost, ...rates(windowed, oneWay) }, times)
    } finally {
      server.stop()
      made?.remove()
    }
  }

  /** To a server that sends nothing back. */
  async #oneWay(
    schema: string,
    flags: Parameters<LiveCommand['load']>[1],
    run: { readonly listen: string; readonly busyPoll: number; readonly count: number },
    plan: { readonly frame: string; readonly value: Record<string, unknown> },
    channel: string | undefined,
  ): Promise<{ messages: number; seconds: number; delivered: number }> {
    const [{ BenchLoad }, { connect }] = await Promise.all([
      import('../live/bench-load.ts'),
      import('../../runtime/index.ts'),
    ])
    const server = new BenchServer()
    try {
      const { listen, busyPoll, count } = run
      const url = await server.start({
        schema,
        profile: flags.profile,
        set: flags.set ?? [],
        listen,
        echo: false,
        busyPoll,
      })
      const loaded = await this.load(schema, flags)
      const connection = await connect(loaded.descriptor, url, {
        params: loaded.params,
        onFrame: () => undefined,
        datagram: { busyPoll },
      })
      const load = new BenchLoad(connection as never, plan.frame, plan.value, channel)
      const rate = await load.oneWay(count, () => server.frames())
      await connection.close()
      return rate
    } finally {
      server.stop()
    }
  }

  #print(run: Record<string, unknown>, times: RoundTrips): void {
    const rtt = times.summary()
    const histogram = times.histogram()
    const line = { event: 'bench', ...run, rtt_us: rtt, rtt_histogram_us: histogram }
    if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify(line)}\n`)
    else
      process.stdout.write(
        [
          `${run.frame}${run.channel === undefined ? '' : ` on ${run.channel}`}, ${run.size} bytes, ${run.count} messages`,
          `round trip      p50 ${rtt?.p50} us, p90 ${rtt?.p90} us, p99 ${rtt?.p99} us${run.lost === 0 ? '' : `, ${run.lost} lost`}`,
          ...histogram.map(({ from, count }) => `  ${share(count, times.count)} from ${from} us`),
          `echo            ${run.echo_per_s} messages/s`,
          `one way         ${run.one_way_per_s} messages/s, ${run.delivered} of ${run.count} delivered`,
          '',
        ].join('\n'),
      )
  }
}

function share(count: number, of: number): string {
  return `${((100 * count) / of).toFixed(2)} %`.padStart(9)
}

/** The other process. */
class BenchServer {
  readonly #child: ChildProcess = fork(new URL(`../live/bench-server.${BUILT ? 'js' : 'ts'}`, import.meta.url), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })

  async start(order: BenchOrder): Promise<string> {
    const answer = await this.#ask(order)
    if ('url' in answer) return answer.url
    throw new Failure('invalid', 'BadTarget', 'failed' in answer ? answer.failed : 'the server did not start')
  }

  async frames(): Promise<number> {
    const answer = await this.#ask('frames')
    return 'frames' in answer ? answer.frames : 0
  }

  stop(): void {
    this.#child.kill()
  }

  #ask(message: BenchOrder | string): Promise<BenchAnswer> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', resolve)
      this.#child.once('exit', () => reject(new Failure('bug', 'Error', 'the server of the run ended')))
      this.#child.send(message)
    })
  }
}

function rates(
  echo: { readonly messages: number; readonly seconds: number },
  oneWay: { readonly messages: number; readonly seconds: number; readonly delivered: number },
): Record<string, number> {
  return {
    echo_per_s: Math.round(echo.messages / echo.seconds),
    one_way_per_s: Math.round(oneWay.delivered / oneWay.seconds),
    delivered: oneWay.delivered,
  }
}

function place(descriptor: ProtocolDescriptor, kind: string | undefined): string {
  const usable = descriptor.transports.filter(({ use }) => use === 'session')
  const from = handOverPlaces(descriptor)?.from
  const found = from ?? (kind === undefined ? usable[0] : usable.find(one => one.kind === kind))
  if (!found) throw usage(`${descriptor.name} has no transport ${kind ?? ''} to measure`)
  return `${found.kind}://127.0.0.1:0`
}

/** Params of TLS that have no value: what each is to be. */
function certificateParams(
  { handshake, params }: ProtocolDescriptor,
  given: Readonly<Record<string, unknown>>,
): [string, 'certificate' | 'key'][] {
  const tls = handshake?.tls
  if (tls === undefined) return []
  const wanted = [
    [tls.certificate, 'certificate'],
    [tls.key, 'key'],
    [tls.verify, 'certificate'],
  ] as const
  return wanted.flatMap(([from, part]) => {
    if (from === undefined || !('param' in from) || from.param in given) return []
    return params.some(({ name }) => name === from.param) ? [[from.param, part] as [string, 'certificate' | 'key']] : []
  })
}

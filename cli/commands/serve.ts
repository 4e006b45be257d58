// `proto serve`: runs a protocol for everybody who connects, and prints what they send.

import { Args, Flags } from '@oclif/core'
import { handOverPlaces } from '../../runtime/core/hand-over-places.ts'
import type { Connection, Metrics, MetricsServer, PeerStats, Server, ServerStats } from '../../runtime/index.ts'
import type { ArgsInput, Example, FlagsInput } from '../base.ts'
import { usage } from '../failure.ts'
import { parseHostPort } from '../input/host-port.ts'
import { parseDuration } from '../input/quantity.ts'
import { parseQueue } from '../input/queue.ts'
import { receivable } from '../live/choose.ts'
import type { Handlers } from '../live/handlers.ts'
import { LiveCommand, type Loaded } from '../live/live-command.ts'
import { sleep } from '../live/pace.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
}

const FLAGS = {
  listen: Flags.string({
    helpValue: 'URL',
    multiple: true,
    multipleNonGreedy: true,
    description: "[tcp|tls|udp://]HOST:PORT, repeatable; default: the schema's first transport and port on 127.0.0.1",
  }),
  connect: Flags.string({
    helpValue: 'URL',
    multiple: true,
    multipleNonGreedy: true,
    description: 'dial this peer too, as one node among others; repeatable',
  }),
  role: Flags.string({ helpValue: 'R', description: 'role to take; default: the first that accepts' }),
  echo: Flags.boolean({ description: 'send frames back' }),
  handler: Flags.string({ helpValue: 'FILE', description: 'module (.ts or .js) with one method for each frame' }),
  queue: Flags.string({
    helpValue: 'KEY=VALUE',
    multiple: true,
    multipleNonGreedy: true,
    description: 'of a relay, for each subscriber: frames, bytes, overflow, stall, hold; default: those of the schema',
  }),
  metrics: Flags.string({ helpValue: 'HOST:PORT', description: 'Prometheus metrics at http://HOST:PORT/metrics' }),
  record: Flags.string({ helpValue: 'FILE', description: 'keep every frame, for proto replay' }),
  for: Flags.string({ helpValue: 'DURATION', default: 'never', description: 'end after this time' }),
}

export default class Serve extends LiveCommand {
  static override summary = 'Run a server for a protocol and print every frame.'
  static override description =
    `Prints one line a frame; with --json one object a line: listening, open, frame, error, close, and at the end summary.
A schema that was never generated is generated and cached. Ctrl-C closes all connections and exits with 130.`
  static override examples: Example[] = [
    '<%= config.bin %> serve vstp --listen tcp://127.0.0.1:6969 --listen udp://127.0.0.1:6969',
    { description: 'Send everything back', command: '<%= config.bin %> serve my.yaml --echo' },
    { description: 'With handlers of your own', command: '<%= config.bin %> serve my.yaml --handler my.handlers.ts' },
    {
      description: 'One node among others',
      command: '<%= config.bin %> serve pea2pea --listen 127.0.0.1:7001 --connect 127.0.0.1:7000 --echo',
    },
    {
      description: 'A relay that loses nothing for those who keep up',
      command: '<%= config.bin %> serve hydra-sync --queue overflow=backpressure --queue frames=1024',
    },
    {
      description: 'TLS',
      command:
        '<%= config.bin %> serve vstp --listen tls://0.0.0.0:6970 --set certificate=cert.pem --set private_key=key.pem',
    },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const duration = parseDuration(flags.for)
    const metricsAt = flags.metrics === undefined ? undefined : parseHostPort(flags.metrics)
    if (flags.echo && flags.handler !== undefined) throw usage('give either --echo or --handler')
    const relayQueue = flags.queue && parseQueue(flags.queue)
    const loaded = await this.load(args.schema, flags)
    if (relayQueue && loaded.descriptor.service?.relay === undefined)
      throw usage(`${loaded.descriptor.name} is no relay: --queue says nothing about it`)
    const runtime = await import('../../runtime/index.ts')
    const handlers = flags.handler === undefined ? undefined : await this.#handlers(flags.handler, loaded, flags.role)
    const recorder = await this.recorder(flags.record, loaded)
    const { name, frames, metrics, seals, covers } = loaded.descriptor
    const counted = metricsAt && new runtime.Metrics({ protocol: name, frames, metrics, seals, covers })
    const signal = this.interruptible()
    const options = {
      ...(flags.role === undefined ? {} : { role: flags.role }),
      ...(handlers ? { handlers } : flags.echo ? { echo: true } : { onFrame: () => undefined }),
      ...(await this.watch(loaded, { recorder })),
      ...(counted ? { meter: counted.meter } : {}),
      params: loaded.params,
      closeTimeout: CLOSE_TIMEOUT,
    }
    const server = await runtime.serve(loaded.descriptor, {
      ...options,
      relayQueue,
      listen: flags.listen ?? [defaultPlace(loaded)],
    })
    const endpoint = metricsAt && (await this.#metrics(runtime.serveMetrics, counted!, metricsAt, server))
    this.#announce(server, endpoint)
    const dialled = await this.#dial(
      flags.connect ?? [],
      target => runtime.connect(loaded.descriptor, target, options),
      server,
    )
    await sleep(duration, signal)
    await Promise.all([server.close(), ...dialled.map(connection => connection.close())])
    await endpoint?.close()
    await recorder?.close()
    const all = [server.stats, ...dialled.map(connection => connection.stats)]
    const sum = (count: (one: PeerStats | ServerStats) => number): number =>
      all.reduce((total, one) => total + count(one), 0)
    const bytes = sum(({ bytesIn, bytesOut }) => bytesIn + bytesOut)
    this.monitor.finish({ sent: sum(one => one.framesOut), received: sum(one => one.framesIn), bytes })
    if (signal.aborted) this.exitInterrupted()
  }

  /** Dials the others; what cannot be reached ends the command. */
  async #dial(
    targets: readonly string[],
    connect: (target: string) => Promise<Connection>,
    server: Server,
  ): Promise<Connection[]> {
    const dialled: Connection[] = []
    try {
      for (const target of targets) dialled.push(await connect(target))
    } catch (error) {
      await Promise.all([server.close(), ...dialled.map(connection => connection.close())])
      throw error
    }
    return dialled
  }

  async #handlers(file: string, { descriptor }: Loaded, role: string | undefined): Promise<Handlers> {
    const { loadHandlers } = await import('../live/handlers.ts')
    const accepts = role ?? descriptor.roles.find(({ transport }) => transport !== 'dials')?.name ?? ''
    return loadHandlers(file, receivable(descriptor, accepts))
  }

  async #metrics(
    serveMetrics: (source: Metrics, at: { host: string; port: number }) => Promise<MetricsServer>,
    metrics: Metrics,
    at: { host: string; port: number },
    server: Server,
  ): Promise<MetricsServer> {
    try {
      return await serveMetrics(metrics, at)
    } catch (error) {
      await server.close()
      throw error
    }
  }

  #announce(server: Server, metrics: MetricsServer | undefined): void {
    this.warnInsecure(server.insecure)
    const { publicKey } = server
    const key = publicKey && { public_key: `0x${Buffer.from(publicKey).toString('hex')}` }
    for (const { transport, host, port } of server.addresses) {
      this.monitor.event({ event: 'listening', transport, address: host, port, ...key })
    }
    if (metrics)
      this.monitor.event({ event: 'listening', transport: 'http', address: metrics.address, port: metrics.port })
  }
}

/** The first transport of the schema, on its port; any free one where it has none. */
function defaultPlace({ descriptor }: Loaded): string {
  const first = handOverPlaces(descriptor)?.from ?? descriptor.transports.find(({ use }) => use === 'session')
  if (!first) throw usage(`${descriptor.name} has no transport to listen on`)
  return `${first.kind}://127.0.0.1:${first.port ?? 0}`
}

/** Milliseconds for goodbyes. A second Ctrl-C does not wait for them. */
const CLOSE_TIMEOUT = 2000

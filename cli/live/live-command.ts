// What `serve`, `send` and `listen` share: the loaded protocol, its params, the lines they print and how they end.

import type { Protocol } from '../../generator/model/model.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import type { CommonOptions } from '../../runtime/index.ts'
import { type CommonFlags, ProtoCommand } from '../base.ts'
import { asFailure, EXIT, Failure } from '../failure.ts'
import { loadSchema } from '../protocol.ts'
import type { FrameEvent } from './events.ts'
import { Monitor } from './monitor.ts'
import type { Recorder } from './recorder.ts'

type Tap = NonNullable<CommonOptions<never, string>['tap']>
type Reader = Parameters<Tap>[1]
// biome-ignore lint/suspicious/noExplicitAny: peers of any protocol and role
type AnyPeer = any

export interface Loaded {
  /** The schema as given on the command line. */
  readonly name: string
  /** The model: for reading and showing values. */
  readonly protocol: Protocol
  /** What runs. */
  readonly descriptor: ProtocolDescriptor
  readonly params: Record<string, unknown>
}

/** Who else wants to know of frames. */
export interface Watchers {
  /** Told of every frame that arrives. */
  readonly seen?: ((frame: string) => void) | undefined
  readonly recorder?: Recorder | undefined
}

/** Callbacks that print what happens. */
export interface Watching {
  readonly onOpen: (peer: AnyPeer) => void
  readonly onClose: (peer: AnyPeer, reason: string, error: Error | undefined) => void
  readonly onError: (error: Error, peer: AnyPeer, address: string) => void
  readonly tap?: (direction: 'in' | 'out', frame: Reader, peer: AnyPeer) => void
}

export abstract class LiveCommand extends ProtoCommand {
  protected readonly monitor: Monitor = new Monitor({
    json: this.jsonEnabled(),
    quiet: this.isQuiet(),
    paint: this.paint,
    write: line => process.stdout.write(`${line}\n`),
  })
  /** The last error that ended a connection. */
  protected fatal: Error | undefined

  protected async load(schema: string, flags: CommonFlags): Promise<Loaded> {
    const loaded = await loadSchema(schema, flags.profile)
    const [{ loadDescriptor }, { givenParams }] = await Promise.all([
      import('./descriptor.ts'),
      import('../input/params.ts'),
    ])
    const params = givenParams(loaded.protocol, flags.set)
    return { name: schema, protocol: loaded.protocol, descriptor: await loadDescriptor(loaded), params }
  }

  /** What the schema gives up is said before anything is sent. */
  protected warnInsecure(reasons: readonly string[]): void {
    for (const reason of reasons) this.note(`${this.notePaint.yellow('insecure:')} ${reason}`)
  }

  /**
   * Prints events, and every frame if somebody wants it: the reader, `seen`, or a recording.
   */
  protected async watch({ protocol, descriptor }: Loaded, { seen, recorder }: Watchers): Promise<Watching> {
    const [{ toJson }, { givenFields }] = await Promise.all([
      import('../../generator/interpret/values.ts'),
      import('../describe/describe.ts'),
    ])
    const given = this.jsonEnabled() ? undefined : givenFields(protocol)
    const { monitor } = this
    const channelOf = (frame: Reader): { channel?: string } => {
      const { channel } = descriptor.frames[frame.frameIndex]!
      return channel === undefined || channel === 'any' ? {} : { channel }
    }
    // People see what a sender chose; what follows from it or is always the same is for --json.
    const fieldsOf = (frame: Reader): Record<string, unknown> => {
      const fields = toJson(protocol, frame.frameName, frame.toObject())
      const chosen = given?.get(frame.frameName)
      return chosen ? Object.fromEntries(Object.entries(fields).filter(([name]) => chosen.has(name))) : fields
    }
    const event = (dir: 'in' | 'out', frame: Reader, peer: AnyPeer): FrameEvent => ({
      event: 'frame',
      dir,
      peer: peer.address,
      frame: frame.frameName,
      fields: fieldsOf(frame),
      ...channelOf(frame),
    })
    const tap: Watching['tap'] = (dir, frame, peer) => {
      if (monitor.showsFrames) monitor.event(event(dir, frame, peer))
      // What a handshake or a service says before the connection counts as open is no frame that anybody waits for.
      if (dir === 'in' && peer.isOpen !== false) seen?.(frame.frameName)
      recorder?.frame(dir, peer.address, frame)
    }
    return {
      onOpen: peer => monitor.event({ event: 'open', peer: peer.address }),
      onClose: (peer, reason, error) => {
        if (error) this.fatal ??= error
        monitor.event({ event: 'close', peer: peer.address, reason })
      },
      onError: (error, _peer, address) => this.#report(error, address),
      ...(monitor.showsFrames || seen || recorder ? { tap } : {}),
    }
  }

  protected async recorder(file: string | undefined, { name, protocol }: Loaded): Promise<Recorder | undefined> {
    if (file === undefined) return undefined
    const { Recorder } = await import('./recorder.ts')
    const { profile } = protocol
    return new Recorder(file, { schema: name, ...(profile === undefined ? {} : { profile }) })
  }

  /** After a graceful end by Ctrl-C. */
  protected exitInterrupted(): never {
    return this.exit(EXIT.interrupted)
  }

  /** Ends as the error says that ended the connection, if there was one. It has been printed. */
  protected exitWithFatal(): void {
    if (this.fatal) this.exit(endOf(this.fatal).exitCode)
  }

  /** The error lines of these commands are events like all their lines. */
  protected override failureLine(failure: Failure): object {
    const { reason: code, message, exitCode } = failure
    return { event: 'error', code, message, fatal: true, exit: exitCode, ...failure.toJSON() }
  }

  #report(error: Error, peer: string): void {
    const { code = 'Error', fatal = true } = error as Error & { code?: string; fatal?: boolean }
    this.monitor.event({ event: 'error', peer, code, message: error.message, fatal })
  }
}

/** How the command ends after an error that ended a connection. */
function endOf(error: Error): Failure {
  return asFailure(error) ?? new Failure('protocol', 'Error', error.message)
}

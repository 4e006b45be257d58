// What all commands share: common flags, where output goes (results on stdout, everything else on stderr), one way to
// end badly. A user's mistake is one sentence and an exit code; only a bug mentions a stack trace, and even then DEBUG
// has to ask for it.

import { setMaxListeners } from 'node:events'
import { Command, Errors, Flags, type Interfaces } from '@oclif/core'
import { asFailure, EXIT, Failure, usage } from './failure.ts'
import { type ColorChoice, type Paint, paint, wantsColor } from './output/color.ts'
import { jsonLine } from './output/json.ts'

export type Example = Command.Example
export type ArgsInput = Interfaces.ArgInput
export type FlagsInput = Interfaces.FlagInput

/** Flags that every command takes. */
export interface CommonFlags {
  readonly profile: string | undefined
  readonly set: string[] | undefined
  readonly crypto: string | undefined
  readonly 'no-native': boolean
  readonly quiet: boolean
}

export interface Parsed<A, F> {
  readonly args: A
  readonly flags: F & CommonFlags
  /** Arguments as given, flags taken out: for commands with any number of them. */
  readonly argv: readonly string[]
}

export abstract class ProtoCommand extends Command {
  static override enableJsonFlag: boolean = true
  static override baseFlags: FlagsInput

  readonly #interrupt = new AbortController()
  #graceful = false
  readonly #onSignal = (): void => this.#signal()

  /** Reads the command line; the same `args` and `flags` as the command's statics, so that their types are known. */
  protected async input<A extends Interfaces.OutputArgs<ArgsInput>, F extends Interfaces.OutputFlags<FlagsInput>>(
    args: Interfaces.ArgInput<A>,
    flags: Interfaces.FlagInput<F>,
  ): Promise<Parsed<A, F>> {
    const parsed = await this.parse({ args, flags, baseFlags: COMMON, enableJsonFlag: true, strict: this.ctor.strict })
    const given = parsed.flags as F & CommonFlags
    if (given['no-native'] || given.crypto !== undefined) await this.#choose(given)
    return { args: parsed.args as A, flags: given, argv: parsed.argv as string[] }
  }

  /** Whether the accelerator is used, and which crypto provider. */
  async #choose(flags: CommonFlags): Promise<void> {
    const [{ native, refuseNative }, { preferProvider }] = await Promise.all([
      import('../runtime/native/load.ts'),
      import('../runtime/native/choose.ts'),
    ])
    if (flags['no-native']) refuseNative('refused by --no-native')
    if (flags.crypto === 'native' && native().addon === undefined)
      throw usage(`--crypto native: the accelerator is not available: ${native().reason} (see proto doctor)`)
    preferProvider(flags.crypto)
  }

  /** Colours for stdout. */
  protected get paint(): Paint {
    return paint(!this.jsonEnabled() && wantsColor(this.#colorChoice(), process.stdout, process.env))
  }

  /** Colours for stderr. */
  protected get notePaint(): Paint {
    return paint(wantsColor(this.#colorChoice(), process.stderr, process.env))
  }

  override async init(): Promise<void> {
    await super.init()
    process.on('SIGINT', this.#onSignal)
    process.on('SIGTERM', this.#onSignal)
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    process.off('SIGINT', this.#onSignal)
    process.off('SIGTERM', this.#onSignal)
    await super.finally(error)
  }

  /**
   * Aborts when the user presses Ctrl-C. Who asks for it promises to come to an end then; the command exits with 130
   * after that. Without it Ctrl-C ends the process at once.
   */
  protected interruptible(): AbortSignal {
    // Every send may listen to it.
    setMaxListeners(0, this.#interrupt.signal)
    this.#graceful = true
    return this.#interrupt.signal
  }

  /** A line of the result, for people. Nothing with --json. */
  protected print(text = ''): void {
    if (!this.jsonEnabled()) process.stdout.write(`${text}\n`)
  }

  /** A line of the result with --json. Nothing without. */
  protected emit(value: unknown): void {
    if (this.jsonEnabled()) process.stdout.write(`${jsonLine(value)}\n`)
  }

  /** Progress and notes, on stderr. Nothing with --quiet. */
  protected note(text: string): void {
    if (!this.isQuiet()) process.stderr.write(`${text}\n`)
  }

  /** What the user must see even with --quiet, on stderr. */
  protected alert(text: string): void {
    process.stderr.write(`${this.notePaint.yellow('warning:')} ${text}\n`)
  }

  /** Shows a failure the way a thrown one is shown, without ending. */
  protected show(failure: Failure): void {
    if (this.jsonEnabled()) process.stdout.write(`${jsonLine(this.failureLine(failure))}\n`)
    else process.stderr.write(`${this.#describe(failure)}\n`)
  }

  /** A failure with --json. */
  protected failureLine(failure: Failure): object {
    return failure
  }

  protected override async catch(error: Error): Promise<void> {
    if (error instanceof Errors.ExitError) throw error
    const failure = asFailure(error) ?? this.#bug(error)
    this.show(failure)
    throw new Errors.ExitError(failure.exitCode)
  }

  #describe(failure: Failure): string {
    if (failure.report !== undefined) return failure.report
    const head = `${this.notePaint.red('proto:')} ${failure.message}`
    if (failure.exitCode !== EXIT.usage) return head
    return `${head}\n${this.notePaint.dim(`see proto ${this.id?.replaceAll(':', ' ') ?? ''} --help`)}`
  }

  #bug(error: unknown): Failure {
    const thrown = error instanceof Error ? error : new Error(String(error))
    if (process.env.DEBUG) process.stderr.write(`${thrown.stack}\n`)
    const [first = ''] = thrown.message.split('\n')
    return new Failure('bug', 'Bug', `${thrown.name}: ${first} (a bug in proto; DEBUG=1 shows where)`)
  }

  #signal(): void {
    if (this.#graceful && !this.#interrupt.signal.aborted) {
      this.#interrupt.abort(new Failure('interrupted', 'Interrupted', 'interrupted'))
      return
    }
    process.exit(EXIT.interrupted)
  }

  // Flags may not be parsed (or not parsable) when these are needed.
  #colorChoice(): ColorChoice {
    const at = this.argv.findIndex(arg => arg === '--color' || arg.startsWith('--color='))
    const value = at < 0 ? 'auto' : (this.argv[at]!.split('=')[1] ?? this.argv[at + 1])
    return value === 'always' || value === 'never' ? value : 'auto'
  }

  /** Whether --quiet was given. */
  protected isQuiet(): boolean {
    return this.argv.some(arg => arg === '--quiet' || arg === '-q')
  }
}

const COMMON = {
  profile: Flags.string({ helpGroup: 'GLOBAL', helpValue: 'P', description: 'profile of the schema' }),
  set: Flags.string({
    helpGroup: 'GLOBAL',
    helpValue: 'PARAM=VALUE',
    multiple: true,
    multipleNonGreedy: true,
    description: 'param of the schema; @FILE and env:NAME for secrets',
  }),
  crypto: Flags.string({
    helpGroup: 'GLOBAL',
    options: ['native', 'node', 'noble'],
    description: 'use only this crypto provider',
  }),
  'no-native': Flags.boolean({ helpGroup: 'GLOBAL', description: 'do without the native accelerator' }),
  quiet: Flags.boolean({ char: 'q', helpGroup: 'GLOBAL', description: 'no progress and notes on stderr' }),
  color: Flags.string({
    helpGroup: 'GLOBAL',
    options: ['auto', 'always', 'never'],
    default: 'auto',
    description: 'colour in output for people',
  }),
}
// Set here, below the constants, and shared by all commands.
ProtoCommand.baseFlags = COMMON

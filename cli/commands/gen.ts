// `proto gen`: generated code for schemas, written where it changed; or a check that it is fresh; or again at every change.

import { join, resolve } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { EXIT, Failure } from '../failure.ts'
import { type Cycle, makePlan, type Plan, runPlan } from '../generate/plan.ts'
import { watchFiles } from '../generate/watch.ts'
import { formatDuration, plural } from '../output/number.ts'
import { diagnosticsFailure, formatDiagnostics } from '../protocol.ts'
import { shownPath } from '../schema-argument.ts'

const ARGS = {
  schema: Args.string({ multiple: true, ignoreStdin: true, description: 'YAML files or shipped names' }),
}

const FLAGS = {
  out: Flags.string({
    helpValue: 'DIR',
    default: 'generated',
    description: 'where a folder for each protocol is made',
  }),
  check: Flags.boolean({ exclusive: ['watch'], description: 'write nothing; exit 100 when something is stale' }),
  watch: Flags.boolean({ description: 'run again when a schema changes' }),
  emit: Flags.string({ helpValue: 'KINDS', description: 'only these, comma-separated: ts, docs, dissector, vectors' }),
  runtime: Flags.string({ helpValue: 'SPECIFIER', description: 'what generated code imports the runtime from' }),
}

export default class Gen extends ProtoCommand {
  static override summary = 'Generate types, codec, handlers, descriptor, docs, dissector and vectors.'
  static override description =
    `Without SCHEMA: all schemas that ship with the package when run in its repository, otherwise all *.yaml in schema/.
Only files that changed are written. With --check nothing is, and 100 is the exit code when a file is stale.`
  static override examples: Example[] = [
    '<%= config.bin %> gen my.yaml --out src/generated',
    { description: 'In continuous integration', command: '<%= config.bin %> gen --check' },
    { description: 'While editing', command: '<%= config.bin %> gen my.yaml --watch' },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const plan = await makePlan([args.schema ?? []].flat(), flags)
    if (flags.watch) return this.#watch(plan)
    const cycle = await this.#generate(plan)
    if (flags.check) return this.#check(plan, cycle)
    const { apply } = await import('../generate/output.ts')
    apply(cycle.generated.files, plan.out, cycle.difference)
    const [written, removed] = [shown(plan, cycle.difference.changed), shown(plan, cycle.difference.extra)]
    const files = cycle.generated.files.size
    this.emit({ out: shownPath(plan.out), files, written, removed, duration_ms: Math.round(cycle.ms) })
    for (const file of written) this.print(file)
    for (const file of removed) this.print(`removed ${file}`)
    this.note(summaryLine(plan, cycle))
  }

  /** Throws when a schema is wrong; its warnings are notes. */
  async #generate(plan: Plan): Promise<Cycle> {
    const cycle = await runPlan(plan)
    const { diagnostics } = cycle.generated
    if (diagnostics.some(({ severity }) => severity === 'error')) {
      throw await diagnosticsFailure({ diagnostics, sources: cycle.sources })
    }
    if (diagnostics.length > 0) this.note(await formatDiagnostics({ diagnostics, sources: cycle.sources }))
    return cycle
  }

  #check(plan: Plan, { difference, ms }: Cycle): void {
    const stale = shown(plan, [...difference.changed, ...difference.extra])
    if (stale.length === 0) {
      this.emit({ fresh: true, stale })
      this.print(`${this.paint.green('ok ')} ${plural(plan.schemas.length, 'schema')} fresh in ${formatDuration(ms)}`)
      return
    }
    const mend = ['proto', 'gen', ...this.argv.filter(arg => arg !== '--check' && arg !== '--json')].join(' ')
    const message = `${plural(stale.length, 'file')} not what the schemas make now`
    this.emit({ fresh: false, stale, mend, error: { code: 'Stale', message, mend } })
    for (const file of stale) this.print(`${this.paint.red('stale')}  ${file}`)
    this.print(`\n${message}. Mend with: ${mend}`)
    this.exit(EXIT.findings)
  }

  /** A wrong schema is shown and waited for; nothing but Ctrl-C ends this. */
  async #watch(plan: Plan): Promise<void> {
    const signal = this.interruptible()
    let watched: string[] = plan.schemas.map(file => resolve(file))
    const cycle = async (): Promise<void> => {
      const time = new Date().toTimeString().slice(0, 8)
      try {
        const done = await this.#generate(plan)
        watched = [...new Set([...watched, ...[...done.sources.keys()].map(file => resolve(file))])]
        const { apply } = await import('../generate/output.ts')
        apply(done.generated.files, plan.out, done.difference)
        const { changed, extra } = done.difference
        this.emit({
          event: 'generated',
          written: shown(plan, changed),
          removed: shown(plan, extra),
          duration_ms: Math.round(done.ms),
        })
        this.print(`${time}  ${summaryLine(plan, done)}`)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        this.print(`${time}  ${this.paint.red('invalid')}`)
        this.show(error)
      }
    }
    this.note(`watching ${plural(plan.schemas.length, 'schema')}; Ctrl-C ends it`)
    await watchFiles(() => watched, cycle, signal)
    throw signal.reason
  }
}

function shown(plan: Plan, files: readonly string[]): string[] {
  return files.map(file => shownPath(join(plan.out, file)))
}

function summaryLine(plan: Plan, { generated, difference, ms }: Cycle): string {
  const { changed, extra } = difference
  const removed = extra.length > 0 ? `, ${extra.length} removed` : ''
  const what = `${plural(plan.schemas.length, 'schema')}, ${plural(generated.files.size, 'file')}`
  return `${what}: ${changed.length} written${removed} in ${formatDuration(ms)}`
}

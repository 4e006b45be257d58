// `proto lint`: every mistake of a schema with its line, and whether its examples hold.

import { Args } from '@oclif/core'
import { type ArgsInput, type Example, ProtoCommand } from '../base.ts'
import { EXIT } from '../failure.ts'
import { plural } from '../output/number.ts'
import { type CheckedSchema, checkSchema, formatDiagnostics, plainDiagnostic } from '../protocol.ts'
import { shownPath } from '../schema-argument.ts'

const ARGS = {
  schema: Args.string({
    required: true,
    multiple: true,
    ignoreStdin: true,
    description: 'YAML files or names of shipped schemas',
  }),
}

export default class Lint extends ProtoCommand {
  static override summary = 'Check schemas: syntax, every rule of the language, and their examples.'
  static override description = 'Exits with 65 when a schema is invalid, with 100 when there are only warnings.'
  static override examples: Example[] = [
    '<%= config.bin %> lint my.yaml',
    { description: 'With a profile applied', command: '<%= config.bin %> lint vstp --profile crate-0.2.1' },
  ]
  static override args: ArgsInput = ARGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, {})
    const names = [args.schema].flat()
    const checked: CheckedSchema[] = []
    for (const name of names) checked.push(await checkSchema(name, flags.profile, true))
    for (const schema of checked) await this.#report(schema)
    const diagnostics = checked.flatMap(schema => schema.diagnostics)
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    const warnings = diagnostics.length - errors.length
    this.emit({
      schemas: checked.map(({ name, file, protocol }) => ({
        name,
        file: shownPath(file),
        valid: protocol !== undefined,
      })),
      errors: errors.length,
      warnings,
      diagnostics: diagnostics.map(plainDiagnostic),
      ...(errors[0] ? { error: plainDiagnostic(errors[0]) } : {}),
    })
    if (errors.length > 0) this.exit(EXIT.invalid)
    if (warnings > 0) this.exit(EXIT.findings)
  }

  async #report(schema: CheckedSchema): Promise<void> {
    const { green, red, yellow, dim } = this.paint
    const { diagnostics, protocol, name } = schema
    if (diagnostics.length > 0) this.print(await formatDiagnostics(schema))
    const errors = diagnostics.filter(({ severity }) => severity === 'error').length
    if (errors > 0) return this.print(`${red('bad')} ${name}: ${plural(errors, 'error')}`)
    const { frames, examples } = protocol!
    const counts = dim(`${plural(frames.size, 'frame')}, ${plural(examples.length, 'example')}`)
    if (diagnostics.length > 0)
      this.print(`${yellow('ok ')} ${name}: ${plural(diagnostics.length, 'warning')}, ${counts}`)
    else this.print(`${green('ok ')} ${name}: ${counts}`)
  }
}

// `proto format`: schemas laid out one way.

import { writeFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { EXIT, missing, usage } from '../failure.ts'
import { readText } from '../input/text.ts'
import { plural } from '../output/number.ts'
import { findSchema, shownPath } from '../schema-argument.ts'

const ARGS = {
  schema: Args.string({
    required: true,
    multiple: true,
    ignoreStdin: true,
    description: 'YAML files or names of shipped schemas',
  }),
}

const FLAGS = {
  write: Flags.boolean({ char: 'w', exclusive: ['check'], description: 'change the files' }),
  check: Flags.boolean({ description: 'change nothing; exit with 100 when a file is laid out otherwise' }),
}

interface Laid {
  readonly file: string
  readonly text: string
  readonly changed: boolean
}

export default class Format extends ProtoCommand {
  static override summary = 'Lay schemas out: indentation, spaces, empty lines. Comments and meaning stay.'
  static override description = 'Without --write and --check the text goes to stdout.'
  static override examples: Example[] = [
    '<%= config.bin %> format my.yaml',
    '<%= config.bin %> format --write schema/*.yaml',
    { description: 'In continuous integration', command: '<%= config.bin %> format --check my.yaml' },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const names = [args.schema].flat()
    if (names.length > 1 && !flags.write && !flags.check) throw usage('several schemas need --write or --check')
    const laid: Laid[] = []
    for (const name of names) laid.push(await lay(findSchema(name).file))
    const changed = laid.filter(one => one.changed)
    if (flags.write) for (const { file, text } of changed) writeFileSync(file, text)
    this.emit({ files: laid.map(({ file, changed }) => ({ file: shownPath(file), changed })), changed: changed.length })
    if (!flags.write && !flags.check) {
      if (!this.jsonEnabled()) process.stdout.write(laid[0]!.text)
      return
    }
    const { green, red } = this.paint
    for (const { file, changed } of laid) {
      const word = changed ? (flags.write ? green('laid out') : red('would change')) : green('ok')
      this.print(`${word} ${shownPath(file)}`)
    }
    if (flags.check && changed.length > 0) {
      this.note(`${plural(changed.length, 'file')}: proto format --write changes them`)
      this.exit(EXIT.findings)
    }
  }
}

async function lay(file: string): Promise<Laid> {
  const [{ formatSchema }, { parse }, yaml] = await Promise.all([
    import('../../generator/format/format.ts'),
    import('../../generator/load/parse.ts'),
    import('yaml'),
  ])
  const before = readText(file)
  if (before === undefined) throw missing(`${shownPath(file)}: cannot be read`)
  const { diagnostics } = parse(shownPath(file), before)
  if (diagnostics.length > 0) {
    const { diagnosticsFailure } = await import('../protocol.ts')
    throw await diagnosticsFailure({ diagnostics, sources: new Map([[shownPath(file), before]]) })
  }
  const text = formatSchema(before)
  if (!isDeepStrictEqual(yaml.parse(before), yaml.parse(text)))
    throw new Error(`${shownPath(file)}: laying it out would change what it says`)
  return { file, text, changed: text !== before }
}

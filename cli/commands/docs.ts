// `proto docs`: the reference page of a protocol, as Markdown.

import { join } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { loadSchema } from '../protocol.ts'
import { shownPath } from '../schema-argument.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
}

const FLAGS = {
  out: Flags.string({ helpValue: 'DIR', description: 'write DIR/NAME.md; default: print it' }),
}

export default class Docs extends ProtoCommand {
  static override summary = 'Write the reference page of a protocol: byte layouts, fields, states, errors, limits.'
  static override examples: Example[] = [
    '<%= config.bin %> docs vstp | less',
    { description: 'Into a folder', command: '<%= config.bin %> docs my.yaml --out docs' },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const { protocol } = await loadSchema(args.schema, flags.profile)
    const [{ emitDocs }, { normalize }, { writeAtomically }] = await Promise.all([
      import('../../generator/emit/docs.ts'),
      import('../../generator/normalize/index.ts'),
      import('../generate/output.ts'),
    ])
    const text = emitDocs(
      protocol,
      normalize(protocol, () => {}),
    )
    if (flags.out === undefined) {
      this.print(text.trimEnd())
      this.emit({ protocol: protocol.name, markdown: text })
      return
    }
    const file = join(flags.out, `${protocol.name}.md`)
    writeAtomically(file, text)
    this.print(shownPath(file))
    this.emit({ protocol: protocol.name, file: shownPath(file) })
  }
}

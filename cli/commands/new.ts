// `proto new`: a small protocol to start from, with its handlers. Both files are valid as they are.

import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { Failure, usage } from '../failure.ts'
import { ROOT } from '../package.ts'

const ARGS = {
  name: Args.string({
    name: 'NAME',
    required: true,
    ignoreStdin: true,
    description: 'lower case, words joined by -',
  }),
}

const FLAGS = {
  out: Flags.string({ helpValue: 'DIR', default: '.', description: 'folder for both files' }),
}

export default class New extends ProtoCommand {
  static override summary = 'Write a small valid schema NAME.yaml and its handlers NAME.handlers.ts.'
  static override examples: Example[] = [
    '<%= config.bin %> new telemetry',
    '<%= config.bin %> serve telemetry.yaml --handler telemetry.handlers.ts',
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const name = basename(args.name, '.yaml')
    if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
      throw usage(`"${args.name}" is no protocol name: lower-case letters and digits, words joined by -`)
    }
    const folder = join(flags.out, dirname(args.name))
    const files = [
      { file: join(folder, `${name}.yaml`), text: schemaText(name, folder) },
      { file: join(folder, `${name}.handlers.ts`), text: handlersText(name) },
    ]
    mkdirSync(folder, { recursive: true })
    for (const { file, text } of files) {
      try {
        writeFileSync(file, text, { flag: 'wx' })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
        throw new Failure('invalid', 'FileExists', `${file} exists and is left as it is`)
      }
      this.print(file)
    }
    this.emit({ files: files.map(({ file }) => file) })
    this.note(`next: proto lint ${files[0]!.file}, then proto serve ${files[0]!.file} --handler ${files[1]!.file}`)
  }
}

function schemaText(name: string, folder: string): string {
  const language = relative(folder, join(ROOT, 'schema', 'protocol.schema.json')).replaceAll('\\', '/')
  return `# yaml-language-server: $schema=${language.startsWith('.') ? language : `./${language}`}
protocol: ${name}
version: 1
doc: Readings that a client reports, answered by the server.
endian: big
insecure: [ nothing is encrypted or authenticated ]

errors:
  BadUnit: { text: unknown unit }

enums:
  Unit: { type: u8, values: { celsius: 1, percent: 2, volt: 3 }, unknown: BadUnit }

frames:
  Report:
    id: 1
    dir: client>server
    doc: One reading.
    fields:
      seq: u32
      unit: Unit
      value: f64
      note: { type: string(u8), default: none }
  Accepted:
    id: 2
    dir: server>client
    doc: The server has taken the reading with this number.
    fields: { seq: u32 }

transports:
  tcp: { framing: prefix(u16), max_frame: 4KiB, port: 7000 }
  udp: { framing: datagram, max_frame: 1200, port: 7000 }

replies:
  report: { to: Report, with: Accepted, by: seq, timeout: 2s }

examples:
  - { frame: Accepted, fields: { seq: 7 }, hex: "0200000007" }
`
}

function handlersText(name: string): string {
  return `// Handlers for ${name}.yaml: proto serve ${name}.yaml --handler ${name}.handlers.ts
// One method for each frame that a client may send. A frame is valid until the handler returns; toObject() copies it.

interface Report {
  readonly seq: number
  readonly unit: string
  readonly value: number
  readonly note: string
}

export default {
  /** What is returned becomes the fields of the answer, Accepted. */
  Report(frame: Report): { seq: number } {
    process.stderr.write(\`reading \${frame.seq}: \${frame.value} \${frame.unit} \${frame.note}\\n\`)
    return { seq: frame.seq }
  },
}
`
}

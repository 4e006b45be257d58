// `proto encode`: a frame as hex.

import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { readJson, toHex } from '../input/bytes.ts'
import { loadSchema } from '../protocol.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
  frame: Args.string({ required: true, ignoreStdin: true, description: 'name of the frame' }),
}

const FLAGS = {
  data: Flags.string({ helpValue: 'JSON', description: 'fields as JSON, or @FILE (@- for standard input)' }),
  dir: Flags.string({ helpValue: 'A>B', description: 'direction, where the bytes depend on it' }),
  plain: Flags.boolean({ description: 'leave sealed parts as plain text, without a tag' }),
}

export default class Encode extends ProtoCommand {
  static override summary = 'Encode a frame and print it as hex.'
  static override description =
    `Fields are given as NAME=VALUE. Bytes are 0x.., text:.., base64:.. or @FILE, lists and objects are JSON, a.b=.. reaches
into a struct; enums take a name or number, bit sets a list of names.`
  static override usage = '<%= command.id %> SCHEMA FRAME [NAME=VALUE...] [--data JSON|@FILE]'
  static override examples: Example[] = [
    '<%= config.bin %> encode vstp Data payload=text:hello',
    '<%= config.bin %> encode vstp Data \'flags=["req_ack"]\' --data \'{"headers":[{"key":"text:k","value":"text:v"}]}\'',
    {
      description: 'As bytes into a socket',
      command: '<%= config.bin %> encode vstp Ping | xxd -r -p | nc 127.0.0.1 6969',
    },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS
  static override strict = false

  async run(): Promise<void> {
    const { args, flags, argv } = await this.input(ARGS, FLAGS)
    const { protocol } = await loadSchema(args.schema, flags.profile)
    const [{ readFields }, { findFrame }, { interpret }, { toolContext }] = await Promise.all([
      import('../input/fields.ts'),
      import('../describe/find.ts'),
      import('../../generator/interpret/index.ts'),
      import('../decode/context.ts'),
    ])
    const frame = findFrame(protocol, args.frame)
    const data = flags.data === undefined ? undefined : await readJson(flags.data)
    const value = readFields(protocol, frame.name, argv.slice(2), data)
    const codec = interpret(protocol, { ...toolContext(protocol, flags.set), dir: flags.dir, plain: flags.plain })
    const bytes = new Uint8Array(codec.sizeOf(frame.name, value))
    const hex = toHex(bytes.subarray(0, codec.encode(frame.name, value, bytes, 0)))
    this.print(hex)
    this.emit({ frame: frame.name, length: hex.length / 2, hex })
  }
}

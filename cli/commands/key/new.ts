// `proto key new`: makes an X25519 key pair (RFC 7748). The private half goes into a file that only its owner can read,
// never to the terminal.

import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { Args } from '@oclif/core'
import { type ArgsInput, type Example, ProtoCommand } from '../../base.ts'
import { Failure } from '../../failure.ts'
import { keyText } from '../../input/key-file.ts'

const ARGS = {
  file: Args.string({
    name: 'FILE',
    required: true,
    ignoreStdin: true,
    description: 'file to write, must not exist',
  }),
}

export default class KeyNew extends ProtoCommand {
  static override summary = 'Make an X25519 key pair: the private key into FILE, the public key to stdout.'
  static override examples: Example[] = [
    {
      description: 'Make a server key, then serve with it',
      command: '<%= config.bin %> key new server.key && <%= config.bin %> serve chat --set static_key=@server.key',
    },
  ]
  static override args: ArgsInput = ARGS

  async run(): Promise<void> {
    const { args } = await this.input(ARGS, {})
    const { privateKey, publicKey } = generateKeyPairSync('x25519')
    try {
      writeFileSync(args.file, `${keyText(privateKey.export({ format: 'jwk' }).d!)}\n`, { flag: 'wx', mode: 0o600 })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      throw new Failure('invalid', 'FileExists', `${args.file} exists; a key is never overwritten`)
    }
    const shown = keyText(publicKey.export({ format: 'jwk' }).x!)
    this.print(shown)
    this.emit({ file: args.file, public: shown })
    this.note(`private key in ${args.file}, readable by you alone`)
  }
}

// `proto key show`: the public key that belongs to a private key file.

import { createPrivateKey, createPublicKey } from 'node:crypto'
import { Args } from '@oclif/core'
import { type ArgsInput, type Example, ProtoCommand } from '../../base.ts'
import { keyText, readKeyFile } from '../../input/key-file.ts'

const ARGS = {
  file: Args.string({ name: 'FILE', required: true, ignoreStdin: true, description: 'made by `key new`' }),
}

export default class KeyShow extends ProtoCommand {
  static override summary = 'Print the public key of the private key in FILE.'
  static override examples: Example[] = ['<%= config.bin %> key show server.key']
  static override args: ArgsInput = ARGS

  async run(): Promise<void> {
    const { args } = await this.input(ARGS, {})
    const secret = Buffer.concat([PKCS8_X25519, readKeyFile(args.file)])
    const key = createPublicKey(createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' }))
    const shown = keyText(key.export({ format: 'jwk' }).x!)
    this.print(shown)
    this.emit({ file: args.file, public: shown })
  }
}

/** What stands before the 32 bytes of an X25519 key in PKCS #8 (RFC 8410 section 7). */
const PKCS8_X25519 = Buffer.from('302e020100300506032b656e04220420', 'hex')

// Key files: 32 bytes as one line of `0x` hex, the form that `--set NAME=@FILE` takes too.

import { readFileSync } from 'node:fs'
import { Failure } from '../failure.ts'
import { toHex } from './bytes.ts'

/** `0x` hex of a key in base64url, as JWK has it. */
export function keyText(base64url: string): string {
  return `0x${toHex(Buffer.from(base64url, 'base64url'))}`
}

/** The 32 bytes in a key file. Nothing of them ever appears in an error. */
export function readKeyFile(file: string): Uint8Array {
  const match = /^(?:0x)?([0-9a-fA-F]{64})$/.exec(readFileSync(file, 'latin1').trim())
  if (!match) throw new Failure('invalid', 'BadKey', `${file} holds no key: 64 hex digits were expected`)
  return Buffer.from(match[1]!, 'hex')
}

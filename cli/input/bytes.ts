// Input of `decode`: hex on the command line, a file, or standard input, which may hold hex text or the bytes themselves.

import { readFileSync } from 'node:fs'
import { Failure, invalid, missing } from '../failure.ts'

/**
 * Bytes of the argument: hex (spaces, `0x`, `:` and line breaks are ignored), `@file`, or `-` for standard input.
 * Files and standard input that are hex text are read as hex, anything else as it is; `raw` takes them as they are.
 */
export async function readBytes(argument: string, raw: boolean): Promise<Uint8Array> {
  if (argument === '-') return fromContent(await readStandardInput(), raw, 'standard input')
  if (argument.startsWith('@')) {
    const file = argument.slice(1)
    return fromContent(readFileSync(file), raw, file)
  }
  return parseHex(argument)
}

/** Bytes of hex digits. What is wrong is said with its place. */
export function parseHex(text: string): Uint8Array {
  const digits = text.replace(SEPARATORS, '')
  const wrong = /[^0-9a-fA-F]/.exec(digits)
  if (wrong) {
    throw new Failure('invalid', 'BadHex', `"${wrong[0]}" is not a hex digit (a file is given as @FILE)`, {
      details: { offset: text.indexOf(wrong[0]) },
    })
  }
  if (digits.length % 2 === 1) throw new Failure('invalid', 'BadHex', `${digits.length} hex digits: one is missing`)
  return Uint8Array.from(Buffer.from(digits, 'hex'))
}

export const toHex = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')

/** JSON from the argument itself or from `@file` (`@-`: standard input). */
export async function readJson(argument: string): Promise<unknown> {
  const from = argument.startsWith('@') ? argument.slice(1) : undefined
  const text =
    from === undefined
      ? argument
      : from === '-'
        ? (await readStandardInput()).toString('utf8')
        : readFileSync(from, 'utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw invalid(`${from === undefined ? '--data' : from} is not JSON: ${(error as Error).message}`)
  }
}

async function readStandardInput(): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function fromContent(content: Buffer, raw: boolean, from: string): Uint8Array {
  if (content.length === 0) throw missing(`${from} is empty`)
  if (raw) return content
  const text = content.toString('latin1')
  return /^[0-9a-fA-FxX\s:,]+$/.test(text) && /[0-9a-fA-F]/.test(text) ? parseHex(text) : content
}

const SEPARATORS = /0[xX]|[\s:,]/g

// Runs a command class in this process, on source, and catches what it writes and how it ends.

import { fileURLToPath } from 'node:url'
import { Config, Errors } from '@oclif/core'
import type { ProtoCommand } from '../../cli/base.ts'

/** A printed object. Tests look into it by path; what is not there is undefined. */
// biome-ignore lint/suspicious/noExplicitAny: its shape is what the tests are about
export type Json = any

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** stdout as JSON lines. */
  readonly lines: Json[]
  /** The first line; throws when there is none. */
  readonly json: Json
}

type CommandClass = new (argv: string[], config: Config) => ProtoCommand

/** Never throws for a failing command: `code` is what the process would exit with. */
export async function run(Class: CommandClass, ...argv: string[]): Promise<Ran> {
  const config = await configuration()
  const out: string[] = []
  const err: string[] = []
  const stdout = process.stdout.write
  const stderr = process.stderr.write
  process.stdout.write = (chunk: string | Uint8Array) => out.push(String(chunk)) > 0
  process.stderr.write = (chunk: string | Uint8Array) => err.push(String(chunk)) > 0
  let code = 0
  try {
    const command = new Class(argv, config) as ProtoCommand & { _run(): Promise<unknown> }
    const ctor = Class as unknown as { id?: string }
    ctor.id ??= Class.name.toLowerCase()
    command.id = ctor.id
    await command._run()
    code = Number(process.exitCode ?? 0)
  } catch (error) {
    if (!(error instanceof Errors.ExitError)) throw error
    code = error.oclif.exit ?? 1
  } finally {
    process.exitCode = 0
    process.stdout.write = stdout
    process.stderr.write = stderr
  }
  return {
    code,
    stdout: out.join(''),
    stderr: err.join(''),
    get lines() {
      return parse(out.join(''))
    },
    get json() {
      const [first] = parse(out.join(''))
      if (!first) throw new Error(`no JSON on stdout; stderr: ${err.join('')}`)
      return first
    },
  }
}

/** A configuration without commands: discovering them would load the build. */
function configuration(): Promise<Config> {
  loaded ??= Config.load({ root: fileURLToPath(new URL('./oclif', import.meta.url)) })
  return loaded
}

function parse(text: string): Json[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Json)
}

let loaded: Promise<Config> | undefined

// `proto breaking`: what peers and programs of an older version of a schema would stumble over.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { Args, Flags } from '@oclif/core'
import type { Finding } from '../../generator/breaking/breaking.ts'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import { EXIT, missing, usage } from '../failure.ts'
import { plural } from '../output/number.ts'
import { loadSchema } from '../protocol.ts'
import { findSchema } from '../schema-argument.ts'

const ARGS = {
  schema: Args.string({
    required: true,
    ignoreStdin: true,
    description: 'YAML file or shipped name: the newer version',
  }),
}

const FLAGS = {
  against: Flags.string({
    required: true,
    helpValue: 'FILE|git:REF',
    description: 'the older version: a file, or the same file at a commit',
  }),
}

export default class Breaking extends ProtoCommand {
  static override summary = 'Compare a schema with an older version and tell what would break peers and programs.'
  static override description =
    'Exits with 100 when something would. `wire`: bytes of one version mean something else to the other. `source`: programs must be changed.'
  static override examples: Example[] = [
    '<%= config.bin %> breaking my.yaml --against my-1.0.yaml',
    { description: 'What is not committed yet', command: '<%= config.bin %> breaking my.yaml --against git:HEAD' },
  ]
  static override args: ArgsInput = ARGS
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, FLAGS)
    const after = await loadSchema(args.schema, flags.profile)
    const before = await this.#older(flags.against, after.file, flags.profile)
    const { breaking } = await import('../../generator/breaking/breaking.ts')
    const findings = breaking(before, after.protocol)
    const wire = findings.filter(one => one.breaks === 'wire').length
    this.emit({
      schema: after.name,
      against: flags.against,
      wire,
      source: findings.length - wire,
      findings: findings.map(plain),
    })
    const { red, yellow, green, dim } = this.paint
    for (const { breaks, code, message, place } of findings) {
      const where = `${place.file}:${place.line}:${place.column}`
      this.print(`${dim(where)} ${breaks === 'wire' ? red('wire') : yellow('source')}[${code}] ${message}`)
    }
    if (findings.length === 0) return this.print(`${green('ok ')} ${after.name}: nothing breaks`)
    this.print(
      `${red('bad')} ${after.name}: ${plural(wire, 'change')} on the wire, ${findings.length - wire} in source`,
    )
    this.exit(EXIT.findings)
  }

  async #older(against: string, file: string, profile: string | undefined) {
    if (!against.startsWith('git:')) return (await loadSchema(against, profile)).protocol
    const ref = against.slice('git:'.length)
    if (ref === '' || ref.startsWith('-')) throw usage('--against git:REF needs a commit, branch or tag')
    const folder = mkdtempSync(join(tmpdir(), 'proto-breaking-'))
    try {
      const top = git(dirname(file), ['rev-parse', '--show-toplevel']).trim()
      // Imports are relative, so everything beside and below the schema at that commit is taken out too.
      const inside = relative(top, file)
      const archive = git(top, ['archive', '--format=tar', ref, '--', dirname(inside)], 'buffer')
      execFileSync('tar', ['-x', '-C', folder], { input: archive })
      return (await loadSchema(findSchema(join(folder, inside)).file, profile)).protocol
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

function git(cwd: string, args: readonly string[], encoding?: 'buffer'): string {
  try {
    return execFileSync('git', [...args], {
      cwd,
      encoding: (encoding ?? 'utf8') as 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 28,
    })
  } catch (error) {
    const text = String((error as { stderr?: unknown }).stderr ?? (error as Error).message)
      .trim()
      .split('\n')[0]
    throw missing(`git: ${text?.replace(/^fatal: /, '') ?? 'failed'}`)
  }
}

function plain({ breaks, code, message, place }: Finding): Record<string, unknown> {
  return { breaks, code, message, file: place.file, line: place.line, column: place.column }
}

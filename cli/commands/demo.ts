// `proto demo`: the first thing a newcomer runs. Schemas become code, a server and a client talk over real sockets, and
// every byte between them is explained.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Flags } from '@oclif/core'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import type { GeneratedSchema } from '../demo/codecs.ts'
import type { CrossedFrame, Step } from '../demo/conversation.ts'
import { formatCount, formatDuration, formatSize, plural } from '../output/number.ts'
import { width } from '../output/table.ts'
import { shippedSchemas } from '../package.ts'
import { loadSchema } from '../protocol.ts'

const FLAGS = {
  keep: Flags.boolean({ description: 'do not remove the generated code' }),
}

export default class Demo extends ProtoCommand {
  static override summary =
    'Generate code for all shipped schemas, run a server and a client, and explain what crosses the wire.'
  static override examples: Example[] = [
    '<%= config.bin %> demo',
    { description: 'Look at the generated code afterwards', command: '<%= config.bin %> demo --keep' },
  ]
  static override flags: FlagsInput = FLAGS

  async run(): Promise<void> {
    const { flags } = await this.input({}, FLAGS)
    const start = performance.now()
    const out = mkdtempSync(join(tmpdir(), 'framewright-demo-'))
    try {
      const { descriptor, files } = await this.#codecs(out)
      const frames = await this.#conversation(descriptor)
      const ms = performance.now() - start
      this.emit({ event: 'summary', schemas: shippedSchemas().length, files, frames, duration_ms: Math.round(ms) })
      this.#farewell(files, frames, ms, flags.keep ? out : undefined)
    } finally {
      if (!flags.keep) rmSync(out, { recursive: true, force: true })
    }
  }

  async #codecs(out: string): Promise<{ descriptor: ProtocolDescriptor; files: number }> {
    this.#heading('1', 'Every schema becomes typed code')
    const { generateSchema, importGenerated } = await import('../demo/codecs.ts')
    const all = shippedSchemas()
    const nameWidth = Math.max(...all.map(({ name }) => name.length))
    const made: GeneratedSchema[] = []
    for (const schema of all) {
      const one = await generateSchema(schema, out)
      made.push(one)
      const { name, files, lines, bytes, ms } = one
      this.emit({ event: 'generated', name, files, lines, bytes, duration_ms: Math.round(ms) })
      const { cyan, dim } = this.paint
      const counts = `${String(files).padStart(3)} files  ${formatCount(lines).padStart(6)} lines  ${formatSize(bytes).padStart(8)}`
      this.print(`   ${cyan(name.padEnd(nameWidth))}  ${counts}  ${dim(formatDuration(ms).padStart(7))}`)
    }
    const shown = made.find(({ name }) => name === SHOWN)!
    return { descriptor: await importGenerated(shown, out), files: made.reduce((sum, { files }) => sum + files, 0) }
  }

  async #conversation(descriptor: ProtocolDescriptor): Promise<number> {
    const { protocol, sources } = await loadSchema(SHOWN, undefined)
    const { converse } = await import('../demo/conversation.ts')
    const { server, steps } = await converse(descriptor, protocol, sources)
    const places = server.addresses.map(({ transport, host, port }) => `${transport}://${host}:${port}`)
    this.#heading('2', `A ${SHOWN} server and a client, made of that code, on real sockets`)
    this.print(`   ${this.paint.dim(`listening on ${places.join(' and ')}; a relay in between keeps every byte`)}`)
    let count = 0
    for await (const step of steps) {
      this.#step(step)
      count += step.frames.length
    }
    return count
  }

  #step({ title, frames }: Step): void {
    const { bold, dim } = this.paint
    this.print(`\n   ${bold(title)}`)
    for (const frame of frames) {
      const { transport, from, frame: name, bytes, detail, line, dump } = frame
      this.emit({ event: 'frame', transport, from, frame: name, bytes })
      const size = `${transport}  ${String(bytes.length).padStart(4)} bytes`
      this.print(`   ${this.#arrow(frame)}  ${dim(size)}${detail === 'line' && line !== '' ? `  ${line}` : ''}`)
      if (detail === 'line') continue
      for (const row of dump.split('\n')) this.print(`      ${this.#dumpLine(row)}`)
    }
  }

  #arrow({ from, frame }: CrossedFrame): string {
    const { green, magenta } = this.paint
    return `${from === 'client' ? magenta('client ──▶ server') : green('client ◀── server')}  ${frame.padEnd(7)}`
  }

  /** Offset and schema line dim, field names coloured. */
  #dumpLine(line: string): string {
    const { cyan, dim } = this.paint
    const match = /^(\S+)( {2,}(?:[0-9a-f]{2} ?)*(?:… \d+ bytes)? *)(\S+)(.*?)( {2,}\S+\.yaml:\d+.*)?$/.exec(line)
    if (!match) return line
    const [, offset = '', hex = '', field = '', value = '', where = ''] = match
    return `${dim(offset)}${hex}${cyan(field)}${value}${dim(where)}`
  }

  #heading(number: string, text: string): void {
    const { bold, dim } = this.paint
    const rule = '─'.repeat(Math.max(2, 78 - width(text)))
    this.print(`${number === '1' ? '' : '\n'}${bold(`${number}  ${text}`)} ${dim(rule)}`)
  }

  #farewell(files: number, frames: number, ms: number, kept: string | undefined): void {
    const { bold, cyan, dim, green } = this.paint
    const schemas = plural(shippedSchemas().length, 'schema')
    this.print(
      `\n${green('✓')} ${bold(`${schemas} became ${plural(files, 'file')}; ${plural(frames, 'frame')} crossed two sockets`)} ${dim(`in ${formatDuration(ms)}`)}`,
    )
    if (kept !== undefined) this.print(`  the generated code is in ${kept}`)
    this.print(
      `  next: ${cyan('npx proto schema vstp')}, ${cyan('npx proto new my-protocol')}, ${cyan('npx proto --help')}`,
    )
  }
}

/** The protocol that is spoken. */
const SHOWN = 'vstp'

// `proto schema`: what a protocol consists of, as aligned tables.

import { Args } from '@oclif/core'
import { type ArgsInput, type Example, ProtoCommand } from '../base.ts'
import type { FrameSummary, ProtocolSummary } from '../describe/describe.ts'
import { exactSize, formatDuration } from '../output/number.ts'
import { type Column, table } from '../output/table.ts'
import { loadSchema } from '../protocol.ts'

const ARGS = {
  schema: Args.string({
    name: 'SCHEMA',
    required: true,
    ignoreStdin: true,
    description: 'YAML file or shipped name',
  }),
  frame: Args.string({ name: 'FRAME', ignoreStdin: true, description: 'show the fields of this frame' }),
}

export default class Schema extends ProtoCommand {
  static override summary = 'Show the frames, ids, sizes, states and channels of a protocol.'
  static override examples: Example[] = [
    '<%= config.bin %> schema vstp',
    { description: 'One frame with its fields', command: '<%= config.bin %> schema vstp Data' },
    { description: 'For a script', command: "<%= config.bin %> schema my.yaml --json | jq '.frames[].name'" },
  ]
  static override args: ArgsInput = ARGS

  async run(): Promise<void> {
    const { args, flags } = await this.input(ARGS, {})
    const { protocol } = await loadSchema(args.schema, flags.profile)
    const { describe } = await import('../describe/describe.ts')
    const summary = describe(protocol)
    if (args.frame !== undefined) {
      const { findFrame } = await import('../describe/find.ts')
      const frame = summary.frames[findFrame(protocol, args.frame).index]!
      this.emit(frame)
      this.print(this.#frame(frame))
      return
    }
    this.emit(summary)
    this.print(this.#protocol(summary))
  }

  #protocol(summary: ProtocolSummary): string {
    const { bold, dim } = this.paint
    const title = `${bold(summary.protocol)} ${dim(`version ${summary.version}`)}`
    const profile = summary.profile === undefined ? '' : dim(`  profile ${summary.profile}`)
    const others = summary.profiles.length > 0 ? dim(`profiles: ${summary.profiles.join(', ')}`) : ''
    const head = [title + profile, summary.doc ?? '', others].filter(Boolean).join('\n')
    const parts = [
      head,
      this.#frames(summary),
      this.#section(['state', 'frames and what comes next', 'timeout'], summary.states.map(stateRow)),
      this.#section(['channel', 'id', 'delivery', 'fragments above'], summary.channels.map(channelRow)),
      this.#section(['transport', 'framing', 'port', 'largest frame'], summary.transports.map(transportRow)),
      this.#section(['param', 'for', '', 'what'], summary.params.map(paramRow)),
    ]
    return parts.filter(Boolean).join('\n\n')
  }

  #frames(summary: ProtocolSummary): string {
    const { cyan, dim } = this.paint
    const all: (Column & { cell: (frame: FrameSummary) => string })[] = [
      { title: 'frame', paint: cyan, cell: frame => frame.name },
      { title: 'id', right: true, cell: frame => frame.id.join(' ') },
      { title: 'bytes', right: true, cell: frame => `${frame.size.min}${frame.size.max === undefined ? '+' : ' '}` },
      { title: 'direction', cell: frame => frame.dir.join(' ') || 'both ways' },
      { title: 'states', cell: frame => frame.states.join(' ') },
      { title: 'channel', cell: frame => frame.channel ?? '' },
      { title: 'answered by', cell: frame => frame.answers.join(' ') },
      { title: 'what', paint: dim, cell: frame => frame.doc ?? '' },
    ]
    const used = all.filter(column => summary.frames.some(frame => column.cell(frame) !== ''))
    return table(
      used,
      summary.frames.map(frame => used.map(column => column.cell(frame))),
      dim,
    )
  }

  #frame(frame: FrameSummary): string {
    const { bold, cyan, dim } = this.paint
    const size = frame.size.max === undefined ? `${frame.size.min} bytes or more` : `${frame.size.min} bytes`
    const rows = frame.fields.map(field => [
      field.name,
      field.type,
      field.bits === undefined ? 'varies' : field.bits % 8 === 0 ? `${field.bits / 8}` : `${field.bits} bit`,
      [field.optional ? 'optional' : '', field.secret ? 'secret' : '', field.doc ?? ''].filter(Boolean).join(', '),
    ])
    const columns = [
      { title: 'field', paint: cyan },
      { title: 'type' },
      { title: 'bytes', right: true },
      { title: '', paint: dim },
    ]
    return `${bold(frame.name)}  ${dim(size)}${frame.doc ? `\n${frame.doc}` : ''}\n\n${table(columns, rows, dim)}`
  }

  #section(titles: readonly string[], rows: readonly string[][]): string {
    const columns = titles.map((title, i) => (i === 0 ? { title, paint: this.paint.cyan } : { title }))
    return rows.length === 0 ? '' : table(columns, rows, this.paint.dim)
  }
}

const stateRow = ({ name, frames, timeout_ms }: ProtocolSummary['states'][number]): string[] => [
  name,
  Object.entries(frames)
    .map(([frame, next]) => (next.length === 1 && next[0] === name ? frame : `${frame} > ${next.join('|')}`))
    .join(', '),
  timeout_ms === undefined ? '' : formatDuration(timeout_ms),
]

const channelRow = ({ name, id, delivery, fragment_above }: ProtocolSummary['channels'][number]): string[] => [
  name,
  id === undefined ? '' : String(id),
  delivery,
  fragment_above === undefined ? '' : exactSize(fragment_above),
]

const transportRow = ({ kind, framing, port, max_frame }: ProtocolSummary['transports'][number]): string[] => [
  kind,
  framing,
  port === undefined ? '' : String(port),
  typeof max_frame === 'number' ? exactSize(max_frame) : (max_frame ?? ''),
]

const paramRow = (param: ProtocolSummary['params'][number]): string[] => [
  param.name,
  param.for.join(' ') || 'all',
  [param.required ? 'required' : '', param.secret ? 'secret' : ''].filter(Boolean).join(' '),
  param.doc ?? '',
]

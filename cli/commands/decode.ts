// `proto decode`: bytes to frames, from the command line, a file, standard input or a capture.

import { readFileSync } from 'node:fs'
import { Args, Flags } from '@oclif/core'
import { type ArgsInput, type Example, type FlagsInput, ProtoCommand } from '../base.ts'
import type { CapturedInput } from '../decode/capture.ts'
import type { Decoder } from '../decode/decoder.ts'
import type { Cutting, DecodedFrame, RefusedFrame } from '../decode/frames.ts'
import { EXIT, Failure, missing, usage } from '../failure.ts'
import { readBytes } from '../input/bytes.ts'
import { parseCount } from '../input/quantity.ts'
import { formatFields } from '../live/monitor.ts'
import { loadSchema } from '../protocol.ts'

const ARGS = {
  schema: Args.string({ required: true, ignoreStdin: true, description: 'YAML file or shipped name' }),
  input: Args.string({
    ignoreStdin: true,
    description: 'hex (in as many words as you like), @FILE, or - for standard input (hex text or raw bytes)',
  }),
}

const FLAGS = {
  frame: Flags.string({ helpValue: 'NAME', description: 'decode as this frame, whatever its id says' }),
  dir: Flags.string({ helpValue: 'A>B', description: 'direction: client>server' }),
  state: Flags.string({ helpValue: 'NAME', description: 'state of the connection' }),
  transport: Flags.string({ helpValue: 'KIND', description: 'cut the input as this transport does (tcp, udp, ...)' }),
  stream: Flags.boolean({ description: 'the input is a stream: the framing of the first stream transport' }),
  explain: Flags.boolean({ description: 'annotated dump: offset, bytes, field, value, schema line' }),
  raw: Flags.boolean({ description: 'take a file or standard input as bytes, even if it looks like hex' }),
  plain: Flags.boolean({ description: 'sealed parts are plain text here, without a tag' }),
  pcap: Flags.string({ helpValue: 'FILE', description: 'decode the UDP and TCP traffic in a pcap or pcapng file' }),
  port: Flags.string({ helpValue: 'N', description: 'with --pcap: only traffic of this port' }),
}

export default class Decode extends ProtoCommand {
  static override summary = 'Decode bytes into frames.'
  static override description =
    `Without --stream or --transport the input is one frame as a datagram carries it; where the schema's first transport
finds the end of frames by itself, it may be several. An input that breaks the protocol exits with 76.`
  static override examples: Example[] = [
    '<%= config.bin %> decode vstp 5654010400000000000000d8429a00',
    {
      description: 'Annotated, byte by byte',
      command: '<%= config.bin %> decode vstp 5654010400000000000000d8429a00 --explain',
    },
    {
      description: 'A whole capture, one JSON line a frame',
      command: '<%= config.bin %> decode my.yaml --pcap traffic.pcap --json',
    },
    { description: 'Bytes from a pipe', command: 'xxd -r -p dump.txt | <%= config.bin %> decode my.yaml - --stream' },
  ]
  static override args: ArgsInput = ARGS
  /** Hex is often written in groups. */
  static override strict = false
  static override flags: FlagsInput = FLAGS

  #frames = 0

  async run(): Promise<void> {
    const { args, flags, argv } = await this.input(ARGS, FLAGS)
    const words = argv.slice(1)
    const odd = words.length > 1 ? words.find(word => !/^[\da-fA-FxX:]+$/.test(word)) : undefined
    if (odd !== undefined) throw usage(`only hex may come in several words, not ${odd}`)
    if (flags.pcap !== undefined && args.input !== undefined) throw usage('give either an input or --pcap')
    const { protocol, sources } = await loadSchema(args.schema, flags.profile)
    const { Decoder } = await import('../decode/decoder.ts')
    const decoder = new Decoder(protocol, sources, flags)
    const broken =
      flags.pcap === undefined
        ? await this.#input(words.length > 1 ? words.join(' ') : args.input, decoder, flags)
        : await this.#capture(flags.pcap, decoder, flags.port)
    if (broken) this.exit(EXIT.protocol)
  }

  async #input(argument: string | undefined, decoder: Decoder, flags: { raw: boolean }): Promise<boolean> {
    if (argument === undefined && process.stdin.isTTY) throw usage('nothing to decode: give hex, @FILE, - or --pcap')
    const bytes = await readBytes(argument ?? '-', flags.raw)
    if (bytes.length === 0) throw missing('the input is empty')
    return this.#decode(bytes, decoder, decoder.cutting, () => ({}))
  }

  async #capture(file: string, decoder: Decoder, port: string | undefined): Promise<boolean> {
    const inputs = decoder.capture(readFileSync(file), port === undefined ? undefined : parseCount(port, 1, 65_535))
    if (inputs.length === 0)
      throw missing(`${file} has no UDP or TCP payload${port === undefined ? '' : ` of port ${port}`}`)
    let broken = false
    for (const { bytes, cutting, dir, about } of inputs) {
      decoder.direct(dir)
      broken = (await this.#decode(bytes, decoder, cutting, about)) || broken
    }
    return broken
  }

  /** Returns whether something was refused. */
  async #decode(
    bytes: Uint8Array,
    decoder: Decoder,
    cutting: Cutting,
    about: CapturedInput['about'],
  ): Promise<boolean> {
    for (const cut of decoder.cut(bytes, cutting)) {
      // Lets in that the reader is gone, and Ctrl-C.
      if (++this.#frames % 64 === 0) await new Promise(setImmediate)
      const more = about(cut.ok ? cut.offset : cut.start)
      if (!cut.ok) {
        this.#refused(cut, decoder, more)
        return true
      }
      this.#frame(cut, decoder, more)
    }
    return false
  }

  #frame(cut: DecodedFrame, decoder: Decoder, about: Record<string, unknown>): void {
    const { frameName } = cut.reader
    const fields = decoder.fields(cut)
    const dump = decoder.explain()
    this.emit({ frame: frameName, offset: cut.offset, length: cut.length, fields, ...about })
    if (this.jsonEnabled()) return
    const { cyan, dim } = this.paint
    const where = Object.values(about).join(' ')
    this.print(`${cyan(frameName)}  ${dim(`${cut.length} bytes at ${cut.offset}${where && `  ${where}`}`)}`)
    if (dump !== undefined) this.print(`${dump}\n`)
    else
      for (const [name, value] of Object.entries(fields))
        this.print(`  ${name} = ${formatFields({ '': value }).slice(1) || '(empty)'}`)
  }

  #refused(cut: RefusedFrame, decoder: Decoder, about: Record<string, unknown>): void {
    const { error } = decoder.error(cut)
    this.emit({ error, ...about })
    if (this.jsonEnabled()) return
    const dump = decoder.explain()
    if (dump !== undefined) this.print(dump)
    const place = `at offset ${error.offset}${error.field && `, ${error.field}`}`
    const where = Object.values(about).join(' ')
    this.show(new Failure('protocol', error.code, `${error.code}: ${error.message}, ${place}${where && ` (${where})`}`))
  }
}

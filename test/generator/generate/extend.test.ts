// A copy of a shipped schema with a field, a frame and a header key more: new typed API and new bytes, no TypeScript
// edited. What an application forgets is an error where it forgot it.

import { beforeAll, describe, expect, it } from 'vitest'
import { generate } from '../../../generator/index.ts'
import { interpret } from '../../../generator/interpret/index.ts'
import { compile, type TypeProblem } from './compile.ts'
import { protocolOf, readFile, reading } from './load.ts'

const SCHEMA = readFile('schema/vstp.yaml')!
const EXTENDED = SCHEMA.replace(/^( +)flags: .*$/m, line => `${line}\n    priority: { type: u8, default: 0 }`)
  .replace(/^( +)msg_id: .*$/m, (line, pad: string) => `${line}\n${pad}trace: { key: trace-id, type: dec(u64) }`)
  .replace(/^( +)Data: .*$/m, line => `${line}\n  Note: { id: 9, channel: messages, fields: { text: string(u8) } }`)
  // The examples' bytes are others now.
  .replace(/\nprofiles:[\s\S]*$/, '\n')

const REFUSED: readonly [what: string, line: string, message: RegExp][] = [
  ['a frame that is not there', "peer.send('Nope', {})", /'"Nope"'/],
  ['a field of another type', "peer.send('Data', { priority: 'high' })", /string.*number/s],
  ['a field that is not there', "peer.send('Note', { text: 'hi', colour: 1 })", /colour/],
  ['a field that is left out', "peer.send('Note', {})", /text/],
  ['a frame that the other side may not send', "peer.send('Welcome', {})", /'"Welcome"'/],
  ['a request that nobody answers', "peer.request('Note', { text: 'hi' })", /'"Note"'/],
]

/** All programs in one compilation: what is wrong with each. */
let problems: readonly TypeProblem[]
beforeAll(async () => {
  const read = reading({ 'more.yaml': EXTENDED })
  const { files, diagnostics } = await generate(['more.yaml'], { read, emit: ['ts'] })
  expect(diagnostics.filter(one => one.severity === 'error')).toEqual([])
  const programs = [PROGRAM, FORGETFUL, ...REFUSED.map(([, line]) => `${PROGRAM}\nvoid ${line}\n`)]
  problems = compile(
    new Map([
      ...[...files].map(([path, text]) => [`generated/${path}`, text] as const),
      ...programs.map((text, at) => [`generated/program-${at}.ts`, text] as const),
    ]),
  )
}, 60_000)

describe('a schema that grew', () => {
  it('gives an application the new frame, field and header key with their types', () => {
    expect(problems.filter(one => !/program-[1-9]/.test(one.file))).toEqual([])
  })

  it('makes the handler that is missing an error at the handlers that lack it', () => {
    const [problem, ...others] = problems.filter(one => one.file.endsWith('program-1.ts'))
    expect(others).toEqual([])
    expect(FORGETFUL.split('\n')[problem!.line - 1]).toMatch(/^const handlers: ServerHandlers =/)
    expect(problem!.message).toMatch(/Property 'Note' is missing/)
  })

  it.each(REFUSED.map((one, at) => [...one, at] as const))('refuses %s', (_what, _line, message, at) => {
    const [problem, ...others] = problems.filter(one => one.file.endsWith(`program-${at + 2}.ts`))
    expect(others).toEqual([])
    expect(problem!.line).toBe(PROGRAM.split('\n').length + 1)
    expect(problem!.message).toMatch(message)
  })

  it('puts the new field on the wire', () => {
    const bytes = (yaml: string, value: object): string => {
      const codec = interpret(protocolOf(yaml))
      const into = new Uint8Array(codec.sizeOf('Data', value))
      return Buffer.from(into.subarray(0, codec.encode('Data', value, into, 0))).toString('hex')
    }
    const payload = new TextEncoder().encode('hi')
    expect(bytes(SCHEMA, { payload })).toMatch(/^56540103000000000000026869/)
    expect(bytes(EXTENDED, { payload, priority: 7 })).toMatch(/^5654010300070000000000026869/)
  })
})

const PROGRAM = `import { connect, serve } from '../runtime/index.ts'
import { type DataReader, type ServerHandlers, vstp } from './vstp/index.ts'

const peer = await connect(vstp, 'tcp://127.0.0.1:6969')

void peer.send('Data', { payload: new Uint8Array(3), priority: 3, flags: ['req_ack'] })
void peer.send('Note', { text: 'hi' })
void peer.send('Ping')
const pong = await peer.request('Ping')
export const id: number = pong.type

const handlers: ServerHandlers = {
  Data(frame: DataReader, other) {
    const trace: bigint | undefined = frame.headersTrace
    return other.send('Note', { text: \`\${frame.priority} \${trace}\` })
  },
  Note(frame) {
    const text: string = frame.text
    void text
  },
}
await serve(vstp, { listen: 'tcp://127.0.0.1:6969', handlers })
`

const FORGETFUL = PROGRAM.replace(/\n {2}Note\(frame\)[\s\S]*?\n {2}\},/, '')

// The second half of the demo: a server and a client on real sockets, a relay between them that keeps the bytes, and the
// bytes explained.

import { explain, formatExplain } from '../../generator/interpret/explain.ts'
import { interpret } from '../../generator/interpret/index.ts'
import { toJson } from '../../generator/interpret/values.ts'
import type { Protocol } from '../../generator/model/model.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { type Connection, connect, type Server, serve } from '../../runtime/index.ts'
import { toolContext } from '../decode/context.ts'
import { cutFrames } from '../decode/frames.ts'
import { type Passed, type Tap, tapTcp, tapUdp } from './tap.ts'

/** One step: what is said, and the frames that crossed because of it. */
export interface Step {
  readonly title: string
  readonly frames: readonly CrossedFrame[]
}

export interface CrossedFrame {
  readonly transport: 'tcp' | 'udp'
  readonly from: Passed['from']
  /** Milliseconds since the socket was opened. */
  readonly at: number
  readonly frame: string
  readonly bytes: Uint8Array
  /** How much of it is shown: a line, every byte, or every byte with its line of the schema. */
  readonly detail: Detail
  readonly line: string
  /** Annotated dump. */
  readonly dump: string
}

export type Detail = 'line' | 'dump' | 'schema'

export interface Conversation {
  readonly server: Server
  readonly steps: AsyncGenerator<Step, void, void>
}

/** Serves `descriptor` on TCP and UDP and holds a conversation with it. The server is closed when the steps are done. */
export async function converse(
  descriptor: ProtocolDescriptor,
  protocol: Protocol,
  sources: ReadonlyMap<string, string>,
): Promise<Conversation> {
  const server = await serve(descriptor, {
    listen: ['tcp://127.0.0.1:0', 'udp://127.0.0.1:0'],
    onFrame: () => undefined,
    closeTimeout: 1000,
  })
  return { server, steps: talk(server, descriptor, new Explainer(protocol, sources)) }
}

async function* talk(
  server: Server,
  descriptor: ProtocolDescriptor,
  explainer: Explainer,
): AsyncGenerator<Step, void, void> {
  const [tcp, udp] = server.addresses
  const stream = await tapTcp(tcp!.port)
  const datagrams = await tapUdp(udp!.port)
  try {
    yield* overTcp(await connect(descriptor, `tcp://127.0.0.1:${stream.port}`), explainer.follow(stream, 'tcp'))
    yield* overUdp(await connect(descriptor, `udp://127.0.0.1:${datagrams.port}`), explainer.follow(datagrams, 'udp'))
  } finally {
    await stream.close()
    await datagrams.close()
    await server.close()
  }
}

/** Frames since the last call; `detail` is for the first of them, the others are lines. */
type Crossed = (detail?: Detail) => Promise<readonly CrossedFrame[]>

async function* overTcp(client: Connection, crossed: Crossed): AsyncGenerator<Step, void, void> {
  await client.request('Hello')
  yield { title: 'Hello is answered by Welcome: `replies` in the schema, no code', frames: await crossed('schema') }
  await client.send('Data', { headers: [{ key: text('topic'), value: text('demo') }], payload: text('Hello, wire!') })
  yield { title: 'Data with a header; lengths and checksum are computed', frames: await crossed('dump') }
  await client.request('Ping')
  yield { title: 'Ping is answered by Pong', frames: await crossed() }
  await client.close()
  yield { title: 'Bye closes the connection', frames: await crossed() }
}

async function* overUdp(client: Connection, crossed: Crossed): AsyncGenerator<Step, void, void> {
  await client.send('Data', { flags: ['req_ack'], payload: text('over UDP') })
  yield {
    title: 'Data that asks for an acknowledgement: sent again until the Ack is there',
    frames: await crossed('dump'),
  }
  await client.send('Data', { flags: ['req_ack'], payload: new Uint8Array(3000).fill(0x2e) })
  yield { title: '3000 bytes do not fit into a datagram: they travel in pieces', frames: await crossed() }
  await client.close()
  yield { title: 'and goodbye', frames: await crossed() }
}

/** Turns what a tap saw into explained frames. */
class Explainer {
  readonly #protocol: Protocol
  readonly #sources: ReadonlyMap<string, string>
  readonly #codec: ReturnType<typeof interpret>

  constructor(protocol: Protocol, sources: ReadonlyMap<string, string>) {
    this.#protocol = protocol
    this.#sources = sources
    this.#codec = interpret(protocol, toolContext(protocol, undefined))
  }

  /** A function that gives the frames since its last call, once nothing has passed for a moment. */
  follow(tap: Tap, transport: CrossedFrame['transport']): Crossed {
    let seen = 0
    return async (detail = 'line') => {
      for (let before = -1; before !== tap.passed.length; ) {
        before = tap.passed.length
        await new Promise(settle => setTimeout(settle, QUIET))
      }
      const passed = tap.passed.slice(seen)
      seen = tap.passed.length
      return passed.flatMap((one, i) => [...this.#frames(one, transport, i === 0 ? detail : 'line')])
    }
  }

  /** A run of a stream may hold several frames; small ones arrive whole. */
  *#frames(
    { from, at, bytes }: Passed,
    transport: CrossedFrame['transport'],
    detail: Detail,
  ): Generator<CrossedFrame, void, void> {
    for (const cut of cutFrames(this.#codec, bytes, { kind: 'self' }, {})) {
      if (!cut.ok) return
      const rows = explain(this.#protocol, this.#codec.outcome!, detail === 'schema' ? this.#sources : undefined)
      const shown = detail === 'schema' ? rows : rows.map(({ place: _place, ...row }) => row)
      const { reader, offset, length } = cut
      const line = inBrief(toJson(this.#protocol, reader.frameName, reader.toObject()))
      const own = bytes.slice(offset, offset + length)
      yield { transport, from, at, frame: reader.frameName, bytes: own, detail, line, dump: formatExplain(shown) }
    }
  }
}

/** Flags, headers and payload of a frame in a few words. */
function inBrief(json: Record<string, unknown>): string {
  const { flags, headers, payload } = json as {
    flags: string[]
    headers: { key: string; value: string }[]
    payload: string
  }
  const size = (payload.length - 2) / 2
  return [
    ...flags,
    ...headers.map(({ key, value }) => `${fromHex(key)}: ${fromHex(value)}`),
    ...(size > 0 ? [`${size} bytes of payload`] : []),
  ].join(', ')
}

function fromHex(hex: string): string {
  return Buffer.from(hex.slice(2), 'hex').toString()
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

/** Milliseconds without traffic after which a step is over. */
const QUIET = 40

// Remote calls (pea2pea's simple_rpc): a request carries an id, the response the same; schema/examples/rpc.yaml. Calls wait a second.
//
//     node --import tsx examples/pea2pea/simple-rpc.ts
import { protocol, type SimpleRpcTypes } from '../../generated/simple-rpc/index.ts'
import { type Messages, messages, type NodeConnection, type NodeOptions } from '../../runtime/index.ts'

const wire: Messages<SimpleRpcTypes, 'peer'> = messages(protocol)
export type RpcNode = ReturnType<typeof wire.node>

/** Answers every request with `answer` of its text. */
export function rpcServer(answer: (text: string) => string, options: NodeOptions = {}): RpcNode {
  const node = wire.node({ listener: '127.0.0.1:0', limits: { connectionsPerAddress: 100 }, ...options })
  return node.enableWriting(wire.writing).enableReading(
    wire.reading({
      async Request(frame, from) {
        const { id, text } = frame
        await from.send({ frame: 'Response', value: { id, text: answer(text) } })
      },
    }),
  )
}

export class RpcClient {
  readonly node: RpcNode
  #nextId = 0n
  readonly #calls = new Map<bigint, (text: string) => void>()

  constructor() {
    this.node = wire
      .node({ listener: 'none', limits: { connectionsPerAddress: 100 } })
      .enableWriting(wire.writing)
      .enableReading(wire.reading({ Response: frame => this.#calls.get(frame.id)?.(frame.text) }))
  }

  /** Rejects when no answer comes within a second. */
  async call(
    peer: Pick<NodeConnection<never, Parameters<RpcNode['broadcast']>[0]>, 'send'>,
    text: string,
  ): Promise<string> {
    const id = this.#nextId++
    let timer: NodeJS.Timeout | undefined
    try {
      await peer.send({ frame: 'Request', value: { id, text } })
      return await new Promise<string>((resolve, reject) => {
        this.#calls.set(id, resolve)
        timer = setTimeout(() => reject(new Error(`no answer to call ${id} within a second`)), 1000)
      })
    } finally {
      clearTimeout(timer)
      this.#calls.delete(id)
    }
  }
}

/** What the example's server answers. */
export const processed = (text: string): string => `processed: ${text.toUpperCase()}`

if (import.meta.filename === process.argv[1]) {
  const server = rpcServer(processed)
  const client = new RpcClient()
  const peer = await client.node.connect((await server.toggleListener()) as string)
  const answers = await Promise.all(['hello', 'there', 'general'].map(text => client.call(peer, text)))
  for (const answer of answers) process.stdout.write(`${answer}\n`)
  await Promise.all([server.shutDown(), client.node.shutDown()])
}

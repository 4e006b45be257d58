// A dense mesh (pea2pea's dense_mesh): every node is connected with every other; memory for each node and connection end, then one message of
// 1024 zeros per end.
//
//     node --expose-gc --import tsx examples/pea2pea/dense-mesh.ts [nodes]
import { Node, prefixed } from '../../runtime/index.ts'

export interface Mesh {
  readonly links: number
  readonly heapPerEnd: number
  readonly received: number
}

export async function mesh(count: number): Promise<Mesh> {
  const framing = prefixed('u16be')
  let received = 0
  collect()
  const before = process.memoryUsage().heapUsed
  const limits = { connections: count, connectionsPerAddress: count, handshakes: count }
  const nodes = Array.from({ length: count }, () =>
    new Node({ listener: '127.0.0.1:0', backlog: 1024, limits })
      .enableReading({ codec: framing.decoder, message: () => void received++ })
      .enableWriting({ codec: framing.encoder }),
  )
  for (const node of nodes) await node.toggleListener()
  for (const [i, node] of nodes.entries())
    for (const other of nodes.slice(i + 1)) await node.connect(other.listeningAddress)
  const ends = count * (count - 1)
  const connected = (): number => nodes.reduce((sum, node) => sum + node.connectedCount, 0)
  while (connected() < ends) await new Promise(resolve => setTimeout(resolve, 5))
  collect()
  const heapPerEnd = (process.memoryUsage().heapUsed - before) / ends
  for (const node of nodes) node.broadcast(new Uint8Array(1024))
  while (received < ends) await new Promise(resolve => setTimeout(resolve, 5))
  await Promise.all(nodes.map(node => node.shutDown()))
  return { links: ends / 2, heapPerEnd, received }
}

function collect(): void {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
}

if (import.meta.filename === process.argv[1]) {
  const { links, heapPerEnd, received } = await mesh(Number(process.argv[2] ?? 100))
  process.stdout.write(`${links} links, ${Math.round(heapPerEnd)} bytes of heap for each end, ${received} messages\n`)
}

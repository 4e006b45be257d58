// The telephone game (pea2pea's example of that name): twenty nodes in a line, a rumour at one end, and what becomes of it. Frames: a u16
// length and text, the `text` profile of schema/pea2pea.yaml.
//
//     node --import tsx examples/pea2pea/telephone-game.ts [players]
import { protocol } from '../../generated/pea2pea/profiles/text/index.ts'
import { connectNodes, messages, type Node } from '../../runtime/index.ts'

const wire = messages(protocol)

export interface Game {
  /** What each player heard, in the order of the line; the first one made it up. */
  readonly heard: readonly string[]
}

export async function play(players: number, rumour: string, random: () => number = Math.random): Promise<Game> {
  const heard: string[] = [rumour]
  let over: () => void = () => {}
  const end = new Promise<void>(resolve => {
    over = resolve
  })
  const nodes = Array.from({ length: players }, (_, i) => {
    const node = wire.node({ name: String(i), listener: '127.0.0.1:0', limits: { connectionsPerAddress: 2 } })
    return node.enableWriting(wire.writing).enableReading(
      wire.reading({
        Message(frame, from) {
          heard[i] = frame.text
          if (i === players - 1) return over()
          // It goes on to whoever did not tell it.
          const next = node.connections.find(connection => connection !== from)
          next?.unicastFast({ frame: 'Message', value: { text: misheard(frame.text, random) } })
        },
      }),
    )
  })
  for (const node of nodes) await node.toggleListener()
  await connectNodes(nodes as unknown as Node[], 'line')
  const [first] = nodes[0]!.connections
  await first!.unicast({ frame: 'Message', value: { text: rumour } })
  await end
  await Promise.all(nodes.map(node => node.shutDown()))
  return { heard }
}

/** Half of them get one letter wrong. */
function misheard(text: string, random: () => number): string {
  if (random() < 0.5) return text
  const at = Math.floor(random() * text.length)
  return text.slice(0, at) + String.fromCharCode(97 + Math.floor(random() * 26)) + text.slice(at + 1)
}

if (import.meta.filename === process.argv[1]) {
  const { heard } = await play(Number(process.argv[2] ?? 20), 'when the pawn hits the conflicts he thinks like a king')
  for (const [i, text] of heard.entries()) process.stdout.write(`${String(i).padStart(3)}  ${text}\n`)
}

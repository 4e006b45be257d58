// Well-known shapes of networks: which node dials which, and how many connection ends that makes.

import { addressKey } from '../../guard/address.ts'
import { NodeError } from './errors.ts'
import type { Node } from './node.ts'

export type Topology =
  | 'line'
  | 'ring'
  | 'mesh'
  | 'star'
  | 'tree'
  | { readonly grid: { readonly width: number; readonly height: number } }
  /** Each node dials `degree` others, chosen from the seed. */
  | { readonly random: { readonly degree: number; readonly seed: number | bigint } }

/** Connects nodes that listen, one dial after the other; all must succeed. Throws NodeError InvalidInput for an impossible shape. */
export async function connectNodes(
  nodes: readonly Node<never, never>[] | readonly Node[],
  topology: Topology,
): Promise<void> {
  for (const [from, to] of dials(nodes.length, topology))
    await (nodes[from] as Node).connect(dialable((nodes[to] as Node).listeningAddress))
}

/** The dials that make the shape, in order: who dials whom. */
export function dials(n: number, topology: Topology): [from: number, to: number][] {
  if (n < 2) throw new NodeError('InvalidInput', `a topology needs at least 2 nodes, there are ${n}`)
  const all = Array.from({ length: n }, (_, i) => i)
  switch (topology) {
    case 'line':
      return all.slice(1).map(i => [i - 1, i])
    case 'ring':
      return all.map(i => [i, (i + 1) % n])
    case 'mesh':
      return all.flatMap(i => all.slice(i + 1).map((j): [number, number] => [i, j]))
    case 'star':
      return all.slice(1).map(i => [i, 0])
    case 'tree':
      return all.flatMap(i => [2 * i + 1, 2 * i + 2].filter(j => j < n).map((j): [number, number] => [i, j]))
    default:
      return 'grid' in topology ? grid(n, topology.grid) : random(n, topology.random)
  }
}

/** Connection ends of the whole shape: twice its connections. */
export function expectedConnections(n: number, topology: Topology): number {
  if (typeof topology === 'object' && 'grid' in topology) {
    const { width: w, height: h } = topology.grid
    return 2 * (Math.max(0, w - 1) * h + w * Math.max(0, h - 1))
  }
  if (n === 0) return 0
  if (topology === 'ring') return 2 * n
  if (topology === 'mesh') return n * (n - 1)
  return typeof topology === 'object' ? 2 * n * topology.random.degree : 2 * (n - 1)
}

function grid(n: number, { width, height }: { width: number; height: number }): [number, number][] {
  if (width * height !== n)
    throw new NodeError('InvalidInput', `a grid of ${width} x ${height} needs ${width * height} nodes, there are ${n}`)
  const pairs: [number, number][] = []
  for (let i = 0; i < n; i++) {
    if ((i + 1) % width !== 0) pairs.push([i, i + 1])
    if (i + width < n) pairs.push([i, i + width])
  }
  return pairs
}

/** The same choices for the same seed as other implementations make. */
function random(n: number, { degree, seed }: { degree: number; seed: number | bigint }): [number, number][] {
  if (degree >= n) throw new NodeError('InvalidInput', `${n} nodes cannot each dial ${degree} others`)
  const pairs: [number, number][] = []
  for (let i = 0; i < n; i++) {
    const chosen = new Set<number>()
    for (let attempt = 1n; chosen.size < degree; attempt++) {
      let x = BigInt.asUintN(64, BigInt(i) + BigInt(seed) + attempt)
      x = BigInt.asUintN(64, x * 0x517cc1b727220a95n)
      x ^= x >> 32n
      const to = Number(x % BigInt(n))
      if (to !== i) chosen.add(to)
    }
    for (const to of chosen) pairs.push([i, to])
  }
  return pairs
}

/** A node that listens everywhere is dialled at loopback. */
function dialable(address: string): string {
  const port = address.slice(address.lastIndexOf(':') + 1)
  return ['0.0.0.0', '::/64'].includes(addressKey(address)) ? `127.0.0.1:${port}` : address
}

// Shapes of networks: who dials whom, and how many connection ends that makes.
import { describe, expect, test } from 'vitest'
import { connectNodes, dials, expectedConnections, type Topology } from '../../runtime/service/node/index.ts'
import { network, testNode } from './harness.ts'

const SHAPES: readonly (readonly [string, Topology, readonly number[]])[] = [
  ['line', 'line', [1, 2, 2, 2, 2, 2, 2, 2, 2, 1]],
  ['ring', 'ring', Array(10).fill(2)],
  ['mesh', 'mesh', Array(10).fill(9)],
  ['star', 'star', [9, ...Array(9).fill(1)]],
  ['grid 5x2', { grid: { width: 5, height: 2 } }, [2, 3, 3, 3, 2, 2, 3, 3, 3, 2]],
  ['tree', 'tree', [2, 3, 3, 3, 2, 1, 1, 1, 1, 1]],
]

test.each(SHAPES)('ten nodes as a %s have as many connections as they should', async (_, topology, counts) => {
  const net = network()
  const nodes = Array.from({ length: 10 }, () => testNode(net).node)
  for (const node of nodes) await net.settled(node.toggleListener())
  await net.settled(connectNodes(nodes, topology))
  await net.play(10)
  expect(nodes.map(node => node.connectedCount)).toEqual(counts)
  expect(counts.reduce((a, b) => a + b)).toBe(expectedConnections(10, topology))
})

test('at random, each of ten nodes dials two others, never itself and none twice; the same seed dials the same', () => {
  const pairs = dials(10, { random: { degree: 2, seed: 42 } })
  expect(pairs).toHaveLength(20)
  expect(new Set(pairs.map(String)).size).toBe(20)
  expect(pairs.every(([from, to]) => from !== to)).toBe(true)
  expect(dials(10, { random: { degree: 2, seed: 42 } })).toEqual(pairs)
  expect(expectedConnections(10, { random: { degree: 2, seed: 42 } })).toBe(40)
})

describe('a shape that cannot be is InvalidInput', () => {
  test.each<[string, number, Topology]>([
    ['fewer than two nodes', 1, 'mesh'],
    ['a grid of another size', 10, { grid: { width: 3, height: 3 } }],
    ['more others than there are', 3, { random: { degree: 3, seed: 1 } }],
  ])('%s', (_, n, topology) => {
    expect(() => dials(n, topology)).toThrow(expect.objectContaining({ code: 'InvalidInput' }))
  })
})

test('no nodes make no connections', () => {
  for (const topology of ['line', 'ring', 'mesh', 'star', 'tree', { random: { degree: 2, seed: 1 } }] as const)
    expect(expectedConnections(0, topology)).toBe(0)
  expect(expectedConnections(0, { grid: { width: 5, height: 2 } })).toBe(26)
})

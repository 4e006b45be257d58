// A little chaos on the virtual network, the same for the same seed. The long runs, over real sockets, are `npm run chaos`.
import { expect, test } from 'vitest'
import { NodeNetwork } from '../../runtime/sim/index.ts'
import { chaos } from './chaos.ts'
import { roll, swarm } from './plan.ts'
import type { Clock } from './world.ts'

async function run(seed: number): Promise<object> {
  const net = new NodeNetwork({ seed, latency: 0.2, jitter: 3, portion: 4096, buffer: 32_768 })
  const clock: Clock = { now: () => net.now, sleep: ms => net.sleep(Math.max(0.05, ms)) }
  const options = { seed, ms: 500, workers: 16, nodes: 16, swarm: true, bursts: false, isReal: false, epochMs: 150 }
  const ended = chaos({ ...options, clock, network: host => net.at(host), strangers: [] })
  const { world, failures } = await net.settled(ended, 120_000)
  expect(failures, `seed ${seed}`).toEqual([])
  return { ...world.counts, ...world.done }
}

test.each([1, 2, 3])('every invariant holds while everything happens at once (seed %i)', async seed => {
  expect(await run(seed)).toMatchObject({ connects: expect.any(Number) })
})

test('the same seed does the same again', async () => {
  const [first, second] = [await run(11), await run(11)]
  expect(second).toEqual(first)
  expect(first).not.toEqual(await run(12))
})

test('weights of an epoch add up to ten thousand, and every action that has one is rolled', () => {
  const { random } = new NodeNetwork({ seed: 5 })
  for (let epoch = 0; epoch < 50; epoch++) {
    const weights = swarm(random)
    const sum = Object.values(weights).reduce((a, b) => a + b, 0)
    expect(Math.abs(sum - 10_000)).toBeLessThanOrEqual(3)
    const rolled = new Set(Array.from({ length: 5000 }, () => roll(random, weights)))
    for (const [action, weight] of Object.entries(weights)) if (weight > 100) expect(rolled).toContain(action)
  }
})

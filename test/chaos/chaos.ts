// One chaos run: workers that connect, disconnect, send, spawn and end nodes at random, for a time; then everything is ended, and must be.
import { SimRandom } from '../../runtime/sim/index.ts'
import { bursts, Governor } from './governor.ts'
import { Invariants } from './invariants.ts'
import { CLASSIC, roll, swarm, type Weights } from './plan.ts'
import { type Clock, World, type WorldOptions } from './world.ts'

export interface ChaosOptions extends Omit<WorldOptions, 'most' | 'fail'> {
  readonly seed: number
  readonly ms: number
  readonly workers: number
  readonly nodes: number
  /** Weights of each epoch from the seed, instead of the classic ones. */
  readonly swarm: boolean
  readonly bursts: boolean
  /** Real time: pauses follow the machine, and its resources are watched. */
  readonly isReal: boolean
  readonly epochMs?: number
  readonly progress?: (world: World) => void
}

/** What happened, and every invariant that was broken. */
export async function chaos(options: ChaosOptions): Promise<{ world: World; failures: string[] }> {
  const { clock, seed, isReal } = options
  const random = new SimRandom(seed)
  const failures: string[] = []
  const fail = (why: string): void => void (failures.length < 20 && failures.push(why))
  const world = new World({ ...options, most: options.nodes, fail })
  const invariants = new Invariants(world, clock, fail)
  const governor = new Governor()
  const end = clock.now() + options.ms
  const isOver = (): boolean => clock.now() >= end || failures.length > 0
  let weights: Weights = options.swarm ? swarm(random.fork('epoch 0')) : CLASSIC
  let workers = 0
  const worker = async (until: number, paused: boolean): Promise<void> => {
    const own = random.fork(`worker ${workers++}`)
    while (!isOver() && clock.now() < until) {
      await world.run(roll(own, weights), own)
      await clock.sleep(paused ? own.next() * governor.ceiling : 0)
    }
  }
  for (let i = 0; i < 2; i++) await world.spawn()
  const tasks = Array.from({ length: options.workers }, () => worker(end, true))
  if (isReal) tasks.push(governor.run(clock, isOver))
  if (options.bursts) tasks.push(bursts(clock, random.fork('bursts'), isOver, until => worker(until, false)))
  tasks.push(
    every(clock, options.epochMs ?? 30_000, isOver, async epoch => {
      if (options.swarm) weights = swarm(random.fork(`epoch ${epoch}`))
    }),
    every(clock, 5000, isOver, async () => {
      await invariants.check(isReal)
      options.progress?.(world)
    }),
  )
  await Promise.all(tasks)
  await Promise.all(world.nodes.map(node => world.shutDown(node)))
  await invariants.end()
  return { world, failures }
}

async function every(
  clock: Clock,
  ms: number,
  isOver: () => boolean,
  call: (turn: number) => Promise<void>,
): Promise<void> {
  for (let turn = 1; ; turn++) {
    for (let wait = ms; wait > 0 && !isOver(); wait -= 100) await clock.sleep(Math.min(100, wait))
    if (isOver()) return
    await call(turn)
  }
}

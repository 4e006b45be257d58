// What chaos does next, drawn from a seed: weights of the seven actions, who and how much. One generator for each worker, so that
// the same seed plans the same, whatever the machine's timing does.
import type { SimRandom } from '../../runtime/sim/index.ts'

export const ACTIONS = ['spawn', 'shutdown', 'toggle', 'connect', 'disconnect', 'broadcast', 'unicast'] as const
export type Action = (typeof ACTIONS)[number]
export type Weights = Readonly<Record<Action, number>>

/** Of 10000. */
export const CLASSIC: Weights = {
  spawn: 10,
  shutdown: 2,
  toggle: 30,
  connect: 3988,
  disconnect: 3988,
  broadcast: 1012,
  unicast: 970,
}

/** Weights of one epoch: each of the last four is left out with 25 %, and they share what the first three leave. */
export function swarm(random: SimRandom): Weights {
  const spawn = 5 + random.below(296)
  const shutdown = random.below(301)
  const toggle = random.below(501)
  const rest = 10_000 - spawn - shutdown - toggle
  const shares = ['connect', 'disconnect', 'broadcast', 'unicast'].map(() => (random.chance(0.25) ? 0 : random.next()))
  const sum = shares.reduce((a, b) => a + b, 0)
  const [connect = 0, disconnect = 0, broadcast = 0, unicast = 0] =
    sum === 0 ? [rest] : shares.map(share => Math.round((share / sum) * rest))
  return { spawn, shutdown, toggle, connect, disconnect, broadcast, unicast }
}

export function roll(random: SimRandom, weights: Weights): Action {
  let at = random.below(Object.values(weights).reduce((a, b) => a + b, 0))
  for (const action of ACTIONS) {
    at -= weights[action]
    if (at < 0) return action
  }
  return 'connect'
}

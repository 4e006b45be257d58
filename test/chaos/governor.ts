// Keeps chaos from measuring only how slow the machine is: when timers come late the workers slow down, and speed up again. And bursts,
// now and then, without mercy.
import type { SimRandom } from '../../runtime/sim/index.ts'
import type { Clock } from './world.ts'

export class Governor {
  /** Longest wait between two actions of a worker, milliseconds. */
  ceiling = 0.5
  #late = 0

  async run(clock: Clock, isOver: () => boolean): Promise<void> {
    for (let probe = 1; !isOver(); probe++) {
      const from = clock.now()
      await clock.sleep(5)
      this.#late = 0.9 * this.#late + 0.1 * (clock.now() - from - 5)
      if (probe % 20 !== 0) continue
      if (this.#late > 8) this.ceiling = Math.min(100, this.ceiling * 2)
      else if (this.#late < 2) this.ceiling = Math.max(0.1, (this.ceiling * 7) / 8)
    }
  }
}

/** Every 10 to 40 s, 16 to 64 more workers without pauses for 1 to 5 s. */
export async function bursts(
  clock: Clock,
  random: SimRandom,
  isOver: () => boolean,
  worker: (until: number) => Promise<void>,
): Promise<void> {
  for (;;) {
    for (let wait = 10_000 + random.below(30_000); wait > 0 && !isOver(); wait -= 100)
      await clock.sleep(Math.min(100, wait))
    if (isOver()) return
    const until = clock.now() + 1000 + random.below(4000)
    await Promise.all(Array.from({ length: 16 + random.below(49) }, () => worker(until)))
  }
}

// What must hold while chaos runs, and when it is over.
import { readdirSync } from 'node:fs'
import type { Clock, World } from './world.ts'

export class Invariants {
  readonly #world: World
  readonly #clock: Clock
  readonly #fail: (why: string) => void
  #lastTotal = -1
  #still = 0

  constructor(world: World, clock: Clock, fail: (why: string) => void) {
    this.#world = world
    this.#clock = clock
    this.#fail = fail
  }

  /** Every five seconds. */
  async check(isReal: boolean): Promise<void> {
    const now = this.#clock.now()
    for (const { action, since } of this.#world.running.values())
      if (now - since > OLDEST) this.#fail(`a ${action} has been under way for ${Math.round(now - since)} ms`)
    const total = Object.values(this.#world.counts).reduce((a, b) => a + b, 0)
    this.#still = total === this.#lastTotal ? this.#still + 1 : 0
    this.#lastTotal = total
    if (this.#still >= 3) this.#fail('no action began in three windows')
    for (const node of this.#world.nodes) {
      if (this.#fits(node)) continue
      // A view while something changes may be off; a moment later it must not.
      await this.#clock.sleep(250)
      if (!this.#fits(node))
        this.#fail(`${node.name} has ${node.connectedCount} connected, ${node.connectingCount} connecting`)
    }
    if (!isReal) return
    const files = readdirSync('/proc/self/fd').length
    if (files > 4096) this.#fail(`${files} file descriptors`)
    const resources = process.getActiveResourcesInfo().length
    if (resources > 10_000) this.#fail(`${resources} active resources`)
  }

  /** After everything was shut down. */
  async end(): Promise<void> {
    const { done, inFlight, nodes } = this.#world
    for (const node of nodes)
      if (node.connectedCount + node.connectingCount + node.table.addresses + node.sendable.size > 0)
        this.#fail(`${node.name} is not empty: ${node.connectedCount} connected, ${node.connectingCount} connecting`)
    for (let i = 0; i < 50 && done.onConnect !== done.onDisconnect; i++) await this.#clock.sleep(100)
    if (done.onConnect !== done.onDisconnect)
      this.#fail(`OnConnect ran ${done.onConnect} times, OnDisconnect ${done.onDisconnect} times`)
    if (done.spawned !== done.shutDown) this.#fail(`${done.spawned} nodes began, ${done.shutDown} ended`)
    for (const [what, count] of Object.entries(inFlight))
      if (count !== 0) this.#fail(`${count} of ${what} still under way`)
  }

  #fits(node: World['nodes'][number]): boolean {
    return node.connectedCount <= 32 && node.connectingCount <= 16
  }
}

const OLDEST = 30_000

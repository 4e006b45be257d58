// The nodes of a chaos run and the seven things that happen to them. Counts what started and what ended, for the invariants.
import { type Pea2peaTypes, protocol } from '../../generated/pea2pea/profiles/chaos/index.ts'
import type { Network } from '../../runtime/drivers/network.ts'
import { isNodeError, type Messages, messages } from '../../runtime/service/node/index.ts'
import type { SimRandom } from '../../runtime/sim/index.ts'
import { ACTIONS, type Action } from './plan.ts'

const wire: Messages<Pea2peaTypes, 'peer'> = messages(protocol)
type ChaosNode = ReturnType<typeof wire.node>

export interface Clock {
  now(): number
  sleep(ms: number): Promise<void>
}

export interface WorldOptions {
  readonly clock: Clock
  /** The network as a node at an address sees it. */
  readonly network: (host: string) => Network
  readonly most: number
  /** Addresses of nodes that somebody else runs, dialled like any other. */
  readonly strangers: readonly string[]
  readonly fail: (why: string) => void
}

export class World {
  readonly nodes: ChaosNode[] = []
  readonly counts: Record<Action, number> = Object.fromEntries(ACTIONS.map(a => [a, 0])) as Record<Action, number>
  readonly done = { spawned: 0, shutDown: 0, onConnect: 0, onDisconnect: 0, messages: 0, connects: 0 }
  readonly inFlight = { spawn: 0, shutdown: 0, connect: 0, disconnect: 0 }
  /** Actions under way, by when they began. */
  readonly running: Map<symbol, { readonly action: Action; readonly since: number }> = new Map()
  readonly #options: WorldOptions
  #sources = 0

  constructor(options: WorldOptions) {
    this.#options = options
  }

  async run(action: Action, random: SimRandom): Promise<void> {
    const key = Symbol(action)
    this.running.set(key, { action, since: this.#options.clock.now() })
    this.counts[action]++
    try {
      await this.#act(action, random)
    } catch (error) {
      // Limits, nodes that go away: that is the game. Everything else is a find.
      if (!isNodeError(error)) this.#options.fail(`${action}: ${(error as Error).stack}`)
    } finally {
      this.running.delete(key)
    }
  }

  async spawn(): Promise<void> {
    if (this.nodes.length + this.inFlight.spawn >= this.#options.most) return
    await this.#counted('spawn', async () => {
      const node = this.#node()
      await node.toggleListener()
      this.done.spawned++
      this.nodes.push(node)
    })
  }

  async shutDown(node: ChaosNode): Promise<void> {
    await this.#counted('shutdown', async () => {
      await node.shutDown()
      if (node.connectedCount > 0)
        this.#options.fail(`${node.name} has ${node.connectedCount} connections after its end`)
      this.done.shutDown++
    })
  }

  #act(action: Action, random: SimRandom): Promise<unknown> {
    const node = this.#pick(random)
    switch (action) {
      case 'spawn':
        return this.spawn()
      case 'shutdown': {
        if (node === undefined || this.nodes.length <= 2) return NOTHING
        this.nodes.splice(this.nodes.indexOf(node), 1)
        return this.shutDown(node)
      }
      case 'toggle':
        return node === undefined ? NOTHING : this.#toggle(node, random)
      case 'connect':
        return node === undefined ? NOTHING : this.#connect(node, random)
      case 'disconnect': {
        const connection = node && pick(node.connections, random)
        if (connection === undefined) return NOTHING
        return this.#counted('disconnect', () => connection.disconnect())
      }
      case 'broadcast':
        node?.broadcast(message(random))
        return NOTHING
      case 'unicast': {
        const connection = node && pick(node.connections, random)
        return connection === undefined ? NOTHING : connection.unicast(message(random))
      }
    }
  }

  async #toggle(node: ChaosNode, random: SimRandom): Promise<void> {
    if (!node.isListening) return
    await node.toggleListener()
    await this.#options.clock.sleep(random.next() * 2)
    if (!node.isListening && !node.isShuttingDown) await node.toggleListener()
  }

  #connect(node: ChaosNode, random: SimRandom): Promise<unknown> {
    const other = pick([...this.nodes.filter(n => n !== node && n.isListening), ...this.#options.strangers], random)
    if (other === undefined) return NOTHING
    const address = typeof other === 'string' ? other : other.listeningAddress
    const source = { host: `127.0.0.${2 + (this.#sources++ % 64)}` }
    return this.#counted('connect', async () => {
      await node.connect(address, { source })
      this.done.connects++
    })
  }

  async #counted<T>(what: keyof World['inFlight'], run: () => Promise<T>): Promise<T> {
    this.inFlight[what]++
    try {
      return await run()
    } finally {
      this.inFlight[what]--
    }
  }

  #node(): ChaosNode {
    const { done } = this
    return wire
      .node({ listener: '127.0.0.1:0' }, { network: this.#options.network('127.0.0.1') })
      .enableReading(
        wire.reading({
          Message(frame) {
            done.messages++
            const { payload } = frame
            if (payload[0] !== 0xab || payload[payload.length - 1] !== 0xab)
              throw new Error('a message was changed on its way')
          },
        }),
      )
      .enableWriting(wire.writing)
      .enableOnConnect(async () => {
        done.onConnect++
      })
      .enableOnDisconnect(async () => {
        done.onDisconnect++
      })
  }

  #pick(random: SimRandom): ChaosNode | undefined {
    return pick(this.nodes, random)
  }
}

function pick<T>(from: readonly T[], random: SimRandom): T | undefined {
  return from[random.below(from.length)]
}

function message(random: SimRandom): { frame: 'Message'; value: { payload: Uint8Array } } {
  return { frame: 'Message', value: { payload: new Uint8Array(1 + random.below(4096)).fill(0xab) } }
}

const NOTHING: Promise<void> = Promise.resolve()

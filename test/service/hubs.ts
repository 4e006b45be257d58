// Hubs of a relay that do not behave: one that answers late or never, and one that changes what it passes on.
import { type Admitted, type Hub, LocalHub, type Receiver, type Sender } from '../../runtime/service/relay/hub.ts'
import { Run } from '../../runtime/service/relay/run.ts'

export const turns = async (n = 20): Promise<void> => {
  for (let i = 0; i < n; i++) await new Promise(resolve => setImmediate(resolve))
}

/** A hub of another process: its answer takes a while. */
export class Later implements Hub {
  readonly size = 0
  readonly #hub: LocalHub | undefined
  readonly #turns: number

  constructor(hub: LocalHub | undefined, wait: number) {
    this.#hub = hub
    this.#turns = wait
  }

  async publish(group: string, sender: Sender): Promise<Admitted> {
    await turns(this.#turns)
    if (this.#hub === undefined) throw new Error('the broker is away')
    return this.#hub.publish(group, sender)
  }

  async subscribe(group: string, receiver: Receiver): Promise<Admitted> {
    await turns(this.#turns)
    return this.#hub!.subscribe(group, receiver)
  }
}

/** A hub that does what it likes with what it passes on. */
export class Twisted extends LocalHub {
  readonly #twist: (run: Run) => Run[]

  constructor(twist: (run: Run) => Run[]) {
    super({ publishers: 1, history: undefined })
    this.#twist = twist
  }

  override publish(group: string, sender: Sender): Admitted {
    const admitted = super.publish(group, sender)
    if (admitted.kind !== 'ok') return admitted
    const { member } = admitted
    const twisted = {
      publish: (run: Run) => {
        for (const one of this.#twist(new Run(run.bytes.slice(), run.frames, false))) member.publish(one)
      },
      get hasRoom() {
        return member.hasRoom
      },
      full: (isFull: boolean) => member.full(isFull),
      get isAwaited() {
        return member.isAwaited
      },
      leave: () => member.leave(),
    }
    return { kind: 'ok', member: twisted }
  }
}

// Packets that were sealed before they are needed: a client whose machine gives them to its socket costs little more than
// the system call, so that one core can offer more than another one takes.
import type { Batch, DatagramMachine } from '../../runtime/core/machine.ts'
import type { Session } from '../../runtime/core/session.ts'
import type { Link } from '../../runtime/drivers/link.ts'

/** The inside of a connection. */
interface Opened {
  readonly session: Session
  readonly link: Link & { readonly endpoint: DatagramMachine }
}

export class Played {
  /** Given to the socket. */
  sent = 0
  readonly #link: Link
  readonly #slab: Uint8Array
  readonly #size: number
  readonly #total: number
  readonly #burst: number
  #owed = 0

  /** Seals `total` packets; from then on nothing else leaves on this connection. */
  constructor(connection: object, total: number, burst: number, frame: string, value: Record<string, unknown>) {
    const { session, link } = connection as Opened
    const { endpoint } = link
    const bytes: Uint8Array[] = []
    for (let made = 0; made < total; ) {
      for (let i = 0; i < SEALED_AT_ONCE && made < total; i++, made++)
        session.send(link.now(), frame, value, 'realtime')
      for (let batch = endpoint.transmit(); batch !== undefined; batch = endpoint.transmit()) {
        const [first, last] = [batch.offsets[0] as number, batch.count - 1]
        bytes.push(batch.slab.slice(first, (batch.offsets[last] as number) + (batch.lengths[last] as number)))
        endpoint.release(batch)
      }
    }
    this.#link = link
    this.#slab = Buffer.concat(bytes)
    this.#size = this.#slab.length / total
    this.#total = total
    this.#burst = burst
    Object.assign(endpoint, { transmit: () => this.#next() })
  }

  /** Sends the next burst. */
  play(): void {
    this.#owed += this.#burst
    this.#link.settle()
  }

  #next(): Batch | undefined {
    const count = Math.min(this.#owed, this.#total - this.sent)
    if (count <= 0) return undefined
    const at = this.sent * this.#size
    const { offsets, lengths, peers } = places(count, this.#size)
    this.#owed = 0
    this.sent += count
    return { slab: this.#slab.subarray(at, at + count * this.#size), count, offsets, lengths, peers }
  }
}

type Places = Pick<Batch, 'offsets' | 'lengths' | 'peers'>

function places(count: number, size: number): Places {
  let known = KNOWN.get(count)
  if (known === undefined) {
    const all = Array.from({ length: count }, (_, i) => i)
    known = { offsets: all.map(i => i * size), lengths: all.map(() => size), peers: all.map(() => '') }
    KNOWN.set(count, known)
  }
  return known
}

const KNOWN = new Map<number, Places>()
const SEALED_AT_ONCE = 256

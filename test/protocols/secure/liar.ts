// A peer that holds valid keys and means harm: its endpoint goes on as it should, and beside that it seals whatever bytes
// it is given. What it seals opens at the other side.
import type { Plain } from '../../../runtime/core/recast.ts'
import type { SecureConnection } from '../../../runtime/core/secure-connection.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import type { Met } from './subjects.ts'

const TAG = 16

export class Liar {
  /** Packets sealed by it. */
  told = 0
  readonly #met: Met
  readonly #endpoint: SecureEndpoint
  readonly #connection: SecureConnection

  constructor(met: Met) {
    this.#met = met
    const endpoint = met.client.endpoint as SecureEndpoint
    this.#endpoint = endpoint
    // Its connection, seen when something honest goes out.
    let connection: SecureConnection | undefined
    const write = endpoint.write.bind(endpoint)
    endpoint.write = (owner, ...rest) => {
      connection ??= owner
      write(owner, ...rest)
    }
    met.toServer.say(met.toServer.now, 'Ping', {})
    endpoint.write = write
    if (connection === undefined) throw new Error('nothing went out')
    this.#connection = connection
    met.client.socket.touch()
  }

  /** A frame as text, in front of the tag: header and all, to be spoilt. */
  text(frame: string, value: Plain): Uint8Array {
    const codec = this.#endpoint.codecOf(this.#connection)
    const bytes = new Uint8Array(codec.sizeOf(frame, value))
    const end = codec.encode(frame, value, bytes, 0)
    return bytes.slice(0, end - TAG)
  }

  /** Seals a text and sends it. */
  tell(text: Uint8Array): void {
    const bytes = new Uint8Array(text.length + TAG)
    bytes.set(text)
    this.#endpoint.writeAgain(this.#connection, bytes)
    this.told++
  }

  frame(frame: string, value: Plain): void {
    this.tell(this.text(frame, value))
  }

  /** From now on its packets say that they have seen so many phases of the peer more than they have. */
  claimPhase(steps: number): void {
    this.#connection.seal!.receiving.phase += steps
  }

  /** What was told leaves. */
  flush(): void {
    this.#met.client.socket.touch()
  }
}

// The raw stream, as a Handshake hook sees it: exact reads, writes, and the engine that runs the handshakes of schemas. It takes from
// the transport what is asked for and keeps what came with it; what is left when the hook returns belongs to Reading.

import { PeerError } from '../../core/errors.ts'
import type { Secured, StreamHandshake } from '../../core/handshake-stream.ts'
import { Inbox } from '../../core/inbox.ts'
import { instant } from '../../core/machine.ts'
import type { StreamPort } from '../../drivers/stream-link.ts'
import { copyOf } from '../../wire/copy.ts'
import type { Agreed, ConnectionSide, Decoder } from './codec.ts'
import { NodeError } from './errors.ts'
import type { Traffic } from './stats.ts'

export interface HandshakeHost {
  readonly address: string
  /** Own side. */
  readonly ownSide: ConnectionSide
  readonly traffic: Traffic
  /** Name of the own node. */
  readonly nodeName: string
  /** Whatever the application keeps with the connection. */
  context: unknown
  secured: Secured | undefined
}

export class HandshakeStream implements Agreed {
  readonly #host: HandshakeHost
  readonly #port: StreamPort
  readonly #start: () => void
  readonly #inbox = new Inbox()
  readonly #writes: ((error?: NodeError) => void)[] = []
  #wanted: { size: number; most: number; settle: (bytes: Uint8Array) => void; fail: (error: Error) => void } | undefined
  #isStarted = false
  #isPaused = false
  #isEnded = false
  #failure: NodeError | undefined

  constructor(host: HandshakeHost, port: StreamPort, start: () => void) {
    this.#host = host
    this.#port = port
    this.#start = start
  }

  /** `host:port` of the peer. */
  get address(): string {
    return this.#host.address
  }

  /** Own side: the initiator dialled. */
  get side(): ConnectionSide {
    return this.#host.ownSide
  }

  /** Counters of the connection, for handshakes that want to be counted. */
  get traffic(): Traffic {
    return this.#host.traffic
  }

  /** Whatever the application keeps with the connection: names, keys. */
  get context(): unknown {
    return this.#host.context
  }

  set context(context: unknown) {
    this.#host.context = context
  }

  get nodeName(): string {
    return this.#host.nodeName
  }

  /** What `run` ended with. */
  get secured(): Secured | undefined {
    return this.#host.secured
  }

  /** The next `size` bytes. Rejects when the stream ends before. */
  read(size: number): Promise<Uint8Array> {
    return this.#want(size, size)
  }

  /** What one read of the transport returns: at least one byte, at most `most`. */
  readSome(most: number): Promise<Uint8Array> {
    return this.#want(1, most)
  }

  /** Writes; settles when the operating system has it. */
  write(bytes: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#writes.push(error => (error === undefined ? resolve() : reject(error)))
      this.#port.write(bytes)
    })
  }

  /** Runs the handshake of a schema: `make` is given where its bytes go. Time is kept by the hook's own bound. */
  async run(make: (send: (bytes: Uint8Array) => void) => StreamHandshake): Promise<Secured> {
    // A write that fails ends the connection, and with it the read that is waited for.
    const handshake = make(bytes => void this.write(bytes).catch(() => {}))
    try {
      handshake.start(instant(0))
      while (handshake.outcome === undefined) {
        const chunk = await this.readSome(MOST)
        this.#unread(chunk, handshake.receive(chunk))
      }
      const { outcome } = handshake
      if (outcome instanceof PeerError) throw new NodeError('HandshakeFailed', outcome.message, { cause: outcome })
      this.#host.secured = outcome
      return outcome
    } finally {
      handshake.destroy()
    }
  }

  /** What `take` makes of the next message that the decoder finds; the message itself is borrowed. */
  async message<In, T>(decoder: Decoder<In>, take: (message: In) => T): Promise<T> {
    for (let have = 0; ; ) {
      const message = decoder.decode(this.#inbox.bytes, 0, this.#inbox.length)
      if (message !== undefined) {
        const taken = take(message)
        this.#inbox.drop(decoder.next)
        return taken
      }
      this.#inbox.drop(decoder.skipped ?? 0)
      have = this.#inbox.length
      await this.#more(have + 1)
    }
  }

  // ------------------------------------------------------------------------------------- for the connection

  received(chunk: Uint8Array): void {
    this.#inbox.append(chunk, 0, chunk.length, MOST)
    this.#serve()
    if (this.#wanted !== undefined || this.#isPaused) return
    // Nobody reads: the peer has to wait.
    this.#isPaused = true
    this.#port.pause()
  }

  written(): void {
    this.#writes.shift()?.()
  }

  /** The peer sends no more, or all is over. */
  end(error: NodeError): void {
    this.#isEnded = true
    this.#wanted?.fail(error)
    this.#wanted = undefined
  }

  /** Nothing more goes in or out. */
  fail(error: NodeError): void {
    this.#failure ??= error
    this.end(error)
    for (const settle of this.#writes.splice(0)) settle(error)
  }

  /** The hook is through. Whether bytes are being read already, what is left of them, and whether the end was seen. */
  leave(): { isStarted: boolean; isPaused: boolean; rest: Uint8Array; isEnded: boolean; writes: number } {
    const rest = copyOf(this.#inbox.bytes, 0, this.#inbox.length)
    this.#inbox.clear()
    return {
      isStarted: this.#isStarted,
      isPaused: this.#isPaused,
      rest,
      isEnded: this.#isEnded,
      writes: this.#writes.length,
    }
  }

  #want(size: number, most: number): Promise<Uint8Array> {
    if (this.#wanted !== undefined) throw new NodeError('InvalidInput', 'one read of a handshake at a time')
    if (size > MOST) throw new NodeError('InvalidInput', `a handshake reads at most ${MOST} bytes at a time`)
    return new Promise((settle, fail) => {
      this.#wanted = { size, most, settle, fail }
      this.#serve()
      if (this.#wanted !== undefined) this.#pull()
    })
  }

  /** Waits until `size` bytes are there, and leaves them. */
  #more(size: number): Promise<unknown> {
    return this.#want(size, 0)
  }

  /** What stands in the chunk from `from` on is still to be read, before anything that came since. */
  #unread(chunk: Uint8Array, from: number): void {
    if (from === chunk.length) return
    const since = copyOf(this.#inbox.bytes, 0, this.#inbox.length)
    this.#inbox.clear()
    this.#inbox.append(chunk, from, chunk.length, MOST)
    this.#inbox.append(since, 0, since.length, MOST)
  }

  #serve(): void {
    const wanted = this.#wanted
    if (wanted === undefined || this.#inbox.length < wanted.size) return
    this.#wanted = undefined
    const taken = Math.min(wanted.most, this.#inbox.length)
    const bytes = copyOf(this.#inbox.bytes, 0, taken)
    this.#inbox.drop(taken)
    wanted.settle(bytes)
  }

  #pull(): void {
    if (this.#isEnded) {
      this.end(this.#failure ?? new NodeError('HandshakeFailed', 'the peer ended the connection inside the handshake'))
      return
    }
    if (!this.#isStarted) this.#start()
    else if (this.#isPaused) this.#port.resume()
    this.#isStarted = true
    this.#isPaused = false
  }
}

/** Largest single read, bytes. */
const MOST = 1024 * 1024

// A socket of node:net or node:tls as a port. Bytes are read straight into memory of ours where Node allows it (`onread`),
// which spares a Buffer and a trip through its streams for each chunk.

import { Socket } from 'node:net'
import { peerError } from '../core/errors.ts'
import { copyOf } from '../wire/copy.ts'
import type { PortEvents, StreamPort } from './stream-link.ts'
import { type Connected, plain } from './transport.ts'

/**
 * Memory that a socket reads into. Grows while reads fill it; what was read and is still in use stays where it is. Until something was
 * read it is that of all sockets.
 */
export class ReadBuffer {
  /** What is free of it. */
  #memory: Uint8Array = SHARED
  /** Bytes of all of it. */
  #size: number
  readonly #largest: number
  #events: PortEvents | undefined

  constructor(smallest: number = SMALLEST, largest: number = LARGEST) {
    this.#size = smallest
    this.#largest = largest
  }

  /** The option of `net.connect` and `net.Socket`. */
  readonly onread = {
    buffer: (): Uint8Array => this.#memory,
    callback: (size: number, buffer: Uint8Array): boolean => {
      if (buffer === SHARED) {
        if (size === SHARED.length) this.#size = Math.min(Math.max(this.#size, size * 2), this.#largest)
        this.#memory = new Uint8Array(this.#size)
        this.#events?.data(copyOf(SHARED, 0, size))
        return true
      }
      const kept = this.#events?.data(size === buffer.length ? buffer : buffer.subarray(0, size)) ?? false
      if (size === buffer.length) this.#renew(Math.min(this.#size * 2, this.#largest), kept)
      else if (kept) this.#goOn(buffer, size)
      // Pausing is done by the port, in the call above.
      return true
    },
  }

  /** The next read begins behind what is kept, while there is room worth a read. */
  #goOn(buffer: Uint8Array, size: number): void {
    if (buffer.length - size >= this.#size / 4) this.#memory = buffer.subarray(size)
    else this.#renew(this.#size, true)
  }

  #renew(size: number, kept: boolean): void {
    if (size === this.#size && !kept) return
    this.#size = size
    this.#memory = new Uint8Array(size)
  }

  bind(events: PortEvents): void {
    this.#events = events
  }
}

/**
 * A socket that reads through `onread`. Sockets of a server are made without it, so their handle moves to a new one;
 * where a handle cannot be had the socket stays as it is, and reads through 'data'.
 */
export function adopt(accepted: Socket, largest?: number): { socket: Socket; buffer: ReadBuffer | undefined } {
  const held = accepted as Socket & { _handle?: object | null }
  const handle = held._handle
  if (handle === undefined || handle === null) return { socket: accepted, buffer: undefined }
  const buffer = largest === undefined ? new ReadBuffer() : new ReadBuffer(QUIET, largest)
  held._handle = null
  const options = { handle, onread: buffer.onread, allowHalfOpen: true, pauseOnCreate: true }
  const socket = new Socket(options as unknown as ConstructorParameters<typeof Socket>[0])
  accepted.destroy()
  return { socket, buffer }
}

/** Who is told what happens to a socket: first whoever dials, then whoever drives. */
export interface SocketOwner {
  failed(error: NodeJS.ErrnoException): void
  ended(): void
  closed(): void
}

interface Owned {
  [OWNER]?: SocketOwner
}

/** Makes `owner` the one who is told. Listeners are the same functions for all sockets, attached once. */
export function own(socket: Socket, owner: SocketOwner): void {
  const owned = socket as Socket & Owned
  const isFirst = owned[OWNER] === undefined
  owned[OWNER] = owner
  if (isFirst) socket.on('error', onError).on('end', onEnd).on('close', onClose)
}

export function ownerOf(socket: Socket): SocketOwner | undefined {
  return (socket as Socket & Owned)[OWNER]
}

export class SocketPort implements StreamPort, SocketOwner {
  readonly #socket: Socket
  readonly #events: PortEvents
  /** Made when it is needed: many connections write nothing. */
  #onWritten: ((error?: Error | null) => void) | undefined
  #error: NodeJS.ErrnoException | undefined

  constructor(socket: Socket, buffer: ReadBuffer | undefined, events: PortEvents) {
    this.#socket = socket
    this.#events = events
    if (buffer === undefined) socket.on('data', (chunk: Uint8Array) => void events.data(plain(chunk)))
    else buffer.bind(events)
    own(socket, this)
  }

  ended(): void {
    this.#events.ended()
  }

  failed(error: NodeJS.ErrnoException): void {
    this.#error ??= error
    // Node leaves a TLS socket open after an alert.
    this.#socket.destroy()
  }

  closed(): void {
    const { code, message } = this.#error ?? {}
    if (message === undefined) this.#events.closed('closed')
    // An alert of TLS: the peer refused what this side showed (RFC 8446, 6.2).
    else if (code?.startsWith('ERR_SSL_'))
      this.#events.closed(
        'refused',
        peerError('HandshakeFailed', `the peer refused the connection: ${message}`, { fatal: true }),
      )
    else this.#events.closed(code ?? message)
  }

  write(chunk: Uint8Array): void {
    this.#onWritten ??= () => this.#events.written()
    this.#socket.write(chunk, this.#onWritten)
  }

  get pending(): number {
    return this.#socket.writableLength
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }
}

/** A socket that is there. A class, not closures: there may be many thousands. */
export class SocketConnected implements Connected {
  readonly address: string
  readonly #socket: Socket
  readonly #buffer: ReadBuffer | undefined

  constructor(socket: Socket, buffer: ReadBuffer | undefined, address: string) {
    this.address = address
    this.#socket = socket
    this.#buffer = buffer
  }

  port(events: PortEvents): SocketPort {
    return new SocketPort(this.#socket, this.#buffer, events)
  }

  start(): void {
    this.#socket.resume()
  }

  refuse(): void {
    this.#socket.on('error', () => {}).destroy()
  }
}

function onError(this: Owned, error: NodeJS.ErrnoException): void {
  this[OWNER]?.failed(error)
}

function onEnd(this: Owned): void {
  this[OWNER]?.ended()
}

function onClose(this: Owned): void {
  this[OWNER]?.closed()
}

const OWNER = Symbol('owner')
/** What is read into it is copied at once. */
const SHARED = new Uint8Array(4096)
const SMALLEST = 4096
/** Where most connections are quiet. */
const QUIET = 1024
const LARGEST = 256 * 1024

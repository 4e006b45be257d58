// How a datagram leaves a socket of node:dgram. `Socket.send` makes objects for each datagram and calls back in another
// tick; libuv's handle below it tells at once what became of it. Where that handle cannot be had, `Socket.send` it is.

import type { Socket } from 'node:dgram'
import { getSystemErrorName } from 'node:util'
import type { Endpoint } from './transport.ts'

/** What was done: sent, or on its way until `onSent` is called. */
export type Sent = 'sent' | 'pending'

export type OnSent = (error: NodeJS.ErrnoException | null) => void

export interface DatagramSender {
  /** Undefined as `to` on a connected socket. The bytes must stay as they are while it is pending. */
  send(slab: Uint8Array, start: number, size: number, to: Endpoint | undefined): Sent
}

export function senderOf(socket: Socket, onSent: OnSent): DatagramSender {
  const handle = handleOf(socket)
  return handle === undefined ? new SocketSender(socket, onSent) : new HandleSender(handle, onSent)
}

class SocketSender implements DatagramSender {
  readonly #socket: Socket
  readonly #onSent: OnSent

  constructor(socket: Socket, onSent: OnSent) {
    this.#socket = socket
    this.#onSent = onSent
  }

  send(slab: Uint8Array, start: number, size: number, to: Endpoint | undefined): Sent {
    if (to === undefined) this.#socket.send(slab, start, size, this.#onSent)
    else this.#socket.send(slab, start, size, to.port, to.host, this.#onSent)
    return 'pending'
  }
}

/** The part of libuv's handle that is used. A positive result: sent; 0: `oncomplete` follows; negative: the error. */
interface UdpHandle {
  send(request: SendRequest, parts: Uint8Array[], count: number, hasCallback: boolean): number
  send(
    request: SendRequest,
    parts: Uint8Array[],
    count: number,
    port: number,
    host: string,
    hasCallback: boolean,
  ): number
}

interface SendRequest {
  parts?: Uint8Array[]
  oncomplete?: (status: number) => void
}

class HandleSender implements DatagramSender {
  readonly #udp: Handle
  readonly #onSent: OnSent
  /** Used again until one of them is pending. */
  #request: SendRequest
  #parts: Uint8Array[] = [EMPTY]

  constructor(udp: Handle, onSent: OnSent) {
    this.#udp = udp
    this.#onSent = onSent
    this.#request = new udp.Request()
  }

  send(slab: Uint8Array, start: number, size: number, to: Endpoint | undefined): Sent {
    const { handle } = this.#udp
    const request = this.#request
    const parts = this.#parts
    parts[0] = slab.subarray(start, start + size)
    const status =
      to === undefined ? handle.send(request, parts, 1, true) : handle.send(request, parts, 1, to.port, to.host, true)
    if (status > 0) return 'sent'
    if (status === 0) {
      request.parts = parts
      request.oncomplete = late => this.#onSent(late === 0 ? null : failure(late, to))
      this.#request = new this.#udp.Request()
      this.#parts = [EMPTY]
    } else process.nextTick(this.#onSent, failure(status, to))
    return 'pending'
  }
}

interface Handle {
  readonly handle: UdpHandle
  readonly Request: new () => SendRequest
}

function handleOf(socket: Socket): Handle | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(one => one.description === 'state symbol')
  const state = symbol && (socket as unknown as Record<symbol, { handle?: Partial<UdpHandle> } | undefined>)[symbol]
  try {
    const { binding } = process as unknown as { binding(name: string): { SendWrap?: new () => SendRequest } }
    const { SendWrap: Request } = binding.call(process, 'udp_wrap')
    const handle = state?.handle
    if (typeof handle?.send !== 'function' || Request === undefined) return undefined
    return { handle: handle as UdpHandle, Request }
  } catch {
    return undefined
  }
}

function failure(status: number, to: Endpoint | undefined): NodeJS.ErrnoException {
  const code = getSystemErrorName(status)
  return Object.assign(new Error(`send: ${code}`), {
    code,
    errno: status,
    syscall: 'send',
    address: to?.host,
    port: to?.port,
  })
}

const EMPTY = new Uint8Array(0)

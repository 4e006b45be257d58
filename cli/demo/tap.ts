// A relay between client and server that keeps what passes: so the demo shows the bytes of real sockets, and not what
// somebody thinks was sent.

import { createSocket, type RemoteInfo } from 'node:dgram'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Bytes of one datagram, or one run of a stream, in one direction. */
export interface Passed {
  readonly from: 'client' | 'server'
  /** Milliseconds since the tap was opened. */
  readonly at: number
  readonly bytes: Uint8Array
}

export interface Tap {
  /** Where the client connects to. */
  readonly port: number
  readonly passed: readonly Passed[]
  readonly close: () => Promise<void>
}

const HOST = '127.0.0.1'

export async function tapTcp(server: number): Promise<Tap> {
  const passed: Passed[] = []
  const start = performance.now()
  const sockets = new Set<Socket>()
  const keep = (socket: Socket): void => {
    sockets.add(socket)
    socket.setNoDelay(true)
    // A reset ends the other side too, through close.
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  const relay = (from: Passed['from'], source: Socket, target: Socket): void => {
    source.on('data', chunk => {
      passed.push({ from, at: performance.now() - start, bytes: Uint8Array.from(chunk) })
      if (target.writable) target.write(chunk)
    })
    source.on('end', () => target.end())
    source.on('close', () => target.destroySoon())
  }
  const listener = createServer({ allowHalfOpen: true }, client => {
    const upstream = connect({ host: HOST, port: server, allowHalfOpen: true })
    keep(client)
    keep(upstream)
    relay('client', client, upstream)
    relay('server', upstream, client)
  })
  await new Promise<void>((opened, failed) => listener.once('error', failed).listen(0, HOST, opened))
  return {
    port: (listener.address() as AddressInfo).port,
    passed,
    close: () =>
      new Promise(closed => {
        for (const socket of sockets) socket.destroy()
        listener.close(() => closed())
      }),
  }
}

export async function tapUdp(server: number): Promise<Tap> {
  const passed: Passed[] = []
  const start = performance.now()
  const inside = createSocket('udp4')
  const outside = createSocket('udp4')
  let client: RemoteInfo | undefined
  const note = (from: Passed['from'], bytes: Buffer): void => {
    passed.push({ from, at: performance.now() - start, bytes: Uint8Array.from(bytes) })
  }
  outside.on('message', (bytes, from) => {
    client = from
    note('client', bytes)
    inside.send(bytes, server, HOST)
  })
  inside.on('message', bytes => {
    note('server', bytes)
    if (client) outside.send(bytes, client.port, client.address)
  })
  await Promise.all(
    [inside, outside].map(
      socket => new Promise<void>((opened, failed) => socket.once('error', failed).bind(0, HOST, opened)),
    ),
  )
  return {
    port: outside.address().port,
    passed,
    close: async () => {
      await Promise.all([inside, outside].map(socket => new Promise<void>(closed => socket.close(() => closed()))))
    },
  }
}

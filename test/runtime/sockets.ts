// Servers, connections and listeners of tests on the loopback; all of them end with their test.
import { createServer, type Socket } from 'node:net'
import { afterEach } from 'vitest'
import {
  type Connection,
  type ConnectOptions,
  connect,
  MemoryHub,
  type ProtocolDescriptor,
  type ServeOptions,
  type Server,
  serve,
} from '../../runtime/index.ts'
import { tiny } from './tiny.ts'

/** Called when the test is over, the last first. */
export const cleanup: (() => unknown)[] = []
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end()
})

export interface Started {
  readonly server: Server
  connect(options?: ConnectOptions): Promise<Connection>
}

export async function started(
  transport: 'tcp' | 'udp' | 'memory',
  options: ServeOptions,
  protocol: ProtocolDescriptor = tiny(),
): Promise<Started> {
  const hub = new MemoryHub()
  const server = keep(
    await serve(protocol, { ...options, listen: transport === 'memory' ? hub : `${transport}://127.0.0.1:0` }),
  )
  return {
    server,
    connect: async given => keep(await connect(protocol, transport === 'memory' ? hub : server.url, given)),
  }
}

export function keep<C extends { close(): Promise<void> }>(closeable: C): C {
  cleanup.push(() => closeable.close())
  return closeable
}

export async function listener(accept: (socket: Socket) => void): Promise<{ port: number; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server = createServer(socket => {
    sockets.add(socket.on('error', () => {}))
    accept(socket)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>(resolve => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    })
  cleanup.push(close)
  return { port: (server.address() as { port: number }).port, close }
}

export const turn = (ms = 1): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    if (await done()) return
    await turn(2)
  }
  throw new Error('it did not happen')
}

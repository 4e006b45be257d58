// Drives a stream machine over a connected socket of node:net or node:tls: bytes in, bytes out, one timer. Backpressure
// goes both ways: a full socket leaves output in the machine, a machine that does not read pauses the socket.
import type { Socket } from 'node:net'
import type { StreamMachine } from '../core/machine.ts'
import { Alarm, now } from './clock.ts'

export interface StreamDriver {
  /** Call after a command to the machine: takes its output, looks at its wishes, arms the timer. */
  readonly settle: () => void
  /** The socket is gone and the machine has been told. */
  readonly closed: Promise<void>
}

/**
 * Takes over a connected socket. The machine gets `start` at once. `failed` receives what the machine throws: a mistake
 * in our code or in a handler, after which the socket is destroyed.
 */
export function driveStream(socket: Socket, machine: StreamMachine, failed: (error: unknown) => void): StreamDriver {
  let blocked = false
  let ended = false
  let gone = false
  let reason = 'closed'
  const alarm = new Alarm(machine, () => input(() => machine.wake(now())))

  const input = (give: () => void): void => {
    try {
      give()
      settle()
    } catch (error) {
      failed(error)
      socket.destroy()
    }
  }

  const settle = (): void => {
    if (gone) return
    if (machine.closing === 'now') {
      socket.destroy()
      return
    }
    drain()
    if (machine.reading === socket.isPaused()) {
      if (machine.reading) socket.resume()
      else socket.pause()
    }
    if (machine.closing === 'after-flush' && !blocked && !ended) {
      ended = true
      socket.end()
    }
    alarm.arm()
  }

  const drain = (): void => {
    while (!blocked && !ended) {
      const chunk = machine.transmit()
      if (!chunk) return
      // The callback comes in the order of writing, also when the socket has failed.
      blocked = !socket.write(chunk, () => machine.release(chunk))
    }
  }

  const closed = new Promise<void>(settled => {
    socket.once('close', () => {
      gone = true
      alarm.stop()
      try {
        machine.lost(now(), reason)
      } catch (error) {
        failed(error)
      }
      settled()
    })
  })
  socket.on('drain', () => {
    blocked = false
    input(() => {})
  })
  socket.on('data', (chunk: Buffer) => input(() => machine.receive(now(), chunk)))
  socket.on('end', () => input(() => machine.end(now())))
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = REASONS[error.code ?? ''] ?? error.message
  })
  input(() => machine.start(now()))
  return { settle: () => input(() => {}), closed }
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNRESET: 'reset by the peer',
  EPIPE: 'the peer no longer receives',
  ETIMEDOUT: 'the network gave up',
}

// Starts the relay process of the long runs and talks to it.
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Report } from './relay-process.ts'

export interface RelayChild {
  readonly url: string
  readonly relayKey: Uint8Array
  readonly report: () => Promise<Report>
  /** Milliseconds that closing took. */
  readonly close: () => Promise<number>
  readonly child: ChildProcess
}

export async function relayChild(...args: string[]): Promise<RelayChild> {
  const file = fileURLToPath(new URL('./relay-process.ts', import.meta.url))
  const child = fork(file, args, { execArgv: ['--expose-gc', '--import', 'tsx'] })
  const { port, publicKey } = await answer<{ port: number; publicKey: string }>(child)
  const ask = <T>(what: string): Promise<T> => {
    child.send(what)
    return answer<T>(child)
  }
  return {
    url: `tcp://127.0.0.1:${port}`,
    relayKey: new Uint8Array(Buffer.from(publicKey, 'hex')),
    report: () => ask<Report>('report'),
    close: async () => (await ask<{ closed: number }>('close')).closed,
    child,
  }
}

function answer<T>(child: ChildProcess): Promise<T> {
  return new Promise((got, failed) => {
    const onExit = (code: number | null): void => failed(new Error(`the relay ended with ${code}`))
    child.once('exit', onExit)
    child.once('message', message => {
      child.off('exit', onExit)
      got(message as T)
    })
  })
}

// Processes of a comparison: they say lines, the first word of which tells what it is about. And the C program, compiled.
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export type Command = readonly string[]

/** Microseconds there and back, the median and the 99th percentile. */
export async function measureTrip(echo: Command, ping: (port: string) => Command): Promise<number[]> {
  const far = start(echo)
  const [, port = ''] = (await far.line('ready')).split(' ')
  const near = start(ping(port))
  const [, p50, p99] = (await near.line('trip')).split(' ').map(Number)
  await Promise.all([near.over, far.over])
  return [p50!, p99!]
}

export function start([command, ...args]: Command): { line(word: string): Promise<string>; over: Promise<void> } {
  const child = spawn(command!, args, { stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async line(word) {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error(`${command} ${args.join(' ')} ended before it said "${word}"`)
        if (value.startsWith(word)) return value
      }
    },
    over: new Promise(resolve => child.once('close', () => resolve())),
  }
}

/** Undefined where there is no compiler. */
export function compile(folder: string): string | undefined {
  const source = fileURLToPath(new URL('./peer.c', import.meta.url))
  const out = join(folder, 'peer')
  return spawnSync('cc', ['-O2', '-o', out, source], { stdio: 'ignore' }).status === 0 ? out : undefined
}

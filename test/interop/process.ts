// Runs a peer or our own command line as a child process and reads its JSON lines. Every process is ended by its id when
// the test is over, whatever happened.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type Line = Readonly<Record<string, unknown>>

export interface Running {
  readonly child: ChildProcess
  readonly lines: Line[]
  /** Everything the process wrote to stderr. */
  readonly stderr: () => string
  /** The next line, already printed or to come, for which it holds. */
  readonly line: (test: (line: Line) => boolean, seconds?: number) => Promise<Line>
  /** The exit code, once it has ended by itself. */
  readonly ended: (seconds?: number) => Promise<number>
  readonly stop: () => void
}

export function run(command: string, args: readonly string[]): Running {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, NO_COLOR: '1' } })
  const lines: Line[] = []
  const waiting = new Set<() => void>()
  let rest = ''
  let errors = ''
  const exit = new Promise<number>(settle => {
    child.on('error', error => {
      errors += error.message
      settle(-1)
    })
    child.on('close', code => settle(code ?? -1))
  })
  child.stderr!.on('data', (chunk: Buffer) => {
    errors += chunk
  })
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop()!
    for (const part of parts) lines.push(parse(part))
    for (const wake of waiting) wake()
  })
  void exit.then(() => {
    for (const wake of waiting) wake()
  })
  let gone = false
  void exit.then(() => {
    gone = true
  })
  const running: Running = {
    child,
    lines,
    stderr: () => errors,
    async line(test, seconds = 15) {
      const until = Date.now() + seconds * 1000
      for (;;) {
        const found = lines.find(test)
        if (found) return found
        const left = until - Date.now()
        if (left <= 0 || gone) {
          throw new Error(
            `${command} ${args.join(' ')}: no such line${gone ? ' before it ended' : ''}; it printed\n${lines.map(l => JSON.stringify(l)).join('\n')}\n${errors}`,
          )
        }
        await new Promise<void>(settle => {
          const timer = setTimeout(done, left)
          function done(): void {
            clearTimeout(timer)
            waiting.delete(done)
            settle()
          }
          waiting.add(done)
        })
      }
    },
    async ended(seconds = 30) {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () =>
            reject(
              new Error(
                `${command} ${args.join(' ')} did not end in ${seconds} s; it printed\n${lines.map(l => JSON.stringify(l)).join('\n')}\n${errors}`,
              ),
            ),
          seconds * 1000,
        )
      })
      try {
        return await Promise.race([exit, late])
      } finally {
        clearTimeout(timer)
      }
    },
    stop: () => {
      child.kill('SIGTERM')
    },
  }
  RUNNING.add(running)
  void exit.then(() => RUNNING.delete(running))
  return running
}

/** Our command line, as installed: bin/proto.js over dist/. */
export function proto(...args: string[]): Running {
  return run(process.execPath, [fileURLToPath(new URL('../../bin/proto.js', import.meta.url)), ...args])
}

/** The scriptable peer around a published crate, or undefined with a printed reason. */
export function peer(name: string): string | undefined {
  const file = fileURLToPath(new URL(`./peers/${name}/target/release/peer`, import.meta.url))
  if (existsSync(file)) return file
  process.stdout.write(`skipped: peer ${name} is not built (cargo build --release in test/interop/peers/${name})\n`)
  return undefined
}

/** For afterEach: ends what a failed test left behind. */
export function stopAll(): void {
  for (const running of RUNNING) running.stop()
}

function parse(text: string): Line {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Line) : { text }
  } catch {
    return { text }
  }
}

const RUNNING = new Set<Running>()

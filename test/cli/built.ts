// The command as installed: bin/proto.js over dist/, which is built first when it is older than the sources.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Json } from './run.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const SOURCES = ['cli', 'generator', 'runtime', 'generated']

export interface Exited {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface Started {
  readonly pid: number
  /** Resolves with the first JSON line on stdout, there already or to come, for which it holds. */
  readonly line: (test: (line: Json) => boolean) => Promise<Json>
  readonly exited: Promise<Exited>
  readonly kill: (signal: NodeJS.Signals) => void
  /** Stops reading what it prints, as `head` does. */
  readonly closeOutput: () => void
}

/** Builds dist/ unless it is newer than every source. Throws what the compiler said. */
export async function build(): Promise<void> {
  // One build at a time: several test files may ask.
  const lock = join(ROOT, '.cache', 'build.lock')
  mkdirSync(join(ROOT, '.cache'), { recursive: true })
  for (let tries = 0; !isFresh(); tries++) {
    if (tries > 600) throw new Error(`${lock} is there, and no build comes to an end: remove it`)
    try {
      mkdirSync(lock)
    } catch {
      await new Promise(settle => setTimeout(settle, 100))
      continue
    }
    try {
      const done = spawnSync(
        process.execPath,
        [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
        {
          cwd: ROOT,
          encoding: 'utf8',
        },
      )
      if (done.status !== 0) throw new Error(`the build failed:\n${done.stdout}${done.stderr}`)
    } finally {
      rmSync(lock, { recursive: true })
    }
  }
}

/** Starts `proto` in `cwd`; it is killed when it has not ended after 30 s. */
export function start(
  argv: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv; stdin?: string } = {},
): Started {
  const child = spawn(process.execPath, [join(ROOT, 'bin/proto.js'), ...argv], {
    cwd: options.cwd ?? ROOT,
    env: {
      ...process.env,
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
      NODE_ENV: undefined,
      VITEST: undefined,
      ...options.env,
    },
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 30_000,
  })
  let stdout = ''
  let stderr = ''
  const waiting = new Set<() => void>()
  const wake = (): void => {
    for (const look of waiting) look()
  }
  child.stdin.on('error', () => {})
  child.stdin.end(options.stdin ?? '')
  child.stdout.on('data', chunk => {
    stdout += chunk
    wake()
  })
  child.stderr.on('data', chunk => {
    stderr += chunk
  })
  const exited = new Promise<Exited>(settle => {
    child.on('close', (code, signal) => {
      settle({ code, signal, stdout, stderr })
      wake()
    })
  })
  const line = (test: (line: Json) => boolean): Promise<Json> =>
    new Promise((found, failed) => {
      const look = (): void => {
        const lines = stdout.split('\n').slice(0, -1)
        const match = lines.map(text => JSON.parse(text) as Json).find(test)
        if (match !== undefined) found(match)
        else if (child.exitCode !== null || child.signalCode !== null) {
          failed(new Error(`proto ${argv.join(' ')} ended (${child.exitCode}) without that line:\n${stdout}${stderr}`))
        } else return
        waiting.delete(look)
      }
      waiting.add(look)
      look()
    })
  return {
    pid: child.pid!,
    line,
    exited,
    kill: signal => child.kill(signal),
    closeOutput: () => child.stdout.destroy(),
  }
}

/** Runs `proto` to its end. */
export function proto(...argv: string[]): Promise<Exited> {
  return start(argv).exited
}

function isFresh(): boolean {
  const built = join(ROOT, 'dist/cli/main.js')
  if (!existsSync(built)) return false
  return newest(SOURCES) <= statSync(built).mtimeMs
}

function newest(folders: readonly string[]): number {
  const times = folders
    .map(folder => join(ROOT, folder))
    .filter(existsSync)
    .flatMap(folder =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile())
        .map(entry => statSync(join(entry.parentPath, entry.name)).mtimeMs),
    )
  return Math.max(0, ...times)
}

// What a package of this version runs: the compiled files in `dist`, and not the sources through a loader that adds to
// them. Whoever measures compiles first.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** `shipped<typeof import('../runtime/index.ts')>('runtime/index')`. */
export function shipped<T>(path: string): Promise<T> {
  return import(new URL(`../dist/${path}.js`, import.meta.url).href) as Promise<T>
}

export function compile(): void {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const made = spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  if (made.status !== 0) throw new Error('the sources do not compile')
}

// The paths of UDP: tests over it run on all of them, the native ones where they are here.
import { afterEach, test } from 'vitest'
import { allowNative, native, refuseNative } from '../../runtime/native/load.ts'

export type Path = 'native' | 'node:dgram'

const { sockets, reason } = native()
if (sockets === undefined) process.stdout.write(`skipped: UDP over the accelerator: ${reason}\n`)

export const PATHS: readonly Path[] = sockets === undefined ? ['node:dgram'] : ['native', 'node:dgram']

/** From now on, until the test is over. */
export function take(path: Path): void {
  if (path === 'node:dgram') refuseNative('refused by a test')
}

/** A test on each path. */
export function overUdp(title: string, run: (path: Path) => Promise<void>): void {
  for (const path of PATHS)
    test(`${title} (${path})`, async () => {
      take(path)
      await run(path)
    })
}

afterEach(allowNative)

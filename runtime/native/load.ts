// Finds the addon, once: built in this folder or shipped in `prebuilds`. Without it everything works, on node:dgram and
// node:crypto; the reason is kept, for `proto doctor`.

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NativeAddon, NativeSockets } from './addon.ts'

export interface Native {
  /** Undefined where it is absent or refused. */
  readonly addon: NativeAddon | undefined
  /** Undefined too where the addon has no sockets. */
  readonly sockets: NativeSockets | undefined
  /** Where it was found, or why there is none. A sentence without a full stop. */
  readonly reason: string
}

/** Environment variable that refuses the addon, whatever its value but empty and 0. */
export const REFUSAL = 'FRAMEWRIGHT_NO_NATIVE'

/** The addon of this thread, or why it is absent. Never throws. */
export function native(): Native {
  if (refused !== undefined) return refused
  found ??= find()
  return found
}

/** From now on this process does without it. What uses it already goes on. */
export function refuseNative(why: string): void {
  refused = { addon: undefined, sockets: undefined, reason: why }
}

/** Takes it again after `refuseNative`. */
export function allowNative(): void {
  refused = fromEnvironment()
}

let found: Native | undefined
let refused: Native | undefined = fromEnvironment()

function fromEnvironment(): Native | undefined {
  const value = process.env[REFUSAL] ?? ''
  if (value === '' || value === '0') return undefined
  return { addon: undefined, sockets: undefined, reason: `refused by ${REFUSAL}` }
}

function find(): Native {
  const folder = join(packageFolder(), 'runtime', 'native')
  const require = createRequire(import.meta.url)
  try {
    const locate = require('node-gyp-build') as { resolve(folder: string): string }
    const file = locate.resolve(folder)
    const addon = require(file) as NativeAddon & Partial<NativeSockets>
    const at = relative(folder, file)
    if (addon.openSocket !== undefined) return { addon, sockets: addon as NativeSockets, reason: at }
    return { addon, sockets: undefined, reason: `${at}, without sockets on ${process.platform}` }
  } catch (error) {
    return { addon: undefined, sockets: undefined, reason: why(error as Error) }
  }
}

function why(error: Error): string {
  const [first = ''] = error.message.split('\n')
  return first.startsWith('No native build') ? `not built for ${process.platform}-${process.arch}` : first
}

/** Of this package: where package.json is, seen from the sources and from `dist`. */
function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json'))) {
    const above = dirname(folder)
    if (above === folder) return folder
    folder = above
  }
  return folder
}

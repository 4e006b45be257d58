// Calls back when one of some files changes. Editors write a file several times, or replace it: events are gathered for a
// moment, and folders are watched, not files.

import { type FSWatcher, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Files that matter at present; asked again at every event. */
export type Watched = () => Iterable<string>

/**
 * Runs `cycle` now and after every change, one at a time, until the signal aborts. A change during a cycle starts another
 * one, also during the first: the files are watched before it reads them.
 * @param settle milliseconds without an event before the cycle starts
 */
export async function watchFiles(
  watched: Watched,
  cycle: () => Promise<void>,
  signal: AbortSignal,
  settle = 60,
): Promise<void> {
  const watchers = new Map<string, FSWatcher>()
  let timer: NodeJS.Timeout | undefined
  let pending = true
  let wake: () => void = () => {}
  const changed = (folder: string, name: string | null): void => {
    const known = name === null || [...watched()].some(file => dirname(file) === folder && basename(file) === name)
    if (!known) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      pending = true
      wake()
    }, settle)
  }
  const attend = (): void => {
    const folders = new Set([...watched()].map(dirname))
    for (const folder of folders) {
      if (watchers.has(folder)) continue
      const watcher = watch(folder, (_, name) => changed(folder, name))
      // The folder may go away; what is left is still watched.
      watcher.on('error', () => {
        watcher.close()
        watchers.delete(folder)
      })
      watchers.set(folder, watcher)
    }
  }
  const untilNext = (resolve: () => void): void => {
    wake = resolve
    signal.addEventListener('abort', resolve, { once: true })
  }
  try {
    while (!signal.aborted) {
      attend()
      if (!pending) await new Promise<void>(resolve => untilNext(resolve))
      pending = false
      if (!signal.aborted) await cycle()
    }
  } finally {
    clearTimeout(timer)
    for (const watcher of watchers.values()) watcher.close()
  }
}

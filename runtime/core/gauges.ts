// What an endpoint shows at scrape: bytes that wait to be sent, and bytes that wait for what is missing. Read from the
// sessions only then, so that nothing is counted for it in between.

import type { Session } from './session.ts'
import type { Shared } from './shared.ts'

/** Registers both; returns what takes them away again. `packets`: what the driver has not taken. */
export function gaugeBytes(
  { meter, reassembly }: Shared,
  sessions: () => Iterable<Session>,
  packets: { readonly bytes: number },
): () => void {
  const sum = (of: 'queuedBytes' | 'heldBytes'): number => {
    let bytes = 0
    for (const session of sessions()) bytes += session.channels?.[of] ?? 0
    return bytes
  }
  const pieces = (): number => [...reassembly.values()].reduce((all, table) => all + table.bytes, 0)
  const away = [
    meter.gauge('queue.bytes', () => packets.bytes + sum('queuedBytes')),
    meter.gauge('reorder.bytes', () => sum('heldBytes') + pieces()),
  ]
  return () => {
    for (const one of away) one()
  }
}

// What an endpoint shows at scrape: handshakes under way, bytes that wait to be sent, and bytes that wait for what is missing. Read from the
// sessions only then, so that nothing is counted for it in between.

import type { Session } from './session.ts'
import type { Shared } from './shared.ts'

/** What is asked at scrape. */
export interface Gauged {
  readonly handshakes: number
  sessions(): Iterable<Session>
}

/** Registers them; returns what takes them away again. `packets`: what the driver has not taken. */
export function gauges(
  { meter, reassembly }: Shared,
  endpoint: Gauged,
  packets: { readonly bytes: number },
): () => void {
  const sum = (of: 'queuedBytes' | 'heldBytes'): number => {
    let bytes = 0
    for (const session of endpoint.sessions()) bytes += session.channels?.waiting[of] ?? 0
    return bytes
  }
  const pieces = (): number => [...reassembly.values()].reduce((all, table) => all + table.bytes, 0)
  const away = [
    meter.gauge('handshakes', () => endpoint.handshakes),
    meter.gauge('queue.bytes', () => packets.bytes + sum('queuedBytes')),
    meter.gauge('reorder.bytes', () => sum('heldBytes') + pieces()),
  ]
  return () => {
    for (const one of away) one()
  }
}

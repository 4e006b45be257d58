// Where a protocol begins and where it goes on, when its handshake hands the session over to another transport (`then`).

import type { HandshakeScript } from './handshake-descriptor.ts'
import type { ProtocolDescriptor, TransportDescriptor } from './protocol.ts'

export interface HandOverPlaces {
  /** Where the steps run: a stream. */
  readonly from: TransportDescriptor
  /** Where the session is: datagrams. */
  readonly to: TransportDescriptor
  readonly script: HandshakeScript
}

/** Undefined where the session is where the handshake was. */
export function handOverPlaces({ handshake, transports }: ProtocolDescriptor): HandOverPlaces | undefined {
  const script = handshake?.script
  const next = script?.continuation?.continueOn
  if (script === undefined || next === undefined) return undefined
  const begins = handshake?.transport ?? transports.find(one => one.kind !== 'udp' && one.kind !== next)?.kind
  const from = transports.find(one => one.kind === begins)
  const to = transports.find(one => one.kind === next)
  return from === undefined || to === undefined || from === to ? undefined : { from, to, script }
}

/** What of it no engine runs, as paths. */
export function unbuiltHandOver({ from, to, script }: HandOverPlaces): string[] {
  const found: string[] = []
  if (from.kind === 'udp') found.push('handshake.transport: udp')
  if (to.kind !== 'udp') found.push(`handshake.then.continue_on: ${to.kind}`)
  if (script.continuation?.close === undefined) found.push('handshake.then without close')
  if (script.noise !== undefined) found.push('handshake.noise')
  if (script.secrets.length > 0) found.push('handshake.secrets')
  if (script.keys.length > 0) found.push('handshake.keys')
  if (script.cookie !== undefined) found.push('handshake.cookie')
  if (script.continuation?.bindBy === 'first-reply') found.push('handshake.then.bind_by: first-reply')
  return found
}

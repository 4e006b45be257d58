// Fields of a received frame that belong to the engines and not to whoever sent it: numbers of packets and messages,
// acknowledgements, phases and ids. A frame that is sent on as it came goes without them.

import type { Accessor, ProtocolDescriptor } from './protocol.ts'
import type { Plain } from './recast.ts'

/** Takes them out of a copy. Worked out once for each protocol. */
export type StripOwn = (value: Plain) => void

export function stripOwn({ channelHeader, seals, handshake }: ProtocolDescriptor): StripOwn {
  const fields = new Set<string>()
  const flags: Accessor[] = []
  const add = (accessor: Accessor | undefined): void => {
    if (accessor !== undefined && !accessor.path.includes('.')) fields.add(accessor.path)
  }
  const { seq, ack, ack_bits, fragment_id, fragment_index, fragment_count } = channelHeader ?? {}
  for (const one of [seq, ack, ack_bits, fragment_id, fragment_index, fragment_count]) add(one)
  for (const flag of [channelHeader?.ack_flag, channelHeader?.fragment_flag]) if (flag !== undefined) flags.push(flag)
  for (const { counter, rekey } of seals) for (const one of [counter.field, rekey.phaseField, rekey.seenField]) add(one)
  add(handshake?.script?.ids?.field)
  const names = [...fields]
  return value => {
    for (const name of names) delete value[name]
    for (const flag of flags) if (value[flag.path.split('.')[0] as string] !== undefined) flag.set(value, false)
  }
}

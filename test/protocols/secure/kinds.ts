// The protocols that the tests of sealed datagrams run, with keys.

import { protocol as chat } from '../../../generated/chat/protocol.ts'
import { protocol as intentra } from '../../../generated/intentra/protocol.ts'
import type { Kind } from './network.ts'
import { publicOf, secretOf } from './network.ts'

/** Noise NK, three channels of std/packet. */
export const CHAT: Kind = {
  protocol: chat,
  server: { static_key: secretOf(7) },
  client: { server_key: publicOf(7) },
}

/** Noise XX, a header of its own. */
export const INTENTRA: Kind = {
  protocol: intentra,
  server: { static_key: secretOf(7) },
  client: { static_key: secretOf(8), server_keys: [publicOf(7)] },
}

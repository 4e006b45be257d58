// The glider of the examples with keys for both sides.
import { protocol } from '../../../generated/glider/protocol.ts'
import { type Kind, publicOf, secretOf } from '../secure/network.ts'

export const GLIDER: Kind = { protocol, server: { static_key: secretOf(7) }, client: { ground_key: publicOf(7) } }

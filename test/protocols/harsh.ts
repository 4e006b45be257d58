// The network that every protocol has to keep its promises on.
import type { LinkOptions } from '../../runtime/sim/link.ts'

/** 30 % loss, 20 % reorder, 10 % duplication, 5 % corruption. */
export const HARSH: Partial<LinkOptions> = {
  latency: 20,
  jitter: 10,
  loss: 0.3,
  reorder: 0.2,
  reorderBy: 60,
  duplicate: 0.1,
  corrupt: 0.05,
}

// The serving half of `proto bench`, in a process of its own: it sends back what it gets and says how much that was.

import { givenParams } from '../input/params.ts'
import { loadSchema } from '../protocol.ts'
import { loadDescriptor } from './descriptor.ts'

/** What the parent sends first. */
export interface BenchOrder {
  readonly schema: string
  readonly profile: string | undefined
  readonly set: readonly string[]
  readonly listen: string
  readonly echo: boolean
  readonly busyPoll: number
}

/** What it gets back: first `url`, then frames and bytes received whenever it asks. */
export type BenchAnswer =
  | { readonly url: string }
  | { readonly frames: number; readonly cpu: number }
  | { readonly failed: string }

process.once('message', (order: BenchOrder) => {
  serving(order).catch((error: Error) => answer({ failed: error.message }))
})
process.on('disconnect', () => process.exit(0))

async function serving({ schema, profile, set, listen, echo, busyPoll }: BenchOrder): Promise<void> {
  const { serve } = await import('../../runtime/index.ts')
  const loaded = await loadSchema(schema, profile)
  const server = await serve(await loadDescriptor(loaded), {
    listen,
    params: givenParams(loaded.protocol, [...set]),
    ...(echo ? { echo: true } : { onFrame: () => undefined }),
    datagram: { busyPoll },
    // What is measured is the way, not how much of it one peer may have.
    limits: {
      rate: { packets: Number.POSITIVE_INFINITY, bytes: Number.POSITIVE_INFINITY, burst: 0, before: 'deliver' },
    },
  })
  process.on('message', () => {
    const { user, system } = process.cpuUsage()
    answer({ frames: server.stats.framesIn, cpu: user + system })
  })
  answer({ url: server.url })
}

function answer(message: BenchAnswer): void {
  process.send?.(message)
}

// One of our clients in a process of its own, as those of the crate are tasks of their own: a producer that seals and sends,
// or some consumers that open every message and hand it to a typed handler. Told what to do by compare.ts.
import { protocol } from '../../generated/hydra-sync/profiles/crate-1.0.0-beta.9/index.ts'
import { connect } from '../../runtime/index.ts'

/** What the parent asks for: a round of one session. */
export interface Task {
  readonly role: 'producer' | 'consumer'
  readonly url: string
  /** Number of the session. */
  readonly session: number
  readonly size: number
  /** Messages of the round. */
  readonly count: number
  /** Of this process. */
  readonly consumers: number
}

/** What it hears: everybody has joined; for a consumer, everything arrived; the connections are gone. */
export type Progress = 'ready' | 'done' | 'closed'

process.on('disconnect', () => process.exit(0))
process.on('message', async (task: Task) => {
  if (task.role === 'producer') await produce(task)
  else await consume(task)
})

async function produce({ url, session, size, count }: Task): Promise<void> {
  const producer = await connect(protocol, url, { role: 'producer', params: paramsOf(session) })
  const payload = new Uint8Array(size).fill(7)
  await said('go', 'ready')
  for (let i = 0; i < count; i++) await producer.send('Data', { payload })
  await said('end', 'done')
  producer.abort()
  await producer.closed
  say('closed')
}

async function consume({ url, session, size, count, consumers }: Task): Promise<void> {
  let left = consumers
  const connections = []
  for (let i = 0; i < consumers; i++) {
    let got = 0
    connections.push(
      await connect(protocol, url, {
        role: 'consumer',
        params: paramsOf(session),
        handlers: {
          Data({ payload }) {
            if (payload.length !== size) throw new Error('a message of another size')
            if (++got === count && --left === 0) say('done')
          },
        },
      }),
    )
  }
  await said('end', 'ready')
  for (const one of connections) one.abort()
  await Promise.all(connections.map(one => one.closed))
  say('closed')
}

function paramsOf(session: number): { session_id: Uint8Array; session_key: Uint8Array } {
  const session_id = new Uint8Array(64)
  new DataView(session_id.buffer).setUint32(0, session)
  return { session_id, session_key: new Uint8Array(32).fill(0xaa) }
}

function say(what: Progress): void {
  process.send!(what)
}

/** Says `what`, then waits for `word`. */
function said(word: 'go' | 'end', what: Progress): Promise<void> {
  return new Promise(resolve => {
    const hear = (heard: unknown): void => {
      if (heard !== word) return
      process.off('message', hear)
      resolve()
    }
    process.on('message', hear)
    say(what)
  })
}

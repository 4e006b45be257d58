// Our producer and consumers in one process, as the published crate's benchmark has them: sealing, opening, a typed
// handler called for every message. Prints a JSON line for each round.
import { protocol } from '../../generated/hydra-sync/profiles/crate-1.0.0-beta.9/index.ts'
import { connect } from '../../runtime/index.ts'

const [port, list = '1,8,64', size = '1024', count = '20000', rounds = '2', name = '0'] = process.argv.slice(2)
const session_key = new Uint8Array(32).fill(0xaa)
for (const consumers of list.split(',').map(Number)) {
  for (let round = 0; round < Number(rounds); round++) {
    const session_id = new Uint8Array(64).fill(round + 1)
    new DataView(session_id.buffer).setFloat64(8, Number(name) * 1000 + consumers)
    const params = { session_id, session_key }
    const producer = await connect(protocol, `tcp://127.0.0.1:${port}`, { role: 'producer', params })
    let left = 0
    let done = (): void => {}
    const all = new Promise<void>(resolve => {
      done = resolve
    })
    const connections = []
    for (let i = 0; i < consumers; i++) {
      let got = 0
      left++
      connections.push(
        await connect(protocol, `tcp://127.0.0.1:${port}`, {
          role: 'consumer',
          params,
          handlers: {
            Data(frame) {
              if (frame.payload.length !== Number(size)) throw new Error('a message of another size')
              if (++got === Number(count) && --left === 0) done()
            },
          },
        }),
      )
    }
    const payload = new Uint8Array(Number(size)).fill(7)
    const start = performance.now()
    for (let i = 0; i < Number(count); i++) {
      await producer.send('Data', { payload })
      // Consumers live in this process too: they have to get their turn.
      if (i % 64 === 63) await new Promise(resolve => setImmediate(resolve))
    }
    await all
    const seconds = (performance.now() - start) / 1000
    const line = { consumers, in_msgs_s: Number(count) / seconds, out_msgs_s: (Number(count) * consumers) / seconds }
    process.stdout.write(`${JSON.stringify(line)}\n`)
    producer.abort()
    for (const one of connections) one.abort()
    await Promise.all([producer.closed, ...connections.map(one => one.closed)])
  }
}

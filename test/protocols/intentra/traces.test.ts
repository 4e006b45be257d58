// What the crate did with packet after packet (test/vectors, made by the crate), done once more with ours in its profile:
// the same packets lead to the same deliveries. Where ours counts or limits in another way on purpose, it is named here.
import { createCipheriv } from 'node:crypto'
import { expect, test } from 'vitest'
import { protocol } from '../../../generated/intentra/profiles/crate-0.1.3/protocol.ts'
import { WrappingWindow } from '../../../runtime/crypto/seal/wrapping.ts'
import { Metrics } from '../../../runtime/metrics/metrics.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import vectors from '../../vectors/intentra.json' with { type: 'json' }
import { Party, SERVER, STRANGER, Stranger } from '../secure/network.ts'

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'))
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const HELLO = hex(`1240${'00'.repeat(14)}`)

interface Step {
  readonly from: string
  readonly packet: string
  readonly note?: string
  readonly delivered?: readonly string[]
  readonly metrics: Readonly<Record<string, number>>
}

/** A server of ours in the profile, and what it says after each packet. */
function listening() {
  const net = new SimNetwork({ seed: 1, link: { latency: 0 } })
  const { frames, metrics, seals, covers } = protocol
  const counted = new Metrics({ protocol: 'intentra', frames, metrics, seals, covers })
  const server = new Party(net, protocol, 'accepts', SERVER, { meter: counted.meter })
  const senders = new Map<string, Stranger>()
  let seen = 0
  return {
    server,
    /** Payloads that this packet led to. */
    packet(bytes: Uint8Array, from = STRANGER): string[] {
      let sender = senders.get(from)
      if (sender === undefined) senders.set(from, (sender = new Stranger(net, from)))
      sender.throw(bytes)
      sender.socket.touch()
      net.run(net.now + 0.01)
      const payloads = server.data.slice(seen).map(one => toHex(one.value.payload as Uint8Array))
      seen = server.data.length
      return payloads
    },
    async metrics(): Promise<Record<string, number>> {
      const rows = (await counted.text()).split('\n').filter(line => line.startsWith('intentra_'))
      return Object.fromEntries(rows.map(row => [row.replace(/\{.*/, '').slice(9), Number(row.split(' ')[1])]))
    },
  }
}

function data(seq: number, payload: Uint8Array, intent: number, connId = 1): Uint8Array {
  const header = Buffer.alloc(16)
  header[0] = 0x10
  header[1] = intent << 6
  header.writeUInt16BE(Math.max(1, payload.length), 2)
  header.writeUInt32BE(connId, 4)
  header.writeUInt32BE(seq, 8)
  const cipher = createCipheriv(
    'aes-256-gcm',
    new Uint8Array(32),
    Buffer.concat([header.subarray(4, 12), Buffer.alloc(4)]),
  )
  cipher.setAAD(header)
  return Buffer.concat([header, cipher.update(payload), cipher.final(), cipher.getAuthTag()])
}

const traces = vectors.transport_traces.traces as unknown as { name: string; steps: readonly Step[] }[]

test.each(traces.map(one => [one.name, one] as const))('%s: the same is delivered', (_name, { steps }) => {
  const { packet } = listening()
  for (const { packet: bytes, from, delivered = [], note } of steps)
    expect({ note, payloads: packet(hex(bytes), from) }).toEqual({ note, payloads: delivered })
})

test.each(traces.map(one => [one.name, one] as const))(
  '%s: replays, forged packets and strikes of a peer in use are counted as there',
  async (_name, { steps }) => {
    const all = listening()
    let before = await all.metrics()
    let compared = 0
    for (const { packet: bytes, from, metrics, note = '' } of steps) {
      const wasOpen = all.server.sessions.some(one => one.address === from && one.phase === 'open')
      all.packet(hex(bytes), from)
      const after = await all.metrics()
      // Strangers and handshakes cost nothing here before they are peers, and one that was closed is one of those again; the
      // crate keeps a record of every address for ever. An ACK of what was never sent ends the connection here at once.
      if (wasOpen && bytes.startsWith('10')) {
        for (const name of ['packets_dropped_crypto', 'replay_rejections_total', 'strike_events_total'])
          expect({ note, [name]: after[name]! - before[name]! }).toEqual({ note, [name]: metrics[name] ?? 0 })
        compared++
      }
      before = after
    }
    const used = steps.filter(({ packet: bytes, delivered }) => bytes.startsWith('10') && delivered !== undefined)
    expect(compared).toBeGreaterThanOrEqual(used.length)
  },
)

test('metrics have the names of the crate, and begin with nothing', async () => {
  const names = vectors.metrics_text.text
    .trim()
    .split('\n')
    .map(line => line.replace('intentra_', '').split(' ')[0]!)
  expect(await listening().metrics()).toEqual(Object.fromEntries(names.map(name => [name, 0])))
})

test.each(vectors.replay.cases.map(one => [one.note, one] as const))('replay window: %s', (_note, one) => {
  const window = new WrappingWindow(one.window)
  const accepted = one.seq.map(seq => {
    if (!window.isFresh(0, seq)) return 0
    window.mark(0, seq)
    return 1
  })
  expect(accepted).toEqual(one.accept)
})

test.each(vectors.receiver.cases.map(one => [one.note, one] as const))('order of delivery: %s', (_note, { steps }) => {
  const { packet } = listening()
  for (let i = 0; i < 3; i++) packet(HELLO)
  for (const { seq, payload, intent, delivers } of steps) {
    const [byte, times] = payload.split('*')
    expect({ seq, got: packet(data(seq, hex(byte!.repeat(Number(times ?? 1))), intent)) }).toEqual({
      seq,
      got: delivers,
    })
  }
})

test('two thousand packets at once: the burst passes, the rest is counted, nobody is struck', async () => {
  const all = listening()
  for (let i = 0; i < 3; i++) all.packet(HELLO)
  let delivered = 0
  for (let seq = 1; seq <= 2000; seq++) delivered += all.packet(data(seq, Uint8Array.of(1), 0)).length
  const { packets_dropped_rate_limit: dropped, strike_events_total: strikes } = await all.metrics()
  // 500 and 10,000 a second; it took 20 ms of virtual time. The crate charges its three handshake packets too.
  expect(delivered).toBeGreaterThanOrEqual(500 + 190 - 3)
  expect(delivered).toBeLessThanOrEqual(500 + 210)
  expect({ dropped, strikes }).toEqual({ dropped: 2000 - delivered, strikes: 0 })
})

// The channel engine alone: send, receive and acknowledge, without encoding, sealing or sockets. Two sets call each
// other. Figures are nanoseconds per message for both sides together, as ratios of the cheapest.

import type { ChannelHost, Numbers } from '../../runtime/channel/host.ts'
import { ChannelSet } from '../../runtime/channel/set.ts'
import type { ChannelDescriptor } from '../../runtime/core/protocol.ts'
import { SimRandom } from '../../runtime/sim/random.ts'

export async function run(): Promise<string> {
  const rows = [
    measure('unreliable', 'unreliable', 0),
    measure('unreliable-sequenced', 'unreliable-sequenced', 0),
    measure('reliable', 'reliable', 0),
    measure('reliable-ordered', 'reliable-ordered', 0),
    measure('reliable-ordered, 1 % lost', 'reliable-ordered', 0.01),
    measure('reliable-ordered, 10 % lost', 'reliable-ordered', 0.1),
  ]
  const least = Math.min(...rows.map(row => row.ns))
  const lines = rows.map(row => `| ${row.name} | ${row.ns.toFixed(0)} | ${(row.ns / least).toFixed(1)} |`)
  return [
    '## Channels: send, receive, acknowledge (64-byte messages, an acknowledgement for every 32)',
    '',
    '| channel | ns per message | ratio |',
    '| --- | --- | --- |',
    ...lines,
  ].join('\n')
}

/** Sends MESSAGES messages from one set to another; `loss` of the data never arrives. */
function measure(name: string, delivery: ChannelDescriptor['delivery'], loss: number) {
  const message = new Uint8Array(64)
  let delivered = 0
  const random = new SimRandom(1)
  let now = 0
  let sentSinceAck = 0
  const host = (other: () => ChannelSet<Uint8Array>, lossy: boolean): ChannelHost<Uint8Array> => ({
    transmit(channel: number, body: Uint8Array, numbers: Numbers): number {
      if (lossy && random.chance(loss)) return 100
      other().receive(now, channel, numbers.seq, undefined, body, 64)
      return 100
    },
    deliver: () => void delivered++,
    hold: (_, body) => body,
    acknowledge(channel) {
      const me = other()
      const { ack, lo, hi } = receiver.acks(channel)
      me.acked(now, channel, ack, lo, hi)
      receiver.carried(channel)
      return true
    },
    settled() {},
    dropped() {},
    ready() {},
    failed(code, text) {
      throw new Error(`${code}: ${text}`)
    },
    cutSize: () => 64,
    cutBytes: (_, body) => body,
    join: (_, body) => body,
  })
  const channels = [descriptor(delivery)]
  const numbers = { seqBits: 32, ackBits: 64 }
  const sender: ChannelSet<Uint8Array> = new ChannelSet({
    channels,
    numbers,
    mtu: 1200,
    host: host(() => receiver, true),
    handshakeRtt: 1,
  })
  const receiver: ChannelSet<Uint8Array> = new ChannelSet({
    channels,
    numbers,
    mtu: 1200,
    host: host(() => sender, false),
    handshakeRtt: 1,
  })
  const turn = (count: number): void => {
    for (let i = 0; i < count; i++) {
      if (sender.send(now, 0, message, 64) === 'refused') i--
      if (++sentSinceAck === 32) {
        sentSinceAck = 0
        now += 1
        receiver.pump(now)
        if (loss > 0) sender.wake(now)
        else sender.pump(now)
      }
    }
  }
  turn(MESSAGES / 4)
  const from = process.hrtime.bigint()
  turn(MESSAGES)
  const ns = Number(process.hrtime.bigint() - from) / MESSAGES
  if (delivered === 0) throw new Error(`${name}: nothing was delivered`)
  return { name, ns }
}

function descriptor(delivery: ChannelDescriptor['delivery']): ChannelDescriptor {
  const reliable = delivery.startsWith('reliable')
  return {
    name: delivery,
    id: 0,
    delivery,
    priority: 0,
    ack: reliable ? { frame: undefined, after: 32, delay: 25 } : undefined,
    retransmit: reliable ? { from: 100, to: 5000, times: 12 } : undefined,
    window: 256,
    reorder: { messages: 256, bytes: 512 * 1024 },
    congestion: reliable ? 'cubic' : 'none',
    pace: undefined,
    orderBy: undefined,
    coalesce: 0,
    fec: undefined,
    fragment: undefined,
    queue: { in: 256, out: 256, bytes: 1024 ** 2, full: 'backpressure', rejectOversize: true },
  }
}

const MESSAGES = 1_000_000

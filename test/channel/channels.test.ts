// Channels over a lossy network on the virtual clock: what each delivery class promises, whatever the network does.
import { expect, test } from 'vitest'
import { SimNetwork } from '../../runtime/sim/network.ts'
import { channel, Peer } from './peer.ts'

const BAD = { latency: 20, loss: 0.3, reorder: 0.2, reorderBy: 30, duplicate: 0.1, corrupt: 0.05 }

function number(n: number, size = 16): Uint8Array {
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, n)
  return bytes
}

test('20,000 ordered messages arrive once and in order at 30 % loss, 20 % reorder, 10 % duplication', () => {
  const network = new SimNetwork({ seed: 1, link: BAD })
  const channels = [channel('ordered', 'reliable-ordered')]
  const a = new Peer({ channels, to: 'b:1', handshakeRtt: 40 })
  const b = new Peer({ channels, to: 'a:1', handshakeRtt: 40 })
  const sa = network.datagram('a:1', a)
  network.datagram('b:1', b)
  const total = 20_000
  let next = 0
  const feed = () => {
    while (next < total) {
      const result = a.send(network.now, 0, number(next))
      if (result === 'refused') return
      next++
    }
  }
  a.onReady = feed
  let expected = 0
  let wrong = 0
  b.onDeliver = (_, message) => {
    if (new DataView(message.buffer, message.byteOffset).getUint32(0) !== expected) wrong++
    expected++
  }
  feed()
  sa.touch()
  network.runUntil(() => a.settledCount === total || a.failure !== undefined, 1e7)
  expect(a.failure).toBeUndefined()
  expect(expected).toBe(total)
  expect(wrong).toBe(0)
})

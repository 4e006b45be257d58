// The ratchet of sealed datagrams, on a clock that only the test moves.
import { describe, expect, test } from 'vitest'
import { VERDICT } from '../../../runtime/crypto/seal/packet-seal.ts'
import { PACKET, pair } from './pair.ts'

describe('ratchet', () => {
  test('what one side seals the other opens, both ways, and nobody opens it twice', () => {
    const { one, other } = pair()
    const hello = one.send('hello')!
    expect(other.receive(hello)).toMatchObject({ verdict: VERDICT.opened, text: 'hello' })
    expect(other.receive(hello).verdict).toBe(VERDICT.replayed)
    expect(one.receive(hello).verdict).not.toBe(VERDICT.opened)
    expect(one.receive(other.send('answer')!).text).toBe('answer')
  })

  test('a sender at half its budget changes phase as soon as the peer has confirmed the last one', () => {
    const descriptor = { ...PACKET, rekey: { ...PACKET.rekey, packets: 16 } }
    const { one, other } = pair({ descriptor })
    one.receive(other.send('here')!)
    for (let i = 0; i < 100; i++) {
      expect(other.receive(one.send(`${i}`)!).text).toBe(`${i}`)
      expect(one.receive(other.send('')!).verdict).toBe(VERDICT.opened)
    }
    expect(one.seal.sending.phase).toBe(12)
    expect(other.seal.receiving.phase).toBe(12)
  })
})

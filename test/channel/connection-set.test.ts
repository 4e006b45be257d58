// One row of numbers for all channels of a connection, as a published crate has it: what is acknowledged, what is put in
// order, and that the crate's table of sent messages never fills up.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { protocol } from '../../generated/fastnet/profiles/crate-0.3.1/protocol.ts'
import { ConnectionAcks } from '../../runtime/channel/connection-acks.ts'
import { ConnectionSet } from '../../runtime/channel/connection-set.ts'
import type { ChannelHost } from '../../runtime/channel/host.ts'
import { Serial } from '../../runtime/channel/serial.ts'
import { SimRandom } from '../../runtime/sim/random.ts'
import { vectors } from '../vectors/codecs.ts'

const [ORDERED, UNRELIABLE, UNORDERED, SEQUENCED] = [0, 1, 2, 3]
const file = vectors<{
  ack_tracker: { cases: { name: string; rows_seq_ack_bitfield: [number, number, number][] }[] }
}>('fastnet')

describe('acknowledgements', () => {
  for (const { name, rows_seq_ack_bitfield: rows } of file.ack_tracker.cases)
    test(`${name}: the crate's number, and only what has arrived`, () => {
      const acks = new ConnectionAcks(new Serial(16, 0), 0, undefined)
      const serial = new Serial(16, 0)
      const arrived = new Set<number>()
      for (const [seq, ack] of rows) {
        acks.arrived(serial.full(seq, Math.max(1, acks.highest)))
        arrived.add(seq)
        expect(acks.acks.ack).toBe(ack)
        for (let bit = 0; bit < 32; bit++) {
          const number = (ack - 1 - bit + 65_536) % 65_536
          expect((acks.acks.lo >>> bit) & 1).toBe(arrived.has(number) && number !== ack ? 1 : 0)
        }
      }
    })

  test('a table that is kept under the numbers of each channel is emptied by the sweep, whatever is lost on the way', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.constantFrom(0, 0.1, 0.3), (seed, loss) => {
        const crate = new Crate(seed, loss)
        for (let i = 0; i < 20_000; i++) crate.turn(i % 3 === 0 ? UNORDERED : i % 3 === 1 ? ORDERED : UNRELIABLE)
        expect(crate.refused).toBe(0)
      }),
      { numRuns: 12 },
    )
  })

  test('without the sweep that table fills up, as it does between two crates', () => {
    const crate = new Crate(1, 0, false)
    for (let i = 0; i < 3000; i++) crate.turn(i % 2 === 0 ? ORDERED : UNRELIABLE)
    expect(crate.refused).toBeGreaterThan(500)
  })
})

describe('what arrives', () => {
  test('is put in order where numbers before it were seen on another channel or come soon', () => {
    const end = new End()
    for (const [seq, channel] of [
      [0, ORDERED],
      [2, ORDERED],
      [1, UNRELIABLE],
      [5, ORDERED],
      [4, ORDERED],
      [3, ORDERED],
    ] as const)
      end.set.receive(0, channel, seq, undefined, seq, 10)
    expect(end.got).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('does not wait for what never comes', () => {
    const end = new End()
    for (const seq of [0, 2, 3]) end.set.receive(0, ORDERED, seq, undefined, seq, 10)
    expect(end.got).toEqual([0])
    expect(end.set.deadline).toBeLessThan(100)
    end.set.wake(100)
    expect(end.got).toEqual([0, 2, 3])
    expect(end.set.receive(101, ORDERED, 1, undefined, 1, 10)).toBe('late')
  })

  test('comes once where it is reliable, and only forward where it is in sequence', () => {
    const end = new End()
    for (const seq of [5, 5, 4, 4]) end.set.receive(0, UNORDERED, seq, undefined, seq, 10)
    for (const seq of [9, 8, 10, 10]) end.set.receive(0, SEQUENCED, seq, undefined, seq, 10)
    for (const seq of [11, 11]) end.set.receive(0, UNRELIABLE, seq, undefined, seq, 10)
    expect(end.got).toEqual([5, 4, 9, 10, 11, 11])
  })

  test('goes on over the end of the numbers', () => {
    const end = new End()
    for (let i = 0; i < 200_000; i++) end.set.receive(i, ORDERED, i & 0xffff, undefined, i, 10)
    expect(end.got.length).toBe(200_000)
  })

  test('is bounded while it waits', () => {
    const end = new End()
    for (let seq = 2; seq < 2000; seq += 2) end.set.receive(0, ORDERED, seq, undefined, seq, 10)
    expect(end.got.length).toBeGreaterThan(700)
    expect(end.got).toEqual([...end.got].sort((a, b) => a - b))
  })
})

describe('what is sent', () => {
  test('is numbered on each channel by itself, and a packet without a message repeats the last number in order', () => {
    const end = new End()
    expect(end.set.quietNumber).toBe(0)
    for (const channel of [ORDERED, UNRELIABLE, ORDERED, SEQUENCED, ORDERED, SEQUENCED]) end.set.send(0, channel, 7, 10)
    expect(end.sent).toEqual(['0:0', '1:0', '0:1', '3:0', '0:2', '3:1'])
    expect(end.set.quietNumber).toBe(2)
  })

  test('waits while there is no room, and is refused when too much waits', () => {
    const end = new End()
    end.room = 0
    for (let i = 0; i < 256; i++) expect(end.set.send(0, ORDERED, i, 10)).toBe('queued')
    expect(end.set.send(0, ORDERED, 256, 10)).toBe('refused')
    end.room = Number.POSITIVE_INFINITY
    end.set.pump(1)
    expect(end.sent.length).toBe(256)
    expect(end.isReady).toBe(true)
  })

  test('is acknowledged by itself after some messages, or after a while', () => {
    const end = new End()
    end.set.receive(0, ORDERED, 0, undefined, 0, 10)
    end.set.pump(0)
    expect(end.acknowledged).toBe(0)
    end.set.wake(end.set.deadline)
    expect(end.acknowledged).toBe(1)
    for (let seq = 1; seq <= 16; seq++) end.set.receive(100, ORDERED, seq, undefined, seq, 10)
    end.set.pump(100)
    expect(end.acknowledged).toBe(2)
  })
})

/** Our end, with what it delivered and sent. */
class End implements ChannelHost<number> {
  readonly got: number[] = []
  readonly sent: string[] = []
  room = Number.POSITIVE_INFINITY
  acknowledged = 0
  isReady = false
  readonly set: ConnectionSet<number>

  constructor(sweeps = true) {
    const numbers = { seqBits: 16, ackBits: 32, seqSpace: 'connection' } as const
    this.set = new ConnectionSet(
      { channels: protocol.channels, numbers, host: this, mtu: 1200 },
      sweeps ? 33 : undefined,
    )
  }

  transmit(channel: number, _message: number, { seq }: { readonly seq: number }): number {
    if (this.sent.length >= this.room) return 0
    this.sent.push(`${channel}:${seq}`)
    return 20
  }
  deliver(_channel: number, message: number): void {
    this.got.push(message)
  }
  hold(_channel: number, message: number): number {
    return message
  }
  acknowledge(): boolean {
    this.acknowledged++
    this.set.carried(0)
    return true
  }
  settled(): void {}
  dropped(): void {}
  ready(): void {
    this.isReady = true
  }
  failed(): void {
    throw new Error('a connection of this kind does not fail')
  }
  cutSize(): number {
    return 0
  }
  cutBytes(): Uint8Array {
    return new Uint8Array(0)
  }
  join(_channel: number, message: number): number {
    return message
  }
}

/**
 * The sending side of the crate: it keeps up to 256 messages of a reliable channel under the channel's own numbers, and
 * lets go of those that are acknowledged as numbers of the connection. Full, it drops what it should send.
 */
class Crate {
  refused = 0
  readonly #end: End
  readonly #tables = [new Set<number>(), undefined, new Set<number>(), undefined]
  readonly #counts = [0, 0, 0, 0]
  #next = 0
  readonly #random: SimRandom
  readonly #loss: number

  constructor(seed: number, loss: number, sweeps = true) {
    this.#random = new SimRandom(seed)
    this.#loss = loss
    this.#end = new End(sweeps)
  }

  /** Sends a message on a channel and gets an echo, whose acknowledgements may be lost. */
  turn(channel: number): void {
    const table = this.#tables[channel]
    if (table !== undefined && table.size >= 256) {
      this.refused++
      return
    }
    const count = this.#counts[channel]!
    this.#counts[channel] = count + 1
    table?.add(count & 0xffff)
    const seq = this.#next++ & 0xffff
    if (!this.#random.chance(this.#loss)) this.#end.set.receive(0, channel, seq, undefined, seq, 10)
    const { ack, lo } = this.#end.set.acks(channel)
    this.#end.set.carried(channel)
    if (this.#random.chance(this.#loss)) return
    for (const one of this.#tables) {
      one?.delete(ack)
      for (let bit = 0; bit < 32; bit++) if ((lo >>> bit) & 1) one?.delete((ack - 1 - bit) & 0xffff)
    }
  }
}

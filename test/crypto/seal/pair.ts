// Two ends of one sealed connection under test, on made-up packets: the header of the schema's layout, then a text.
import { protocol as chat } from '../../../generated/chat/protocol.ts'
import type { KeyScope } from '../../../runtime/core/handshake-descriptor.ts'
import type { SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import { node } from '../../../runtime/crypto/node.ts'
import type { CryptoProvider } from '../../../runtime/crypto/provider.ts'
import { OpenBatch } from '../../../runtime/crypto/seal/open-batch.ts'
import { PacketSeal, VERDICT, type Verdict } from '../../../runtime/crypto/seal/packet-seal.ts'
import { SealPlan } from '../../../runtime/crypto/seal/plan.ts'
import { SealBatch } from '../../../runtime/crypto/seal/seal-batch.ts'

/** chacha20-poly1305, 64-bit counter in the header, phase and seen, window 1024, rekey 2^20 or 120 s. */
export const PACKET: SealDescriptor = chat.seals[0]!

/** Full scale, for continuous integration: FRAMEWRIGHT_LONG=1. */
export const LONG: boolean = process.env.FRAMEWRIGHT_LONG === '1'

export const NO_SCOPE: KeyScope = {
  param: {},
  session: {},
  key: {},
  peer: {},
  local: {},
  frames: {},
  clear: {},
  counter: 0n,
  publicKey: () => new Uint8Array(32),
  dh: () => new Uint8Array(32),
  random: n => new Uint8Array(n),
  now: () => 0,
}

export interface PairOptions {
  readonly descriptor?: SealDescriptor
  readonly provider?: CryptoProvider
  readonly forged?: number
  readonly first?: bigint
}

/** `one` seals with the key that `other` opens with, and the other way round. */
export function pair(options: PairOptions = {}): { one: End; other: End; plan: SealPlan } {
  const { descriptor = PACKET, provider = node, forged, first } = options
  const plan = new SealPlan(descriptor, provider, forged === undefined ? {} : { forged })
  const size = descriptor.aead === 'aes-128-gcm' ? 16 : 32
  const there = new Uint8Array(size).fill(1)
  const back = new Uint8Array(size).fill(2)
  const common = { plan, scope: NO_SCOPE, now: 0, first }
  return {
    plan,
    one: new End(new PacketSeal({ ...common, send: there, receive: back })),
    other: new End(new PacketSeal({ ...common, send: back, receive: there })),
  }
}

/** What a packet looked like to its receiver. */
export interface Outcome {
  readonly verdict: Verdict
  readonly text: string
  readonly number: number
}

export class End {
  readonly seal: PacketSeal
  readonly #sealing = new SealBatch(1)
  readonly #opening = new OpenBatch(1)

  constructor(seal: PacketSeal) {
    this.seal = seal
  }

  /** A sealed packet, or undefined when nothing may be sealed. */
  send(text: string, now = 0): Uint8Array | undefined {
    return this.sendAll([text], now)[0]
  }

  sendAll(texts: readonly string[], now = 0): Uint8Array[] {
    const { plan } = this.seal
    const layout = plan.layout!
    const slab = new Uint8Array(texts.length * ROOM)
    const batch = this.#sealing
    batch.reset(slab, now)
    const ends: [number, number][] = []
    texts.forEach((text, i) => {
      const start = i * ROOM
      if (layout.test) slab[start + layout.test.place.at] = layout.test.values[0]! << layout.test.place.shift
      const end =
        start + layout.sealedAt + new TextEncoder().encodeInto(text, slab.subarray(start + layout.sealedAt)).written
      const row = batch.add(this.seal, start, end)
      if (row >= 0) ends.push([start, row])
    })
    batch.run()
    return ends.map(([start, row]) => slab.slice(start, batch.sealedTo[row]))
  }

  /** What stands in the slab when the connection goes away between adding a packet and sealing it. */
  sealAfterDestroying(text: string): string {
    const { layout } = this.seal.plan
    const slab = new Uint8Array(ROOM)
    const from = layout!.sealedAt
    slab.set(new TextEncoder().encode(text), from)
    this.#sealing.reset(slab, 0)
    this.#sealing.add(this.seal, 0, from + text.length)
    this.seal.destroy()
    this.#sealing.run()
    return new TextDecoder('latin1').decode(slab)
  }

  receive(packet: Uint8Array, now = 0): Outcome {
    return this.receiveAll([packet], now)[0]!
  }

  receiveAll(packets: readonly Uint8Array[], now = 0): Outcome[] {
    const slab = new Uint8Array(packets.reduce((sum, packet) => sum + packet.length, 0))
    const batch = this.#opening
    batch.reset(slab, now)
    let at = 0
    for (const packet of packets) {
      slab.set(packet, at)
      batch.add(this.seal, at, at + packet.length)
      at += packet.length
    }
    batch.run()
    return packets.map((_, row) => ({
      verdict: batch.verdict[row] as Verdict,
      text:
        batch.verdict[row] === VERDICT.opened
          ? new TextDecoder().decode(slab.subarray(batch.textFrom[row], batch.textTo[row]))
          : '',
      number: batch.hi[row]! * 2 ** 32 + batch.lo[row]!,
    }))
  }
}

const ROOM = 128

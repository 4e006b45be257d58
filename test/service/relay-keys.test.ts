// The keys of a relayed session over long lives: FRAMEWRIGHT_LONG=1 runs them at full scale, on the virtual clock.

import { expect, test } from 'vitest'
import { protocol } from '../../generated/hydra-sync/index.ts'
import type { KeyExpression } from '../../runtime/core/handshake-descriptor.ts'
import { instant } from '../../runtime/core/machine.ts'
import type { ProtocolDescriptor } from '../../runtime/core/protocol.ts'
import { node } from '../../runtime/crypto/node.ts'
import { drawn, join, type SealedEnd, sealedEnd } from '../runtime/sealed-pair.ts'

const IS_LONG = process.env.FRAMEWRIGHT_LONG === '1'
const RESTARTS = IS_LONG ? 100_000 : 3000
/** Frames that one key of the transport seals: the schema's number, or fewer. */
const PACKETS = IS_LONG ? protocol.seals[0]!.rekey.packets : 1024

test(`a producer that restarts ${RESTARTS} times with one session key never seals two frames under one key and nonce (SECURITY 55)`, () => {
  const seen = new Set<string>()
  const plain = {
    ...protocol,
    handshake: undefined,
    states: [],
    channels: [],
    seals: protocol.seals.filter(one => one.name === 'data'),
    service: undefined,
  }
  const params = { session_id: drawn(1)(64), session_key: drawn(2)(32) }
  const random = drawn(3)
  for (let restart = 0; restart < RESTARTS; restart++) {
    const end = sealedEnd({ protocol: plain as never, role: 'producer', side: 'dials', params, seed: 1 + restart })
    end.session.context.session = { payload_len: 4n }
    end.session.context.random = random
    end.session.secure({ noise: undefined, keys: {}, frames: {}, received: {} })
    end.machine.start(instant(0))
    for (let i = 0; i < 2; i++) end.session.send(instant(0), 'Data', { payload: new Uint8Array(4).fill(i), used: 4 })
    const run = end.machine.transmit()!
    // Start time and salt, of which the key is made, and the counter, which is the nonce.
    for (const at of [0, run.length / 2]) {
      const name = Buffer.from(run.subarray(at, at + 32)).toString('latin1')
      if (seen.has(name)) throw new Error(`restart ${restart} uses a key and nonce again`)
      seen.add(name)
    }
  }
  expect(seen.size).toBe(2 * RESTARTS)
})

test(`a connection that was idle for ten minutes sends ${PACKETS} + 1 frames each way, and both sides take each next key at the same frame (SECURITY 58)`, () => {
  const secret = drawn(5)(32)
  const token = drawn(6)(64)
  const relay_key = node.curve('25519').publicKey(secret)
  /** Frames that each end had sent and read when it took a key. */
  const steps: Record<'observer' | 'relay', number[][]> = { observer: [], relay: [] }
  const made = (role: 'observer' | 'server', params: Record<string, unknown>): SealedEnd => {
    const noted = steps[role === 'server' ? 'relay' : role]
    const end: SealedEnd = sealedEnd({
      protocol: stepping(() => noted.push([end.session.framesOut, end.session.framesIn])),
      role,
      side: role === 'server' ? 'accepts' : 'dials',
      params,
      seed: role === 'server' ? 1 : 2,
    })
    return end
  }
  const relay = made('server', { static_key: secret, observer_token: token, packet_len: 64n })
  const observer = made('observer', { relay_key, observer_token: token })
  join(observer, relay)
  // As the service does: in the last state frames of several roles look alike.
  observer.session.context.dir = 'server>observer'
  relay.session.context.dir = 'observer>server'
  observer.session.send(instant(0), 'Join', { role: 'observer', id: token })
  cross(observer, relay, 0)
  relay.session.send(instant(0), 'Status', { code: 'success' })
  relay.session.send(instant(0), 'Length', { value: 64n })
  cross(relay, observer, 0)

  const later = 10 * 60_000
  for (const { machine } of [observer, relay]) machine.wake(instant(later))
  let polls = 0
  let answers = 0
  for (let i = 0; i < PACKETS + 1; i++) {
    observer.session.send(instant(later), 'Poll', { any: i & 0xff })
    cross(observer, relay, later)
    const poll = relay.notes.got.at(-1)
    if (poll?.frame === 'Poll' && poll.value.any === (i & 0xff)) polls++
    relay.session.send(instant(later), 'Metrics', metrics(i))
    cross(relay, observer, later)
    const answer = observer.notes.got.at(-1)
    if (answer?.frame === 'Metrics' && answer.value.total_sessions === BigInt(i)) answers++
    relay.notes.got.length = observer.notes.got.length = 0
  }
  expect([polls, answers]).toEqual([PACKETS + 1, PACKETS + 1])
  expect([observer.notes.errors, relay.notes.errors]).toEqual([[], []])
  // One frame was sealed by the observer before, two by the relay: so each direction stepped once, at its own frame.
  expect(steps.observer.length).toBe(2)
  expect(steps.relay.length).toBe(2)
  const [outOf, into] = [steps.observer, steps.relay]
  // The first is that of the relay's direction, which is one frame ahead.
  expect([into[0]![0], outOf[0]![1]]).toEqual([outOf[0]![1], into[0]![0]])
  expect([outOf[1]![0], into[1]![1]]).toEqual([into[1]![1], outOf[1]![0]])
})

const metrics = (i: number) => ({
  uptime_hours: 0,
  total_sessions: BigInt(i),
  active_sessions: 0n,
  network_bytes: 0n,
})

/** The protocol without its service, which calls `taken` when a direction takes its next key. */
function stepping(taken: () => void): ProtocolDescriptor {
  const seals = protocol.seals.map(seal => {
    const { derive } = seal.rekey
    if (seal.name !== 'transport' || derive === undefined) return seal
    const noted: KeyExpression = scope => {
      taken()
      return derive(scope)
    }
    return { ...seal, rekey: { ...seal.rekey, packets: PACKETS, derive: noted } }
  })
  return { ...protocol, seals, service: undefined, replies: [] } as never
}

/** What one end has to say goes to the other. */
function cross(from: SealedEnd, to: SealedEnd, now: number): void {
  for (let run = from.machine.transmit(); run !== undefined; run = from.machine.transmit()) {
    to.machine.receive(instant(now), run.slice())
    from.machine.release(run)
  }
}

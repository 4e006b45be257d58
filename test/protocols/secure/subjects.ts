// The protocols that every attack of the security review is tried on, as one shape: how their peers meet, what they say to
// each other, and where phase, id and number stand in their packets.
import { protocol as arena } from '../../../generated/arena/protocol.ts'
import { protocol as fastnet } from '../../../generated/fastnet/protocol.ts'
import type { HandedOver } from '../../../runtime/core/hand-over.ts'
import { instant } from '../../../runtime/core/machine.ts'
import type { ProtocolDescriptor } from '../../../runtime/core/protocol.ts'
import type { Plain } from '../../../runtime/core/recast.ts'
import type { BitPlace, BytePlace, SealDescriptor } from '../../../runtime/core/seal-descriptor.ts'
import type { SecureEndpoint } from '../../../runtime/core/secure-endpoint.ts'
import type { Session } from '../../../runtime/core/session.ts'
import { readNumber } from '../../../runtime/crypto/seal/places.ts'
import type { LinkOptions } from '../../../runtime/sim/link.ts'
import { SimNetwork } from '../../../runtime/sim/network.ts'
import { CHAT, INTENTRA } from './kinds.ts'
import { CLIENT, type Delivered, type Kind, Party, type PartyOptions, publicOf, SERVER, secretOf } from './network.ts'

/** Full scale, for continuous integration: FRAMEWRIGHT_LONG=1. */
export const LONG: boolean = process.env.FRAMEWRIGHT_LONG === '1'

type Message = readonly [frame: string, value: Plain, channel?: string]

export interface Subject extends Kind {
  readonly name: string
  /** A message of a reliable, ordered channel, and of one that may lose it, with a number in it. */
  reliable(n: number): Message
  loose(n: number): Message
  /** The number of a message, and whether it was a reliable one. */
  numberOf(frame: string, value: Plain): { readonly n: number; readonly isReliable: boolean } | undefined
}

const text = (n: number): Uint8Array => new TextEncoder().encode(`${n}`)
const read = (bytes: unknown): number => Number(new TextDecoder().decode(bytes as Uint8Array))

/** Noise NK, channels of std/packet. */
const chat: Subject = {
  ...CHAT,
  name: 'chat',
  reliable: n => ['Say', { room: '', text: `${n}` }],
  loose: n => ['Typing', { room: `${n}`, typing: true }],
  numberOf: (frame, value) =>
    frame === 'Say'
      ? { n: Number(value.text), isReliable: true }
      : frame === 'Typing'
        ? { n: Number(value.room), isReliable: false }
        : undefined,
}

/** Noise IK with a pre-shared key, channels of std/packet. */
const game: Subject = {
  protocol: arena,
  server: { static_key: secretOf(7), players: [publicOf(8)], password: secretOf(99) },
  client: { static_key: secretOf(8), server_key: publicOf(7), password: secretOf(99) },
  name: 'arena',
  reliable: n => ['Shout', { player: 1, text: text(n) }],
  loose: n => ['Move', { player: 1, at: { x: n, y: 0 }, facing: 0 }],
  numberOf: (frame, value) =>
    frame === 'Shout'
      ? { n: read(value.text), isReliable: true }
      : frame === 'Move'
        ? { n: (value.at as { x: number }).x, isReliable: false }
        : undefined,
}

/** Noise XX, a header of its own. */
const intentra: Subject = {
  ...INTENTRA,
  name: 'intentra',
  reliable: n => ['Data', { payload: text(n) }, 'reliable'],
  loose: n => ['Data', { payload: text(n) }, 'realtime'],
  numberOf: (frame, value) =>
    frame === 'Data'
      ? { n: read(value.payload), isReliable: value.intent === 'reliable' || value.intent === 1 }
      : undefined,
}

/** Keys from a TLS stream, a header of its own. */
const game2: Subject = {
  protocol: fastnet,
  server: { certificate: 'none', private_key: 'none' },
  client: {},
  name: 'fastnet',
  reliable: n => ['Data', { payload: text(n) }, 'ordered'],
  loose: n => ['Data', { payload: text(n) }, 'unreliable'],
  numberOf: (frame, value) =>
    frame === 'Data' ? { n: read(value.payload), isReliable: value.channel === 0 } : undefined,
}

export const SUBJECTS: readonly (readonly [string, Subject])[] = [intentra, game2, chat, game].map(one => [
  one.name,
  one,
])
export const byName = (name: string): Subject => SUBJECTS.find(one => one[0] === name)![1]

/** Changes of the schema: other limits, another rekeying. */
export function changed(
  subject: Subject,
  {
    limits = {},
    rekey = {},
  }: { limits?: Partial<ProtocolDescriptor['limits']>; rekey?: Partial<SealDescriptor['rekey']> },
): Subject {
  const { protocol } = subject
  const seals = protocol.seals.map(seal => ({ ...seal, rekey: { ...seal.rekey, ...rekey } }))
  return { ...subject, protocol: { ...protocol, seals, limits: { ...protocol.limits, ...limits } } }
}

/** Without the limit of the rate, where it is not what a test is about. */
export const UNLIMITED: { readonly limits: Partial<ProtocolDescriptor['limits']> } = {
  limits: { rate: { packets: Infinity, bytes: Infinity, burst: 1e6, before: 'deliver' } },
}

/** A server and a client in one network, and their sessions. */
export interface Met {
  readonly subject: Subject
  readonly net: SimNetwork
  readonly server: Party
  readonly client: Party
  readonly toServer: Session
  readonly toClient: Session
}

export interface MeetOptions {
  readonly link?: Partial<LinkOptions>
  readonly server?: PartyOptions
  /** `protocol`: where it is not the one of the server. */
  readonly client?: PartyOptions & { readonly protocol?: ProtocolDescriptor }
  readonly batch?: number
}

/** Both sides are there and open. */
export function meet(subject: Subject, seed: number, { link = { latency: 10 }, ...options }: MeetOptions = {}): Met {
  const net = new SimNetwork({ seed, link, ...(options.batch !== undefined && { batch: options.batch }) })
  const server = new Party(net, subject.protocol, 'accepts', SERVER, { params: subject.server, ...options.server })
  const client = new Party(net, options.client?.protocol ?? subject.protocol, 'dials', CLIENT, {
    params: subject.client,
    ...options.client,
  })
  const toServer = dial(subject, server, client, net)
  if (!net.runUntil(() => client.sessions.length > 0 && server.sessions.length > 0, 30_000))
    throw new Error(`${subject.name} did not open (seed ${seed}): ${JSON.stringify(client.closes)}`)
  return { subject, net, server, client, toServer, toClient: server.peer(CLIENT) }
}

/** One more client. */
export function join({ subject, net, server }: Met, address: string, options: PartyOptions = {}): Party {
  const party = new Party(net, subject.protocol, 'dials', address, { params: subject.client, ...options })
  dial(subject, server, party, net)
  return party
}

/** As its protocol does it: with a handshake of its own, or with keys that were handed out on a stream before. */
export function dial(subject: Subject, server: Party, client: Party, net: SimNetwork): Session {
  if (subject.protocol.handshake?.script?.noise !== undefined) return client.connect(SERVER)
  const now = instant(net.now)
  const host = server.endpoint as SecureEndpoint
  const id = host.drawId(now)
  const keys = [net.random.bytes(32), net.random.bytes(32)] as const
  const hello = subject.protocol.frames.find(one => one.name === 'Hello')!
  const values = (): HandedOver => ({
    address: client.socket.address,
    id,
    session: { peer_id: 1, udp_port: 7000, conn_id: id, c2s_key: keys[0].slice(), s2c_key: keys[1].slice() },
    passed: [{ name: 'Hello', descriptor: hello } as never],
  })
  if (!host.expect(now, values())) throw new Error(`${subject.name}: the server had no room`)
  const session = (client.endpoint as SecureEndpoint).proceed(now, SERVER, values())
  server.socket.touch()
  client.socket.touch()
  return session
}

/** True when it was taken at once. */
export function say(from: Party, to: Session, [frame, value, channel]: Message): boolean {
  return from.send(to, frame, value, channel)
}

/** Says `count` reliable messages, as fast as they are taken. */
export function feed(met: Met, count: number, from: 'client' | 'server' = 'client', first = 0): void {
  const { subject, net } = met
  const party = met[from]
  let next = first
  const more = (): void => {
    const to = from === 'client' ? met.toServer : met.toClient
    if (to.phase !== 'open') return
    while (next < first + count && say(party, to, subject.reliable(next))) next++
    // The one that was not taken waits inside.
    if (next < first + count) next++
    if (next < first + count) net.at(net.now + 10, more)
  }
  more()
}

export const heard = (subject: Subject, party: { readonly got: readonly Delivered[] }): number[] =>
  party.got.flatMap(({ frame, value }) => {
    const found = subject.numberOf(frame, value)
    return found?.isReliable ? [found.n] : []
  })
export const loosely = (subject: Subject, party: { readonly got: readonly Delivered[] }): number[] =>
  party.got.flatMap(({ frame, value }) => {
    const found = subject.numberOf(frame, value)
    return found === undefined || found.isReliable ? [] : [found.n]
  })
export const numbers = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i)

/** Where the clear fields of sealed packets stand. */
export interface Places {
  readonly phase: BitPlace
  readonly seen: BitPlace
  readonly id: BytePlace
  readonly counter: BytePlace
  /** First sealed byte. */
  readonly sealedAt: number
}

export function placesOf({ protocol }: Subject): Places {
  const seal = protocol.seals.find(one => one.layout !== undefined)!
  return {
    phase: seal.rekey.phase!,
    seen: seal.rekey.seen!,
    id: protocol.handshake!.script!.ids!.place,
    counter: seal.counter.place!,
    sealedAt: seal.layout!.sealedAt,
  }
}

export function isSealedPacket({ protocol }: Subject, bytes: Uint8Array): boolean {
  const { test, sealedAt } = protocol.seals.find(one => one.layout !== undefined)!.layout!
  if (bytes.length < sealedAt + 16) return false
  return test === undefined || test.values.includes((bytes[test.place.at]! >> test.place.shift) & test.place.mask)
}

export const bitsOf = ({ at, shift, mask }: BitPlace, bytes: Uint8Array): number => (bytes[at]! >> shift) & mask
export const withBits = ({ at, shift, mask }: BitPlace, bytes: Uint8Array, value: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at]! & ~(mask << shift)) | ((value & mask) << shift)
  return copy
}
export const counterOf = (subject: Subject, bytes: Uint8Array): number =>
  readNumber(placesOf(subject).counter, bytes, 0)

/** A line that continuous integration shows. */
export function figure(text: string): void {
  process.stdout.write(`figure: ${text}\n`)
}

/** What this protocol calls an error of the engine. */
export function codeOf({ protocol }: Subject, code: string): string {
  return protocol.covers?.[code] ?? code
}

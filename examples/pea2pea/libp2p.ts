// A node that speaks to libp2p (pea2pea's libp2p example): multistream-select agrees on /noise, Noise XX secures the connection and carries the
// identities, multistream inside it agrees on /yamux, and yamux carries streams, of which /ipfs/ping/1.0.0 is one. Noise, lines and yamux frames
// are schema/examples/libp2p-noise.yaml, multistream.yaml and yamux.yaml. Unlike the published example, the peer's signature is checked, ping works in both
// directions, and frames may be cut as they like.
//
//     node --import tsx examples/pea2pea/libp2p.ts [HOST:PORT of a libp2p node]
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { type Libp2pNoiseTypes, protocol as noise } from '../../generated/libp2p-noise/index.ts'
import { encodeLine, type LineReader, MultistreamCodec } from '../../generated/multistream/codec.ts'
import { type DataReader, type PingReader, YamuxCodec } from '../../generated/yamux/codec.ts'
import { Flags, type FlagsName } from '../../generated/yamux/types.ts'
import type { Reader } from '../../runtime/codegen/v1.ts'
import {
  type Encoder,
  type HandshakeStream,
  type Messages,
  messages,
  Node,
  type NodeOptions,
  prefixed,
} from '../../runtime/index.ts'

type NoiseMessages = Messages<Libp2pNoiseTypes, 'peer'>
type NoiseNode = ReturnType<NoiseMessages['node']>
type NoiseAgreed = NonNullable<NonNullable<HandshakeStream['secured']>['noise']>
type Record = Parameters<NoiseNode['broadcast']>[0]
const PING = '/ipfs/ping/1.0.0\n'
const MULTISTREAM = '/multistream/1.0.0\n'

/** What a connection has when its handshake is over. */
interface Upgraded {
  /** Ed25519 public key of the peer. */
  readonly identity: Uint8Array
  readonly session: Yamux
}

export interface Libp2pNode {
  readonly node: NoiseNode
  /** Round-trip time of a ping on a stream of its own, milliseconds. */
  ping(connection: NoiseNode['connections'][number]): Promise<number>
  /** Pings of peers that were answered. */
  readonly answered: () => number
}

/** `identity`: 32 secret bytes of an Ed25519 key (RFC 8032). */
export function libp2pNode(identity: Uint8Array, options: NodeOptions = {}): Libp2pNode {
  const key = createPrivateKey({ key: Buffer.concat([ED25519_SECRET, identity]), format: 'der', type: 'pkcs8' })
  const own = generateKeyPairSync('x25519')
  const shown = own.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  const protobuf = noisePayload(publicKey(key), sign(null, Buffer.concat([SIGNED, shown]), key))
  const wire: NoiseMessages = messages(noise, {
    params: { static_key: own.privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32) },
    payloads: { Identity: { protobuf } },
    accept: ({ noise }) => void checkedIdentity(noise),
  })
  let answered = 0
  const node: NoiseNode = new Node({ listener: '127.0.0.1:0', ...options }, { defaults: wire.settings })
  node.enableHandshake(async (stream, signal) => {
    stream.context = await upgrade(wire, stream, signal, () => answered++)
  })
  node.enableReading(
    wire.reading({ Data: ({ data }, from) => sessionOf(from).receive(data, frame => from.unicastFast(record(frame))) }),
  )
  node.enableWriting(wire.writing)
  return {
    node,
    answered: () => answered,
    ping: connection => sessionOf(connection).ping(frame => connection.unicastFast(record(frame))),
  }
}

function sessionOf({ context }: { readonly context: unknown }): Yamux {
  return (context as Upgraded).session
}

/** One record with `data` inside. */
function record(data: Uint8Array): Record {
  return { frame: 'Data', value: { data } }
}

/** Everything before streams. */
async function upgrade(
  wire: NoiseMessages,
  stream: HandshakeStream,
  signal: AbortSignal,
  onPing: () => void,
): Promise<Upgraded> {
  const isDialler = stream.side === 'initiator'
  const outer = {
    read: () => stream.message(LINES.decoder(stream.address, stream.side), copy),
    write: (b: Uint8Array) => stream.write(b),
  }
  await (isDialler ? select(outer, '/noise\n') : offer(outer, '/noise\n'))
  await wire.handshake?.(stream, signal)
  const decoder = wire.decoder(stream.address, stream.side, stream)
  const encoder = wire.encoder(stream.address, stream.side, stream)
  const session = new Yamux(isDialler, onPing)
  const inner = {
    read: () => session.line(() => stream.message(decoder, ({ data }) => copy(data))),
    write: (b: Uint8Array) => stream.write(encoded(encoder, record(b))),
  }
  await (isDialler ? select(inner, '/yamux/1.0.0\n') : offer(inner, '/yamux/1.0.0\n'))
  return { identity: checkedIdentity(stream.secured?.noise), session }
}

interface Lines {
  read(): Promise<Uint8Array>
  write(bytes: Uint8Array): Promise<void>
}

/** The dialler says what it wants, and has to hear it back. */
async function select(lines: Lines, protocol: string): Promise<void> {
  await lines.write(line(MULTISTREAM))
  await expectLine(lines, MULTISTREAM)
  await lines.write(line(protocol))
  await expectLine(lines, protocol)
}

/** The listener says back what it can do, and `na` to everything else. */
async function offer(lines: Lines, protocol: string): Promise<void> {
  await expectLine(lines, MULTISTREAM)
  await lines.write(line(MULTISTREAM))
  for (;;) {
    const asked = textOf(await lines.read())
    await lines.write(line(asked === protocol ? protocol : 'na\n'))
    if (asked === protocol) return
  }
}

async function expectLine(lines: Lines, wanted: string): Promise<void> {
  const got = textOf(await lines.read())
  if (got !== wanted) throw new Error(`the peer says ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`)
}

/** Streams over one connection: answers pings, and opens streams to ping itself. */
class Yamux {
  readonly #codec = new YamuxCodec()
  readonly #onPing: () => void
  #rest: Buffer = Buffer.alloc(0)
  #nextStream: number
  /** Bytes of streams, until they are a whole line or ping. */
  readonly #streams = new Map<
    number,
    { agreed: number; bytes: Buffer; pinged: ((bytes: Buffer) => void) | undefined }
  >()

  constructor(isDialler: boolean, onPing: () => void) {
    this.#nextStream = isDialler ? 1 : 2
    this.#onPing = onPing
  }

  /** A line before yamux itself begins; bytes behind it are frames already. */
  async line(more: () => Promise<Uint8Array>): Promise<Uint8Array> {
    for (;;) {
      const taken = takeLine(this.#rest)
      if (taken !== undefined) {
        this.#rest = taken.rest
        return taken.line
      }
      this.#rest = Buffer.concat([this.#rest, await more()])
    }
  }

  receive(record: Uint8Array, send: (frame: Uint8Array) => void): void {
    this.#rest = Buffer.concat([this.#rest, record])
    for (;;) {
      const frame = this.#codec.decode(this.#rest, 0, this.#rest.length, { whole: false, maxFrame: 1 << 20 })
      if (frame === undefined) {
        if (this.#codec.failure !== undefined) throw new Error(`yamux: ${this.#codec.failure.code}`)
        return
      }
      this.#frame(frame as DataReader, send)
      this.#rest = this.#rest.subarray(frame.byteEnd)
    }
  }

  /** A stream of its own: agrees on ping, sends 32 bytes, and waits for them. */
  ping(send: (frame: Uint8Array) => void): Promise<number> {
    const id = this.#nextStream
    this.#nextStream += 2
    const from = performance.now()
    const bytes = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + id) & 255))
    return new Promise((resolve, reject) => {
      this.#streams.set(id, {
        agreed: 0,
        bytes: Buffer.alloc(0),
        pinged: back => {
          send(this.#encode('Data', id, ['fin'], { data: NO_BYTES }))
          if (back.equals(bytes)) resolve(performance.now() - from)
          else reject(new Error('the ping came back changed'))
        },
      })
      const data = Buffer.concat([line(MULTISTREAM), line(PING)])
      send(this.#encode('Data', id, ['syn'], { data }))
      send(this.#encode('Data', id, [], { data: bytes }))
    })
  }

  #frame(frame: Reader & { readonly flags: number; readonly stream: number }, send: (frame: Uint8Array) => void): void {
    const { flags, stream: id } = frame
    if (frame.frameName === 'Ping') {
      const { opaque } = frame as Reader as PingReader
      if (flags & Flags.syn) send(this.#encode('Ping', 0, ['ack'], { opaque }))
      return
    }
    if (frame.frameName === 'GoAway') return
    if (flags & Flags.syn) {
      this.#streams.set(id, { agreed: 0, bytes: Buffer.alloc(0), pinged: undefined })
      send(this.#encode('Window', id, ['ack'], { delta: 0 }))
    }
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    const data = frame.frameName === 'Data' ? (frame as Reader as DataReader).data : NO_BYTES
    if (data.length > 0) {
      stream.bytes = Buffer.concat([stream.bytes, data])
      this.#data(id, stream, send)
      // What was read is room again.
      send(this.#encode('Window', id, [], { delta: data.length }))
    }
    if (flags & Flags.rst) this.#streams.delete(id)
    if (flags & Flags.fin) {
      if (stream.pinged === undefined) send(this.#encode('Data', id, ['fin'], { data: NO_BYTES }))
      this.#streams.delete(id)
    }
  }

  #data(
    id: number,
    stream: { agreed: number; bytes: Buffer; pinged: ((bytes: Buffer) => void) | undefined },
    send: (frame: Uint8Array) => void,
  ): void {
    while (stream.agreed < 2) {
      const taken = takeLine(stream.bytes)
      if (taken === undefined) return
      stream.bytes = taken.rest
      const said = textOf(taken.line)
      if (said !== MULTISTREAM && said !== PING) {
        const no = line('na\n')
        if (stream.pinged === undefined) send(this.#encode('Data', id, [], { data: no }))
        continue
      }
      stream.agreed++
      // Whoever opened the stream said it first.
      if (stream.pinged === undefined) {
        const back = line(said)
        send(this.#encode('Data', id, [], { data: back }))
      }
    }
    for (; stream.bytes.length >= 32; stream.bytes = stream.bytes.subarray(32)) {
      const ping = stream.bytes.subarray(0, 32)
      if (stream.pinged !== undefined) stream.pinged(ping)
      else {
        this.#onPing()
        send(this.#encode('Data', id, [], { data: ping }))
      }
    }
  }

  #encode(frame: string, stream: number, flags: readonly FlagsName[], fields: object): Uint8Array {
    const value = { stream, flags, ...fields }
    const bytes = new Uint8Array(this.#codec.sizeOf(frame, value))
    return bytes.subarray(0, this.#codec.encode(frame, value, bytes, 0))
  }
}

const LINES = prefixed('varint', 1024)
const lineCodec = new MultistreamCodec()

function line(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length)
  encodeLine({ text }, bytes, 0)
  return encoded(LINES.encoder('', 'initiator'), bytes)
}

function textOf(bytes: Uint8Array): string {
  return (lineCodec.decode(bytes, 0, bytes.length, { whole: true }) as LineReader).text
}

function takeLine(bytes: Buffer): { line: Uint8Array; rest: Buffer } | undefined {
  const decoder = LINES.decoder('', 'initiator')
  const line = decoder.decode(bytes, 0, bytes.length)
  return line && { line: Uint8Array.from(line), rest: bytes.subarray(decoder.next) }
}

function encoded<Out>(encoder: Encoder<Out>, message: Out): Uint8Array {
  const into = new Uint8Array(encoder.sizeOf(message))
  return into.subarray(0, encoder.encode(message, into, 0))
}

function copy(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes)
}

function publicKey(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ format: 'der', type: 'spki' }).subarray(ED25519_PUBLIC.length)
}

/** Protobuf { 1: identity key { 1: type = 1 (Ed25519), 2: key }, 2: signature }. */
function noisePayload(identity: Uint8Array, signature: Uint8Array): Uint8Array {
  const key = Buffer.concat([Buffer.from([8, 1, 18, identity.length]), identity])
  return Buffer.concat([Buffer.from([10, key.length]), key, Buffer.from([18, signature.length]), signature])
}

/** The peer's identity, once it has shown that it signed its Noise key. */
function checkedIdentity(agreed: NoiseAgreed | undefined): Uint8Array {
  const { remoteStatic: remote = NO_BYTES, payloads } = agreed ?? {}
  const payload = payloads?.Identity?.protobuf
  const outer = fields(payload instanceof Uint8Array ? payload : NO_BYTES)
  const inner = outer.get(1)
  const key = fields(inner instanceof Uint8Array ? inner : NO_BYTES)
  const identity = key.get(2)
  const signature = outer.get(2)
  if (key.get(1) !== 1 || !(identity instanceof Uint8Array) || !(signature instanceof Uint8Array))
    throw new Error('the peer has no Ed25519 identity')
  const theirs = createPublicKey({ key: Buffer.concat([ED25519_PUBLIC, identity]), format: 'der', type: 'spki' })
  if (!verify(null, Buffer.concat([SIGNED, remote]), theirs, signature))
    throw new Error('the identity did not sign this key')
  return identity
}

/** Fields of a protobuf message: varints and bytes are all that is used here. */
function fields(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const found = new Map<number, number | Uint8Array>()
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined || shift > 28) throw new Error('the payload is no protobuf')
      value |= (byte & 127) << shift
      if (byte < 128) return value
    }
  }
  while (at < bytes.length) {
    const tag = varint()
    const value = varint()
    if ((tag & 7) === 0) found.set(tag >> 3, value)
    else if ((tag & 7) === 2) {
      if (at + value > bytes.length) throw new Error('the payload is no protobuf')
      found.set(tag >> 3, bytes.subarray(at, at + value))
      at += value
    } else throw new Error('the payload is no protobuf')
  }
  return found
}

const NO_BYTES = new Uint8Array(0)
const SIGNED = Buffer.from('noise-libp2p-static-key:')
// RFC 8410: the DER around raw keys.
const ED25519_SECRET = Buffer.from('302e020100300506032b657004220420', 'hex')
const ED25519_PUBLIC = Buffer.from('302a300506032b6570032100', 'hex')

if (import.meta.filename === process.argv[1]) {
  const random = (): Uint8Array => crypto.getRandomValues(new Uint8Array(32))
  const near = libp2pNode(random())
  const far = process.argv[2] === undefined ? libp2pNode(random()) : undefined
  const connection = await near.node.connect(process.argv[2] ?? ((await far?.node.toggleListener()) as string))
  const { identity } = connection.context as Upgraded
  process.stdout.write(
    `Noise and yamux with ${connection.address}, Ed25519 key ${Buffer.from(identity).toString('hex')}\n`,
  )
  for (let i = 0; i < 3; i++) process.stdout.write(`ping ${i + 1}: ${(await near.ping(connection)).toFixed(2)} ms\n`)
  await Promise.all([near, far].map(one => one?.node.shutDown()))
}

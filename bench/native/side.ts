// One side of the comparison, on our driver: `receive PATH PLAIN|CIPHER` and `send PATH PLAIN|CIPHER PORT SIZE COUNT [PEERS]`.
// `echo PATH SPIN COUNT` and `ping PATH SPIN PORT SIZE COUNT`, SPIN in microseconds. It says what peer.c says. PATH is native or dgram; a cipher seals and opens every packet, 16 bytes of header aside.
import { type Batch, type Instant, NEVER } from '../../runtime/core/machine.ts'
import type { TransportDescriptor } from '../../runtime/core/protocol.ts'
import { AeadRows, ROW } from '../../runtime/crypto/batch.ts'
import type { Aead, AeadName, CryptoProvider } from '../../runtime/crypto/provider.ts'
import { bindDatagram, type DrivenDatagrams, datagramLink, dialDatagram } from '../../runtime/drivers/udp.ts'
import { chooseProvider } from '../../runtime/native/choose.ts'

const HEADER = 16
const BATCH = 64
const transport = {
  kind: 'udp',
  use: 'session',
  reusePort: false,
  tos: undefined,
  buffers: undefined,
} as unknown as TransportDescriptor

interface Cipher {
  readonly crypto: CryptoProvider
  readonly key: Aead
  readonly rows: AeadRows
}

function cipherOf(name: string, path: string): Cipher | undefined {
  if (name === 'plain') return undefined
  const crypto = chooseProvider(path === 'native' ? undefined : 'node')
  const size = name === 'aes-128-gcm' ? 16 : 32
  return { crypto, key: crypto.aead(name as AeadName, new Uint8Array(size).fill(9)), rows: new AeadRows(BATCH) }
}

abstract class Side implements DrivenDatagrams {
  readonly deadline: Instant = NEVER
  readonly queued: number = 0
  isBlocked = false
  closed = false
  receive(_now: Instant, _batch: Batch): boolean {
    return false
  }
  transmit(): Batch | undefined {
    return undefined
  }
  unreachable(): void {}
  release(_batch: Batch): void {}
  lost(): void {}
  wake(): void {}
}

/** Reads the header of every packet, opens it where there is a cipher, and counts by peer. */
class Sink extends Side {
  got = 0
  bad = 0
  sum = 0
  first = 0
  last = 0
  used = 0
  readonly counts = new Map<string, { n: number }>()
  readonly #cipher: Cipher | undefined
  #slab: Uint8Array | undefined
  #view: DataView = new DataView(new ArrayBuffer(0))
  #peer = ''
  #count = { n: 0 }

  constructor(cipher: Cipher | undefined) {
    super()
    this.#cipher = cipher
  }

  override receive(now: Instant, batch: Batch): boolean {
    const { count, offsets, peers, slab } = batch
    if (slab !== this.#slab) {
      this.#slab = slab
      this.#view = new DataView(slab.buffer, slab.byteOffset, slab.length)
    }
    const view = this.#view
    if (this.got === 0) {
      this.first = now
      this.used = cpu()
    }
    this.last = now
    for (let i = 0; i < count; i++) {
      const at = offsets[i] as number
      this.sum = (this.sum + view.getUint32(at) + view.getUint16(at + 4) + view.getUint8(at + 6)) | 0
      const peer = peers[i] as string
      if (peer !== this.#peer) {
        this.#peer = peer
        let found = this.counts.get(peer)
        if (found === undefined) this.counts.set(peer, (found = { n: 0 }))
        this.#count = found
      }
      this.#count.n++
    }
    this.got += count
    if (this.#cipher !== undefined)
      for (let i = 0; i < count; i += BATCH) this.#open(this.#cipher, batch, i, Math.min(count, i + BATCH))
    return false
  }

  #open({ crypto, key, rows }: Cipher, { slab, offsets, lengths }: Batch, from: number, to: number): void {
    rows.clear()
    for (let i = from; i < to; i++) {
      const at = offsets[i] as number
      const nonce = rows.add(key, at, at + HEADER, at + HEADER, at + (lengths[i] as number))
      copyNonce(slab, at, rows.nonces, nonce)
    }
    this.bad += to - from - crypto.openBatch(slab, rows)
  }
}

/** Writes headers, seals, and gives away batches of 64 until there were enough. */
class Source extends Side {
  sent = 0
  onEnd: () => void = () => {}
  readonly #count: number
  readonly #size: number
  readonly #cipher: Cipher | undefined
  readonly #slab: Uint8Array
  readonly #view: DataView
  readonly #batch: { -readonly [K in keyof Batch]: Batch[K] }

  constructor(count: number, size: number, peer: string, cipher: Cipher | undefined) {
    super()
    this.#count = count
    this.#size = size
    this.#cipher = cipher
    this.#slab = new Uint8Array(BATCH * size)
    this.#view = new DataView(this.#slab.buffer)
    const all = Array.from({ length: BATCH }, (_, i) => i)
    this.#batch = {
      slab: this.#slab,
      count: BATCH,
      offsets: all.map(i => i * size),
      lengths: all.map(() => size),
      peers: all.map(() => peer),
    }
  }

  override transmit(): Batch | undefined {
    if (this.sent >= this.#count) return undefined
    const size = this.#size
    for (let i = 0; i < BATCH; i++) {
      const at = i * size
      this.#view.setUint32(at, this.sent + i)
      this.#view.setUint16(at + 4, size)
      this.#view.setUint32(at + 8, 7)
    }
    if (this.#cipher !== undefined) {
      const { crypto, key, rows } = this.#cipher
      rows.clear()
      for (let i = 0; i < BATCH; i++) {
        const at = i * size
        copyNonce(this.#slab, at, rows.nonces, rows.add(key, at, at + HEADER, at + HEADER, at + size - 16))
      }
      if (crypto.sealBatch(this.#slab, rows) !== BATCH || rows.table.length % ROW !== 0)
        throw new Error('sealing failed')
    }
    this.sent += BATCH
    return this.#batch
  }

  override release(): void {
    if (this.sent >= this.#count) this.onEnd()
  }
}

/** One packet from each socket in turn, on a link of its own. */
class Single extends Side {
  readonly #batch: { -readonly [K in keyof Batch]: Batch[K] }
  isDue = false

  constructor(size: number, peer: string) {
    super()
    this.#batch = { slab: new Uint8Array(size), count: 1, offsets: [0], lengths: [size], peers: [peer] }
  }

  override transmit(): Batch | undefined {
    if (!this.isDue) return undefined
    this.isDue = false
    return this.#batch
  }
}

/** Sends back what it gets, or sends the next when it gets one. */
class Ball extends Side {
  readonly trips: number[] = []
  onEnd: () => void = () => {}
  readonly #count: number
  readonly #isEcho: boolean
  readonly #batch: { -readonly [K in keyof Batch]: Batch[K] }
  #isDue: boolean
  #start = 0

  constructor(count: number, size: number, peer: string | undefined) {
    super()
    this.#count = count
    this.#isEcho = peer === undefined
    this.#isDue = !this.#isEcho
    this.#batch = { slab: new Uint8Array(size), count: 1, offsets: [0], lengths: [size], peers: [peer ?? ''] }
  }

  override receive(_now: Instant, batch: Batch): boolean {
    this.#isDue = true
    this.trips.push((performance.now() - this.#start) * 1000)
    if (this.#isEcho) this.#batch.peers = [batch.peers[0] as string]
    else if (this.trips.length >= this.#count) {
      this.#isDue = false
      this.onEnd()
    }
    return false
  }

  override transmit(): Batch | undefined {
    if (!this.#isDue) return undefined
    this.#isDue = false
    this.#start = performance.now()
    return this.#batch
  }

  override release(): void {
    if (this.#isEcho && this.trips.length >= this.#count) this.onEnd()
  }
}

function copyNonce(from: Uint8Array, at: number, to: Uint8Array, place: number): void {
  for (let i = 0; i < 12; i++) to[place + i] = from[at + i] as number
}

const [role, path = 'native', cipherName = 'plain', port = '0', size = '128', count = '0', peers = '1'] =
  process.argv.slice(2)
const options = { native: path === 'native' }
/** Processor time of this process, seconds. */
function cpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const say = (text: string): void => void process.stdout.write(`${text}\n`)
if (role === 'receive') {
  const sink = new Sink(cipherOf(cipherName, path))
  const socket = await bindDatagram({ host: '127.0.0.1', port: 0 }, transport, options)
  const link = datagramLink(socket, sink)
  say(`ready ${socket.port}`)
  let before = -1
  const timer = setInterval(() => {
    if (sink.got === 0 || sink.got !== before) {
      before = sink.got
      return
    }
    clearInterval(timer)
    say(
      `received ${sink.got - sink.bad} ${((sink.last - sink.first) / 1000).toFixed(6)} ${(cpu() - sink.used).toFixed(6)} ${sink.counts.size}`,
    )
    link.destroy()
  }, 500)
} else if (role === 'echo') {
  const ball = new Ball(Number(port), Number(size), undefined)
  const socket = await bindDatagram({ host: '127.0.0.1', port: 0 }, transport, options)
  const link = datagramLink(socket, ball)
  say(`ready ${socket.port}`)
  ball.onEnd = () => setImmediate(() => link.destroy())
} else if (role === 'ping') {
  const socket = await dialDatagram({ host: '127.0.0.1', port: Number(port) }, transport, undefined, options)
  const ball = new Ball(Number(count), Number(size), socket.peer)
  const link = datagramLink(socket, ball)
  ball.onEnd = () => {
    const sorted = ball.trips.sort((a, b) => a - b)
    const at = (part: number): string => sorted[Math.floor(sorted.length * part)]!.toFixed(1)
    say(`trip ${at(0.5)} ${at(0.99)}`)
    setImmediate(() => link.destroy())
  }
  link.settle()
} else {
  const to = { host: '127.0.0.1', port: Number(port) }
  if (peers === '1') {
    const socket = await dialDatagram(to, transport, undefined, options)
    const source = new Source(Number(count), Number(size), socket.peer as string, cipherOf(cipherName, path))
    const link = datagramLink(socket, source)
    const start = performance.now()
    const used = cpu()
    await new Promise<void>(resolve => {
      source.onEnd = resolve
      link.settle()
    })
    say(`sent ${source.sent} ${((performance.now() - start) / 1000).toFixed(6)} ${(cpu() - used).toFixed(6)}`)
    link.destroy()
  } else {
    const all = []
    for (let i = 0; i < Number(peers); i++) {
      const socket = await dialDatagram(to, { ...transport, buffers: 4096 }, undefined, options)
      const machine = new Single(Number(size), socket.peer as string)
      all.push({ machine, link: datagramLink(socket, machine) })
    }
    const start = performance.now()
    const used = cpu()
    let sent = 0
    while (sent < Number(count)) {
      for (const { machine, link } of all) {
        machine.isDue = true
        link.settle()
      }
      sent += all.length
      await new Promise(resolve => setImmediate(resolve))
    }
    say(`sent ${sent} ${((performance.now() - start) / 1000).toFixed(6)} ${(cpu() - used).toFixed(6)}`)
    for (const { link } of all) link.destroy()
  }
}

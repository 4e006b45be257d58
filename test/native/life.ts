// Everything that the addon owns, made and let go in many ways: keys that are destroyed and keys that are forgotten, sockets
// that are closed and sockets that a thread leaves open when it ends. Run under AddressSanitizer by sanitize.sh, and by the
// tests, which look at the memory: `node --expose-gc --import tsx test/native/life.ts FILE ROUNDS`.
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'
import { AeadRows } from '../../runtime/crypto/batch.ts'
import { nativeProvider } from '../../runtime/crypto/native.ts'
import {
  ADDRESS,
  MESSAGES,
  type NativeAddon,
  type NativeSockets,
  READABLE,
  SEGMENTS,
  SHARE,
} from '../../runtime/native/addon.ts'

const [file = '', rounds = '10'] = process.argv.slice(2)
const addon = createRequire(import.meta.url)(file) as NativeAddon & NativeSockets
const crypto = nativeProvider(addon)
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {})
const turn = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 1))
const NAMES = ['aes-256-gcm', 'aes-128-gcm', 'chacha20-poly1305', 'xchacha20-poly1305'] as const

function cryptography(): void {
  const rows = new AeadRows(4)
  const slab = new Uint8Array(64 * 200)
  for (const name of NAMES)
    for (let i = 0; i < 200; i++) {
      const key = crypto.aead(name, new Uint8Array(name === 'aes-128-gcm' ? 16 : 32).fill(i))
      const at = (i % 64) * 200
      if (i % 64 === 0) rows.clear()
      rows.add(key, at, at + 16, at + 16, at + 100)
      crypto.sealBatch(slab, rows)
      crypto.openBatch(slab, rows)
      if (i % 2 === 0) key.destroy() // the others are found by the garbage collector
    }
  const curve = crypto.curve('25519')
  const secret = new Uint8Array(32).fill(9)
  for (let i = 0; i < 20; i++) curve.shared(secret, i % 5 === 0 ? new Uint8Array(32) : curve.publicKey(secret))
}

async function conversation(family: 4 | 6): Promise<number> {
  const host = family === 4 ? '127.0.0.1' : '::1'
  const slab = new Uint8Array(MESSAGES * SHARE)
  const rows = new Int32Array(3 * MESSAGES * SEGMENTS)
  const fresh = new Uint8Array(MESSAGES * ADDRESS)
  let got = 0
  const at = new Uint8Array(ADDRESS)
  const server = addon.openSocket(family, 12, 64, () => {
    const count = addon.receive(server, slab, rows, fresh, 0)
    if (count > 0) got += count
  })
  addon.packAddress(host, 0, at, 0)
  addon.bindSocket(server, at)
  addon.localAddress(server, at)
  addon.watchSocket(server, READABLE)
  // 35 of a size, then five larger ones, all to one place.
  const out = new Int32Array(3 * 40)
  for (let i = 0; i < 40; i++) {
    out[i] = i * 50
    out[40 + i] = i < 35 ? 50 : i + 20
  }
  for (let client = 0; client < 20; client++) {
    const socket = addon.openSocket(family, 12, 1, () => {})
    if (client % 2 === 0) addon.connectSocket(socket, at)
    addon.send(socket, slab, out, at, 0, 40, new Int32Array(2))
    addon.closeSocket(socket)
  }
  for (let i = 0; i < 500 && got < 800; i++) await turn()
  addon.closeSocket(server)
  return got
}

/** A thread that ends with keys and sockets of its own still there. */
function thread(): Promise<void> {
  const code = `
    const addon = require(${JSON.stringify(file)})
    const owner = {}
    addon.key(owner, 0, new Uint8Array(32))
    const socket = addon.openSocket(4, 12, 64, () => {})
    const at = new Uint8Array(32)
    addon.packAddress('127.0.0.1', 0, at, 0)
    addon.bindSocket(socket, at)
    addon.watchSocket(socket, 1)
    require('node:worker_threads').parentPort.postMessage('ready')`
  const worker = new Worker(code, { eval: true })
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('exit', () => resolve())
    worker.once('message', () => void worker.terminate())
  })
}

const resident: number[] = []
let datagrams = 0
for (let round = 0; round < Number(rounds); round++) {
  cryptography()
  for (const family of [4, 6] as const) datagrams += await conversation(family)
  await Promise.all([thread(), thread()])
  collect()
  await turn()
  collect()
  resident.push(process.memoryUsage.rss())
}
const half = resident[resident.length >> 1]!
process.stdout.write(`${JSON.stringify({ datagrams, growth: resident.at(-1)! - half })}\n`)

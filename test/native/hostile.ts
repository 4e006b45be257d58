// Calls every function of the addon with arguments that make no sense, many times. It must throw or return, never crash or
// touch memory that it was not given. Run by the tests in a process of its own, and under AddressSanitizer by sanitize.sh:
// `node --import tsx test/native/hostile.ts FILE SEED COUNT`. Prints what happened.
import { createRequire } from 'node:module'
import { ADDRESS, SHARE } from '../../runtime/native/addon.ts'
import { SimRandom } from '../../runtime/sim/random.ts'

const [file = '', seedText = '1', countText = '20000'] = process.argv.slice(2)
const addon = createRequire(import.meta.url)(file) as Record<string, (...args: unknown[]) => unknown>
const numbers = new SimRandom(Number(seedText))
const random = (below: number): number => numbers.below(below)

const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T

const owner = {}
const keys = [0, 1, 2, 3].map(i => addon.key!(owner, i, new Uint8Array(i === 1 ? 16 : 32)) as number)
const open = (): number => addon.openSocket!(pick([4, 6]), random(16), pick([0, 1, 64, 5000]), () => {}) as number
const sockets = [open(), open(), open()]
const address = new Uint8Array(ADDRESS * 4)
addon.packAddress!('127.0.0.1', 9, address, 0) // the discard port
addon.packAddress!('::1', 9, address, 1)
const anywhere = new Uint8Array(ADDRESS)
addon.packAddress!('127.0.0.1', 0, anywhere, 0)
for (const socket of sockets) addon.bindSocket!(socket, anywhere)
const detached = new Uint8Array(64)
structuredClone(detached.buffer, { transfer: [detached.buffer] })
const sharedMemory = new Uint8Array(new SharedArrayBuffer(256))
const slab = new Uint8Array(4 * SHARE)

const numberOf = (): unknown =>
  pick<unknown>([
    random(8),
    random(70_000),
    -random(100),
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    -(2 ** 31),
    2 ** 53,
    Number.NaN,
    Infinity,
    1.5,
    random(2 ** 31),
  ])

/** At the very end of memory that the sanitizer watches (V8 keeps small arrays to itself). */
function atTheEnd(size: number): Uint8Array {
  // Of a multiple of 8, so that tables of larger numbers fit too.
  return new Uint8Array(size + 104).subarray(104)
}

function bytesOf(): unknown {
  return pick<unknown>([
    atTheEnd(pick([0, 1, 11, 12, 16, 24, 31, 32, 33, 1000])),
    atTheEnd(random(300)),
    slab,
    slab.subarray(random(100), random(4000)),
    address,
    detached,
    sharedMemory,
    new Uint16Array(40),
    new DataView(new ArrayBuffer(64)),
    new ArrayBuffer(64),
  ])
}

function rowsOf(): unknown {
  const rows = new Int32Array(pick([0, 1, 6, 12, 60, 384, 387, 3000]) + 50).subarray(50)
  for (let i = 0; i < rows.length; i++)
    rows[i] = pick([random(64), random(4000), -1, -random(1000), 2 ** 31 - 1, -(2 ** 31), pick(keys), random(2 ** 31)])
  return pick<unknown>([rows, rows, rows, rows.subarray(0, random(rows.length + 1)), new Float64Array(8)])
}

/** Mostly of the right kind, so that the checks behind the first one are reached too. */
const VALUES: Readonly<Record<string, () => unknown>> = {
  n: numberOf,
  m: () => (random(8) === 0 ? numberOf() : random(8)),
  b: bytesOf,
  r: rowsOf,
  k: () => pick<unknown>([pick(keys), pick(keys), pick(keys), numberOf()]),
  s: () => pick<unknown>([pick(sockets), pick(sockets), pick(sockets), numberOf()]),
  f: () => pick<unknown>([() => {}, () => {}, undefined]),
  o: () => pick<unknown>([owner, {}, [], 1]),
  t: () => pick<unknown>(['127.0.0.1', '::1', 'fe80::1%lo', 'x'.repeat(random(300)), '', '\u0000', '999.1.1.1', '::%']),
}
const SHAPES: Readonly<Record<string, string>> = {
  key: 'onb',
  destroyKey: 'n',
  seal: 'kbbbnn',
  open: 'kbbbnn',
  sealBatch: 'brbn',
  openBatch: 'brbn',
  x25519Public: 'bb',
  x25519Shared: 'bbb',
  packAddress: 'tnbn',
  nameAddress: 'bn',
  openSocket: 'mmmf',
  bindSocket: 'sb',
  connectSocket: 'nb',
  localAddress: 'sb',
  watchSocket: 'sn',
  optionOf: 'snn',
  closeSocket: 'n',
  receive: 'sbrbn',
  send: 'sbrbnnr',
  sendOne: 'sbnn',
}
/** Arguments that are right, up to the last byte of their memory. */
function right(name: string): unknown[] | undefined {
  const algorithm = random(4)
  const nonce = atTheEnd(algorithm === 3 ? 24 : 12)
  const size = 16 + random(200)
  const text = atTheEnd(size)
  const start = random(size - 15)
  const count = 1 + random(5)
  const rows = atTheEnd(4 * 6 * count)
  const table = new Int32Array(rows.buffer, rows.byteOffset, 6 * count)
  switch (name) {
    case 'seal':
      return [keys[algorithm], nonce, atTheEnd(random(40)), text, start, size - 16]
    case 'open':
      return [keys[algorithm], nonce, atTheEnd(random(40)), text, start, size]
    case 'sealBatch':
    case 'openBatch':
      for (let i = 0; i < count; i++)
        table.set([pick(keys), random(size), size, start, name === 'sealBatch' ? size - 16 : size, 0], i * 6)
      return [text, table, atTheEnd(24 * count), count]
    case 'send': {
      const places = atTheEnd(4 * 3 * 4)
      const out = new Int32Array(places.buffer, places.byteOffset, 12)
      const piece = size >> 2
      for (let i = 0; i < 4; i++) out.set([size - piece * (4 - i)], i)
      out.fill(piece, 4, 8)
      for (let i = 8; i < 12; i++) out[i] = random(2)
      return [pick(sockets), text, out, address, 0, 4, new Int32Array(2)]
    }
    case 'sendOne':
      return [pick(sockets), text, start, size - start]
    case 'receive':
      return [pick(sockets), slab, new Int32Array(3 * 128 * (1 + random(3))), atTheEnd(ADDRESS * (1 + random(3))), 0]
    default:
      return undefined
  }
}

const ODD = [undefined, null, {}, [], 'text', Symbol('s'), 1n, () => {}, true, new Proxy({}, {})]

const counts = { returned: 0, threw: 0, opened: 0 }
const names = Object.keys(SHAPES)
for (const name of Object.keys(addon))
  if (!(name in SHAPES) && name !== 'source') throw new Error(`${name} is not tried`)
for (let i = 0; i < Number(countText); i++) {
  const name = pick(names)
  const shape = SHAPES[name] as string
  const wrong = [...shape].map(kind => () => (random(40) === 0 ? pick(ODD) : VALUES[kind]!()))
  const args = (random(4) > 0 ? right(name) : undefined) ?? wrong.map(make => make())
  // Mostly right, but for one.
  if (random(3) > 0) {
    const place = random(args.length)
    args[place] = wrong[place]!()
  }
  // Waiting is allowed, but not for long.
  if (name === 'receive') args[4] = random(10) === 0 ? args[4] : 0
  if (typeof args[4] === 'number' && name === 'receive' && args[4] > 50) args[4] = 2 ** 31
  if (random(60) === 0) args.length = random(args.length + 1)
  try {
    const result = addon[name]!(...args)
    counts.returned++
    if (name === 'openSocket' && (result as number) > 0) {
      counts.opened++
      addon.closeSocket!(result)
    }
  } catch (error) {
    if (!(error instanceof Error)) throw error
    counts.threw++
  }
  // Sockets are closed outside of the loop's turns; give it one now and then.
  if (i % 2000 === 0) await new Promise(resolve => setImmediate(resolve))
}
// Everything still works.
const text = new Uint8Array(32)
if (addon.seal!(keys[0], new Uint8Array(12), new Uint8Array(0), text, 0, 16) !== 32)
  throw new Error('sealing is broken')
for (const socket of sockets) addon.closeSocket!(socket)
for (const key of keys) addon.destroyKey!(key)
process.stdout.write(`${JSON.stringify(counts)}\n`)

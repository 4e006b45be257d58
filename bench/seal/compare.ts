// What the seal engine costs beside its cipher: packets sealed and opened in place through it, against bare calls of the
// same provider with the same nonces, additional data and lengths. The cipher `none` does nothing at all.
import { protocol } from '../../generated/chat/protocol.ts'
import type { KeyScope } from '../../runtime/core/handshake-descriptor.ts'
import { AeadRows } from '../../runtime/crypto/batch.ts'
import { noble } from '../../runtime/crypto/noble.ts'
import { node } from '../../runtime/crypto/node.ts'
import { type AeadName, type CryptoProvider, TAG_LENGTH } from '../../runtime/crypto/provider.ts'
import { OpenBatch } from '../../runtime/crypto/seal/open-batch.ts'
import { PacketSeal } from '../../runtime/crypto/seal/packet-seal.ts'
import { SealPlan } from '../../runtime/crypto/seal/plan.ts'
import { SealBatch } from '../../runtime/crypto/seal/seal-batch.ts'
import { chooseProvider } from '../../runtime/native/choose.ts'
import { native } from '../../runtime/native/load.ts'
import { table } from '../results.ts'

export async function run(): Promise<string> {
  const providers = [...(native().addon === undefined ? [] : [chooseProvider('native')]), node, noble]
  const rows: string[][] = []
  for (const batch of [64, 1]) {
    rows.push(row(none, 'aes-256-gcm', batch, 'none'))
    for (const provider of providers) rows.push(row(provider, 'aes-256-gcm', batch, provider.name))
  }
  const missing = native().addon === undefined ? `\n\nwithout the accelerator: ${native().reason}` : ''
  return `## seal\n\n112 bytes of text, AES-256-GCM, headers of ${SEALED_AT} bytes; ns for a packet, median of ${TURNS} turns.\n\n${table(
    ['cipher', 'batch', 'seal', 'bare seal', 'ratio', 'open', 'bare open', 'ratio'],
    rows,
  )}${missing}`
}

function row(provider: CryptoProvider, aead: AeadName, batch: number, name: string): string[] {
  const times: Record<'seal' | 'bareSeal' | 'open' | 'bareOpen', number[]> = {
    seal: [],
    bareSeal: [],
    open: [],
    bareOpen: [],
  }
  const count = name === 'none' ? 262_144 : name === 'native' ? 131_072 : 16_384
  for (let turn = 0; turn <= TURNS; turn++) {
    const [seal, open] = engine(provider, aead, batch, count)
    const [bareSeal, bareOpen] = bare(provider, aead, batch, count)
    if (turn === 0) continue // not compiled yet
    times.seal.push(seal)
    times.open.push(open)
    times.bareSeal.push(bareSeal)
    times.bareOpen.push(bareOpen)
  }
  const [seal, bareSeal, open, bareOpen] = [times.seal, times.bareSeal, times.open, times.bareOpen].map(median) as [
    number,
    number,
    number,
    number,
  ]
  const ns = (value: number): string => value.toFixed(0)
  return [
    name,
    `${batch}`,
    ns(seal),
    ns(bareSeal),
    `${(seal / bareSeal).toFixed(2)}x`,
    ns(open),
    ns(bareOpen),
    `${(open / bareOpen).toFixed(2)}x`,
  ]
}

/** Nanoseconds to seal, and to open, a packet. */
function engine(provider: CryptoProvider, aead: AeadName, batch: number, count: number): [number, number] {
  const plan = new SealPlan({ ...protocol.seals[0]!, aead }, provider)
  const keys = { plan, scope: NO_SCOPE, now: 0 }
  const one = new PacketSeal({ ...keys, send: new Uint8Array(32).fill(1), receive: new Uint8Array(32) })
  const other = new PacketSeal({ ...keys, send: new Uint8Array(32), receive: new Uint8Array(32).fill(1) })
  const slab = new Uint8Array(count * SIZE)
  for (let i = 0; i < count; i++) slab[i * SIZE] = 0x50
  const [sealing, opening] = [new SealBatch(batch), new OpenBatch(batch)]
  const seal = timed(count, batch, (from, to) => {
    sealing.reset(slab, 0)
    for (let i = from; i < to; i++) sealing.add(one, i * SIZE, (i + 1) * SIZE - TAG_LENGTH)
    sealing.run()
  })
  let opened = 0
  const open = timed(count, batch, (from, to) => {
    opening.reset(slab, 0)
    for (let i = from; i < to; i++) opening.add(other, i * SIZE, (i + 1) * SIZE)
    opened += opening.run()
  })
  if (opened !== count) throw new Error(`${opened} of ${count} packets opened`)
  return [seal, open]
}

/** The same calls of the provider, with nothing around them. */
function bare(provider: CryptoProvider, aead: AeadName, batch: number, count: number): [number, number] {
  const key = provider.aead(aead, new Uint8Array(32).fill(1))
  const slab = new Uint8Array(count * SIZE)
  const rows = new AeadRows(batch)
  const fill = (from: number, to: number, tag: number): void => {
    rows.clear()
    for (let i = from; i < to; i++) {
      const at = rows.add(key, i * SIZE, i * SIZE + SEALED_AT, i * SIZE + SEALED_AT, (i + 1) * SIZE - tag)
      rows.nonces[at + 8] = i >>> 24
      rows.nonces[at + 9] = i >>> 16
      rows.nonces[at + 10] = i >>> 8
      rows.nonces[at + 11] = i
    }
  }
  const seal = timed(count, batch, (from, to) => {
    fill(from, to, TAG_LENGTH)
    provider.sealBatch(slab, rows)
  })
  let opened = 0
  const open = timed(count, batch, (from, to) => {
    fill(from, to, 0)
    opened += provider.openBatch(slab, rows)
  })
  if (opened !== count) throw new Error(`${opened} of ${count} packets opened`)
  return [seal, open]
}

function timed(count: number, batch: number, work: (from: number, to: number) => void): number {
  const start = process.hrtime.bigint()
  for (let from = 0; from < count; from += batch) work(from, Math.min(count, from + batch))
  return Number(process.hrtime.bigint() - start) / count
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}

/** Every packet opens, at no cost. */
const none: CryptoProvider = {
  ...node,
  aead: name => ({
    name,
    handle: 0,
    isDestroyed: false,
    seal: (_nonce, _aad, _bytes, _start, end) => end + TAG_LENGTH,
    open: (_nonce, _aad, _bytes, start, end) => end - start - TAG_LENGTH,
    destroy: () => {},
  }),
  sealBatch: (_slab, rows) => results(rows, TAG_LENGTH),
  openBatch: (_slab, rows) => results(rows, -TAG_LENGTH),
}

function results(rows: AeadRows, more: number): number {
  const { table: numbers } = rows
  for (let at = 0; at < rows.count * ROW; at += ROW) numbers[at + 5] = numbers[at + 4]! - numbers[at + 3]! + more
  return rows.count
}

const NO_SCOPE: KeyScope = {
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
const SEALED_AT = 13
const SIZE = SEALED_AT + 112 + TAG_LENGTH
const TURNS = 5
const ROW = 6

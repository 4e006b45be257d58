// The relay process never holds a session key: its heap is written out and searched, and where the system lets us its whole
// memory. That the search can find something is shown with a secret that it does hold.

import { closeSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { protocol } from '../../generated/hydra-sync/index.ts'
import { connect } from '../../runtime/index.ts'
import { heapChild } from './heap-child.ts'

test('neither the heap nor the memory of a relay holds the key of a session that it relays', async () => {
  const { url, relayKey, staticKey, pid, snapshot, stop } = await heapChild()
  try {
    const session_key = Uint8Array.from({ length: 32 }, (_, i) => (i * 73 + 41) & 0xff)
    const params = { relay_key: relayKey, session_id: new Uint8Array(64).fill(0x5e), session_key }
    const producer = await connect(protocol, url, { role: 'producer', params })
    let got = 0
    const consumer = await connect(protocol, url, { role: 'consumer', params, handlers: { Data: () => void got++ } })
    for (let i = 0; i < 50; i++)
      await producer.send('Data', { payload: new TextEncoder().encode(`secret message ${i}`) })
    for (let i = 0; i < 200 && got < 50; i++) await new Promise(resolve => setTimeout(resolve, 10))
    expect(got).toBe(50)

    const file = join(tmpdir(), `relay-${pid}.heapsnapshot`)
    await snapshot(file)
    const heap = readFileSync(file, 'latin1')
    rmSync(file)
    expect(heap.length).toBeGreaterThan(100_000)
    for (const spelled of spellings(session_key)) expect(heap.includes(spelled)).toBe(false)

    if (process.platform !== 'linux') return
    expect(memoryHolds(pid, staticKey)).toBe(true)
    expect(memoryHolds(pid, session_key)).toBe(false)
    expect(memoryHolds(pid, new TextEncoder().encode('secret message 7'))).toBe(false)
    producer.abort()
    consumer.abort()
  } finally {
    stop()
  }
}, 30_000)

function spellings(key: Uint8Array): string[] {
  const bytes = Buffer.from(key)
  return [bytes.toString('hex'), bytes.toString('base64'), bytes.toString('latin1'), [...key].join(',')]
}

/** Whether these bytes stand anywhere in the writable memory of a process of ours. */
function memoryHolds(pid: number, wanted: Uint8Array): boolean {
  const memory = openSync(`/proc/${pid}/mem`, 'r')
  try {
    for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
      const [, from = '', to = '', mode = ''] = /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line) ?? []
      if (!mode.startsWith('rw')) continue
      if (regionHolds(memory, Number.parseInt(from, 16), Number.parseInt(to, 16), wanted)) return true
    }
    return false
  } finally {
    closeSync(memory)
  }
}

function regionHolds(memory: number, from: number, to: number, wanted: Uint8Array): boolean {
  const window = Buffer.alloc(4 << 20)
  for (let at = from; at < to; at += window.length - wanted.length) {
    let length = 0
    try {
      length = readSync(memory, window, 0, Math.min(window.length, to - at), at)
    } catch {
      return false // a region that cannot be read
    }
    if (window.subarray(0, length).includes(Buffer.from(wanted))) return true
    if (length < window.length) return false
  }
  return false
}

// dissector.lua: what is in it, and (where tshark is installed) what Wireshark makes of the golden frames.

import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { emitDissector } from '../../../generator/emit/dissector.ts'
import { emitVectors } from '../../../generator/emit/vectors.ts'
import type { Protocol } from '../../../generator/index.ts'
import { behaviourOf, protocolOf, SHIPPED, shipped } from './load.ts'
import { capture, concat } from './pcap.ts'

describe('the dissector', () => {
  it('declares a field to filter by for every field of the envelope, once', () => {
    const lines = luaOf(shipped('vstp')).split('\n')
    const declared = lines.filter(line => /^F\["/.test(line)).map(line => /"([^"]+)"/.exec(line)![1])
    expect(declared).toEqual(
      expect.arrayContaining(['magic', 'version', 'type', 'flags', 'payload', 'crc', 'entry.key', 'flags.frag']),
    )
    expect(new Set(declared).size).toBe(declared.length)
  })

  it('registers the ports of its transports, and Decode As where there is none', () => {
    expect(luaOf(shipped('vstp'))).toMatch(/tcp_ports:add\(6969, PROTOCOL\)[\s\S]*udp_ports:add\(6969, PROTOCOL\)/)
    expect(luaOf(shipped('intentra'))).toContain('udp_ports:add_for_decode_as(PROTOCOL)')
  })

  it('knows a datagram by its first bytes only where they are constant', () => {
    expect(luaOf(shipped('vstp'))).toContain('register_heuristic("udp"')
    expect(luaOf(shipped('intentra'))).not.toContain('register_heuristic')
  })

  it('names the values of enums', () => {
    expect(luaOf(shipped('intentra'))).toContain('local ENUM_Intent = { [0] = "realtime", [1] = "reliable" }')
  })
})

const folder = mkdtempSync(join(tmpdir(), 'dissector-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tshark = spawnSync('tshark', ['--version']).status === 0
if (!tshark) console.log('skipped: tshark is not installed, so dissectors are not run')

describe.skipIf(!tshark)('in Wireshark', () => {
  const names = SHIPPED.map(path => path.slice('schema/'.length, -'.yaml'.length))
  // What travels over TLS alone is dissected only by whoever has its keys.
  const open = names.filter(name => behaviourOf(shipped(name)).behaviour.transports.some(one => one.kind !== 'tls'))
  const runs = open.map((name, at) => {
    const protocol = shipped(name)
    const frames = clearVectors(protocol)
    const packets = frames.map(one => ({ payload: framed(protocol, one.bytes), up: isUp(protocol, one.frame) }))
    return { protocol, frames, packets, port: 47_000 + at }
  })
  let text = ''
  beforeAll(() => {
    text = dissect(runs)
  })

  it.each(runs.map(run => [run.protocol.name, run] as const))('%s: every golden frame is recognised', (name, run) => {
    const shown = [...text.matchAll(/^([A-Z0-9_-]+)-HERE, (\S+)$/gm)].filter(([, of]) => of === name.toUpperCase())
    const pairs = run.frames.map((one, at) => [one.frame, shown[at]?.[2]])
    // What is sealed, or told apart only by the state of the connection, cannot be named.
    expect(pairs.filter(([wanted, got]) => wanted !== got && got !== '?' && got !== 'sealed')).toEqual([])
    expect(shown).toHaveLength(run.frames.length)
  })

  it('no golden frame makes a dissector fail or call it malformed', () => {
    expect(text).not.toMatch(/Lua Error|\.lua:\d+/)
    expect(text).not.toContain('Malformed')
  })

  it('frames of a stream are put together over segments, several to a segment', () => {
    const hello = Buffer.from('565401010000000000000090a29464', 'hex')
    const ack = Buffer.from('565401070009000000000006016d73672d696431e63ca3b8', 'hex')
    const all = concat([hello, ack, hello])
    const cuts = [0, 4, 20, 21, all.length]
    const packets = cuts.slice(1).map((end, at) => ({ payload: all.slice(cuts[at], end), up: true }))
    const shown = dissect([{ protocol: shipped('vstp'), packets, port: 6969, transport: 'tcp' }])
    expect(shown.match(/^VSTP-HERE, \w+$/gm)).toEqual(['VSTP-HERE, Hello', 'VSTP-HERE, Ack', 'VSTP-HERE, Hello'])
    expect(shown).toContain('Reassembled TCP Segments')
  })

  it('a checksum that is wrong is named with what it should be; conditions, bits, lists and unions are read', () => {
    const broken = { payload: Buffer.from('565401010000000000000090a29465', 'hex'), up: true }
    const constructs = { payload: Buffer.from('b5020a0b01053132333435ff', 'hex'), up: true }
    const shown = dissect([
      { protocol: shipped('vstp'), packets: [broken], port: 6969, transport: 'udp' },
      { protocol: protocolOf(CONSTRUCTS), packets: [constructs], port: 47_000 },
    ])
    expect(shown).toContain('crc32 is 0x90a29465, should be 0x90a29464')
    for (const line of ['high: 5', 'extra: True', 'low: 5', 'items: 10', 'items: 11', 'value: 12345', 'last: 255']) {
      expect(shown).toContain(line)
    }
  })

  it('a protocol that Wireshark has already keeps its name, and ours gets another', () => {
    const stun = { ...shipped('examples/stun'), name: 'stun' }
    writeFileSync(join(folder, 'stun.lua'), luaOf(stun))
    writeFileSync(join(folder, 'none.pcap'), capture([]))
    const args = [
      '-r',
      join(folder, 'none.pcap'),
      '-X',
      `lua_script:${join(folder, 'stun.lua')}`,
      '-d',
      'udp.port==1,stun_schema',
    ]
    expect(spawnSync('tshark', args).status).toBe(0)
  })
})

const CONSTRUCTS = `
protocol: constructs
version: 1
transports: { udp: { framing: datagram, max_frame: 1KiB } }
unions: { Body: { tag: u8, variants: { Number: { id: 1, type: dec(u32) in(u8) } } } }
envelope: { high: "u3", extra: bit, low: u4, body: frame }
frames:
  All: { fields: { count: u8, items: u8*count, body: Body, last: u8 if extra } }
`

interface Clear {
  readonly frame: string
  readonly bytes: Uint8Array
}

/** Golden frames that stand on the wire as they are: not those whose sealed part was left open. */
function clearVectors(protocol: Protocol): Clear[] {
  const { vectors } = JSON.parse(emitVectors(protocol)) as { vectors: Record<string, string>[] }
  // Handshake frames without envelope look like any other: only the state of the connection tells them.
  const enveloped = [...protocol.frames.values()].some(frame => !frame.bare)
  const isHidden = (frame: string): boolean => {
    const { seal, bare } = protocol.frames.get(frame)!
    return seal !== undefined || protocol.seals.size > 0 || (bare && enveloped)
  }
  return vectors.flatMap(({ frame, hex, error }) =>
    frame === undefined || error !== undefined || isHidden(frame) || hex === undefined || hex === ''
      ? []
      : [{ frame, bytes: new Uint8Array(Buffer.from(hex, 'hex')) }],
  )
}

function isUp(protocol: Protocol, frame: string): boolean {
  const [dir] = protocol.frames.get(frame)!.dirs
  return dir === undefined || protocol.roles.get(dir.sender)?.transport !== 'accepts'
}

function framed(protocol: Protocol, bytes: Uint8Array): Uint8Array {
  const framing = behaviourOf(protocol).behaviour.transports[0]?.framing
  if (framing?.kind === 'delimiter') return concat([bytes, framing.delimiter])
  if (framing?.kind === 'prefix' && framing.type.kind === 'varint' && bytes.length < 0x80)
    return concat([Uint8Array.of(bytes.length), bytes])
  if (framing?.kind !== 'prefix' || framing.type.kind !== 'int') return bytes
  const { bits, little } = framing.type
  const prefix = Uint8Array.from(
    { length: bits / 8 },
    (_, at) => Math.floor(bytes.length / 2 ** (bits - 8 - 8 * at)) & 0xff,
  )
  return concat([little ? prefix.reverse() : prefix, bytes])
}

interface Run {
  readonly protocol: Protocol
  readonly packets: readonly { readonly payload: Uint8Array; readonly up: boolean }[]
  readonly port: number
  readonly transport?: 'udp' | 'tcp'
}

/** What tshark prints of the packets, all layers but ours left out. Every protocol is called NAME-here, as no other is. */
function dissect(runs: readonly Run[]): string {
  const scripts = runs.map(({ protocol }, at) => {
    const path = join(folder, `${at}.lua`)
    writeFileSync(path, luaOf({ ...protocol, name: `${protocol.name}-here` }))
    return ['-X', `lua_script:${path}`]
  })
  const packets = runs.flatMap(run =>
    run.packets.map(packet => ({ ...packet, port: run.port, transport: transportOf(run) })),
  )
  writeFileSync(join(folder, 'd.pcap'), capture(packets))
  const names = runs.map(run => `${run.protocol.name.replaceAll('-', '_')}_here`)
  const decodeAs = runs.map((run, at) => ['-d', `${transportOf(run)}.port==${run.port},${names[at]}`])
  const args = ['-r', join(folder, 'd.pcap'), ...scripts.flat(), ...decodeAs.flat(), '-V', '-O', names.join(',')]
  return execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function transportOf({ protocol, transport }: Run): 'udp' | 'tcp' {
  const kinds = behaviourOf(protocol).behaviour.transports.map(one => one.kind)
  return transport ?? (kinds.includes('tcp') ? 'tcp' : 'udp')
}

function luaOf(protocol: Protocol): string {
  return emitDissector(protocol, behaviourOf(protocol).behaviour)
}

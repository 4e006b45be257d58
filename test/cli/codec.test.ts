// encode and decode: the known answers of the published crate, streams, captures, dumps, and hostile values.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import Decode from '../../cli/commands/decode.ts'
import Encode from '../../cli/commands/encode.ts'
import { ipv4, pcap, tcp, udp } from './capture.ts'
import { run } from './run.ts'

const folder = mkdtempSync(join(tmpdir(), 'proto-codec-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const HELLO = '565401010000000000000090a29464'
const PING = '5654010400000000000000d8429a00'
const DATA = '565401030004000000000301016b76616263328debb6'

const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

describe('encode', () => {
  test('prints hex and nothing else', async () => {
    const { code, stdout, stderr } = await run(Encode, 'vstp', 'Hello')
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: `${HELLO}\n`, stderr: '' })
  })

  test.each([
    [['payload=text:abc', 'headers=[{"key":"text:k","value":"text:v"}]']],
    [['payload=0x616263', '--data', '{"headers":[{"key":"0x6b","value":"base64:dg=="}]}']],
    [
      [
        `payload=@${file('abc', 'abc')}`,
        '--data',
        `@${file('d.json', '{"headers":[{"key":"text:k","value":"text:v"}]}')}`,
      ],
    ],
  ])('takes values as %j', async argv => {
    expect((await run(Encode, 'vstp', 'Data', ...argv)).stdout).toBe(`${DATA}\n`)
  })

  test('assignments go over --data', async () => {
    const { json } = await run(Encode, 'vstp', 'Data', '--data', '{"payload":"text:no"}', 'payload=text:yes', '--json')
    expect(json).toEqual({
      frame: 'Data',
      length: 18,
      hex: expect.stringContaining(Buffer.from('yes').toString('hex')),
    })
  })

  test.each([
    [['vstp'], 2, 'missing argument frame'],
    [['vstp', 'Dat'], 2, 'did you mean "Data"?'],
    [['vstp', 'Data', 'stray'], 2, 'neither NAME=VALUE'],
    [['vstp', 'Data', '--bad'], 2, 'unknown flag --bad'],
    [['vstp', 'Data', 'payload=zz'], 65, '0x.. (hex)'],
    [['vstp', 'Data', 'payload=0xf'], 65, 'payload'],
    [['vstp', 'Data', 'nope=1'], 65, 'no field nope'],
    [['vstp', 'Data', 'flags=["bogus"]'], 65, 'bogus'],
    [['vstp', 'Data', 'headers=[{'], 65, 'headers'],
    [['vstp', 'Data', 'version=2'], 65, 'version'],
    [['vstp', 'Data', '--data', '{'], 65, 'is not JSON'],
    [['vstp', 'Data', '--data', '[1]'], 65, 'JSON object'],
    [['vstp', 'Data', '--data', '@no-such.json'], 66, 'no such file'],
    [['vstp', 'Data', 'payload=@no-such.bin'], 66, 'no such file'],
    [['vstp', 'Data', '--set', 'nope=1'], 2, 'no such param'],
    [['nope', 'Data'], 66, 'no schema "nope"'],
  ])('%j exits with %i', async (argv, exit, text) => {
    const plain = await run(Encode, ...argv)
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: exit, stdout: '' })
    expect(plain.stderr).toContain(text)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
    const { code, json, stderr } = await run(Encode, ...argv, '--json')
    expect({ code, stderr }).toEqual({ code: exit, stderr: '' })
    expect(json.error.message).toContain(text)
  })
})

describe('decode', () => {
  test('one JSON line a frame, keys as the contract has them', async () => {
    const { code, lines } = await run(Decode, 'vstp', DATA + PING, '--json')
    expect(code).toBe(0)
    expect(lines).toMatchObject([
      { frame: 'Data', offset: 0, length: 22, fields: { flags: [], payload: '0x616263' } },
      { frame: 'Ping', offset: 22, length: 15 },
    ])
    expect(lines[0].fields.headers[0]).toMatchObject({ key: '0x6b', value: '0x76' })
  })

  test.each([
    ['0x and blanks', `0x${DATA.slice(0, 8)} ${DATA.slice(8)}`],
    ['a file of hex', `@${file('data.hex', `${DATA}\n`)}`],
    ['a file of bytes', `@${file('data.bin', Buffer.from(DATA, 'hex'))}`],
  ])('takes %s', async (_, input) => {
    expect((await run(Decode, 'vstp', input, '--json')).json.frame).toBe('Data')
  })

  test('a refused input is an error object and exits with 76', async () => {
    const bad = `${DATA.slice(0, -1)}7`
    const { code, lines } = await run(Decode, 'vstp', bad, '--json')
    expect(code).toBe(76)
    expect(lines).toEqual([{ error: { code: 'CrcMismatch', message: 'CRC mismatch', offset: 18, field: 'crc' } }])
    const plain = await run(Decode, 'vstp', bad)
    expect({ code: plain.code, stderr: plain.stderr }).toEqual({
      code: 76,
      stderr: 'proto: CrcMismatch: CRC mismatch, at offset 18, crc\n',
    })
  })

  test('frames before the refused one are printed, offsets count from the start of the input', async () => {
    const { code, lines } = await run(Decode, 'vstp', `${PING}565401`, '--json')
    expect(code).toBe(76)
    expect(lines.map(line => line.frame ?? line.error)).toEqual([
      'Ping',
      expect.objectContaining({ code: 'Truncated', offset: expect.any(Number) }),
    ])
    expect(lines[1].error.offset).toBeGreaterThanOrEqual(15)
  })

  test('a declared length of 4 GiB is refused from its prefix', async () => {
    const { code, json } = await run(Decode, 'vstp', '56540103000000ffffffff', '--json')
    expect({ code, reason: json.error.code }).toEqual({ code: 76, reason: 'FrameTooLarge' })
  })

  test('every decoding vector of the crate gives its frame or its named error', async () => {
    for (const { name, input, result, error } of vectors()) {
      if (STRICTER.has(name)) continue
      const { code, lines } = await run(Decode, 'vstp', input, '--json')
      if (result === 'frame') expect(lines[0]?.frame, name).toBeDefined()
      else expect({ code, reason: lines[0]?.error.code }, name).toEqual({ code: 76, reason: error })
    }
  })

  test('an annotated dump names offset, bytes, field, value and schema line', async () => {
    const { code, stdout } = await run(Decode, 'vstp', DATA, '--explain')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^0003 +03 +type +3 +schema\/vstp\.yaml:\d+ +type: id\(u8\)/m)
  })

  test('a dump of a refused frame shows how far it went', async () => {
    const { code, stdout } = await run(Decode, 'vstp', '5654010300040000', '--explain')
    expect(code).toBe(76)
    expect(stdout).toContain('header_len')
    expect(stdout).toContain('Truncated')
  })

  test('--transport and --stream cut the input as the transport does', async () => {
    const two = '000b' + '0000000000000000076869' + '000b' + '0100000000000000076f6b'
    const framed = `0000${two.replace('000b01', '0000000b01')}`
    const { code, lines } = await run(Decode, 'rpc', framed, '--stream', '--json')
    expect(code).toBe(0)
    expect(lines.map(line => [line.frame, line.offset, line.fields.text])).toEqual([
      ['Request', 4, 'hi'],
      ['Response', 19, 'ok'],
    ])
    expect((await run(Decode, 'rpc', '0000000000000000076869', '--json')).json.frame).toBe('Request')
    expect((await run(Decode, 'vstp', `${PING}00`, '--transport', 'udp', '--json')).code).toBe(0)
  })

  test('a stream that ends inside a frame says so', async () => {
    const { code, json } = await run(Decode, 'rpc', '0000000b0000', '--stream', '--json')
    expect({ code, reason: json.error.code }).toEqual({ code: 76, reason: 'Truncated' })
  })

  test('--frame decodes as that frame whatever its id says', async () => {
    const { code, json } = await run(Decode, 'rpc', '0000000000000000076869', '--frame', 'Response', '--json')
    expect([code, json.frame]).toEqual([0, 'Response'])
  })

  test('a capture is decoded datagram by datagram and stream by stream, with its addresses', async () => {
    const packets = [
      ipv4(17, udp(4000, 6969, Buffer.from(PING, 'hex'))),
      ipv4(6, tcp(4001, 6969, 1, Buffer.from(DATA.slice(0, 20), 'hex'))),
      ipv4(17, udp(53, 53, Buffer.from('not ours'))),
      ipv4(6, tcp(4001, 6969, 11, Buffer.from(DATA.slice(20) + PING, 'hex'))),
      ipv4(17, udp(4000, 6969, Buffer.from('junkjunkjunk'))),
    ]
    const { code, lines } = await run(Decode, 'vstp', '--pcap', file('a.pcap', pcap(101, packets)), '--json')
    expect(code).toBe(76)
    expect(lines.map(line => line.frame ?? line.error.code)).toEqual(['Ping', 'InvalidMagic', 'Data', 'Ping'])
    expect(lines[2]).toMatchObject({ transport: 'tcp', from: '10.0.0.1:4001', to: '10.0.0.2:6969', offset: 0 })
    expect(lines[2].time).toBe('2023-11-14T22:13:20.123Z')
  })

  test.each([
    [['vstp', 'zz'], 65, 'not a hex digit'],
    [['vstp', '123'], 65, 'one is missing'],
    [['vstp', '@no-such.bin'], 66, 'no such file'],
    [['vstp', `@${file('empty', '')}`], 66, 'is empty'],
    [['vstp', ''], 66, 'empty'],
    [['vstp', PING, '--frame', 'Nope'], 2, 'no frame "Nope"'],
    [['vstp', PING, '--dir', 'up'], 2, 'SENDER>RECEIVER'],
    [['vstp', PING, '--dir', 'client>nobody'], 2, 'no role "nobody"'],
    [['vstp', PING, '--state', 'asleep'], 2, 'no state "asleep"'],
    [['vstp', PING, '--transport', 'sctp'], 2, 'no transport "sctp"'],
    [['vstp', PING, '--pcap', 'x'], 2, 'either an input or --pcap'],
    [['vstp', '--pcap', 'no-such.pcap'], 66, 'no such file'],
    [['vstp', '--pcap', file('no.pcap', 'this is no capture, really')], 65, 'no capture file'],
    [['vstp', '--pcap', file('none.pcap', pcap(101, []))], 66, 'no UDP or TCP payload'],
    [['vstp', '--pcap', 'x', '--port', '70000'], 66, ''],
  ])('%j exits with %i', async (argv, exit, text) => {
    const plain = await run(Decode, ...argv)
    expect({ code: plain.code, stdout: plain.stdout }).toEqual({ code: exit, stdout: '' })
    expect(plain.stderr).toContain(text)
    expect(plain.stderr).not.toMatch(/\n {4}at /)
    const { code, json } = await run(Decode, ...argv, '--json')
    expect(code).toBe(exit)
    expect(json.error.message).toContain(text)
  })
})

interface Vector {
  readonly name: string
  readonly input: string
  readonly result: 'frame' | 'need_more' | 'error'
  readonly error: string
}

/**
 * Cases of the crate's decoder with inline input and the usual limit, its errors under the names of the schema. Where the
 * crate waits for more, the input has ended here: that is Truncated, or what is wrong with the bytes there are.
 */
function vectors(): Vector[] {
  const path = fileURLToPath(new URL('../vectors/vstp.json', import.meta.url))
  const { decode } = JSON.parse(readFileSync(path, 'utf8')) as {
    decode: { name: string; input: unknown; result: Vector['result']; error?: string; max_frame_size: number }[]
  }
  return decode
    .filter(({ input, max_frame_size }) => typeof input === 'string' && input !== '' && max_frame_size === 8_388_608)
    .map(({ name, input, result, error }) => ({
      name,
      input: input as string,
      result,
      error:
        result === 'need_more' ? (name.startsWith('bad-magic') ? 'InvalidMagic' : 'Truncated') : nameOf(error ?? ''),
    }))
}

function nameOf(error: string): string {
  return ERRORS.find(([text]) => error.includes(text))?.[1] ?? error
}

const ERRORS: readonly [string, string][] = [
  ['Invalid magic', 'InvalidMagic'],
  ['Unsupported version', 'UnsupportedVersion'],
  ['too large', 'FrameTooLarge'],
  ['CRC mismatch', 'CrcMismatch'],
  ['Invalid frame type', 'InvalidFrameType'],
  ['Incomplete header', 'BadHeader'],
]

/** Entries that run over their block: the crate reads on into payload or checksum, the schema refuses. */
const STRICTER = new Set([
  'hdr-overrun-into-payload',
  'hdr-overrun-into-crc',
  'hdr-len-1-payload-first-byte-as-value-len',
])

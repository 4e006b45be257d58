// Capture files, written here byte by byte: both formats, several link layers, TCP put back together.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readFlows } from '../../cli/capture/flow.ts'
import { readSegments } from '../../cli/capture/packet.ts'
import { readCapture } from '../../cli/capture/pcap.ts'
import { ethernet, ipv4, ipv6, pcap, pcapng, tcp, udp } from './capture.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const raw = 101

describe('capture files', () => {
  test.each([
    ['microseconds, little endian', pcap(raw, [udpPacket('hi')], { little: true, nano: false })],
    ['microseconds, big endian', pcap(raw, [udpPacket('hi')], { little: false, nano: false })],
    ['nanoseconds', pcap(raw, [udpPacket('hi')], { little: true, nano: true })],
    ['pcapng, little endian', pcapng(raw, [udpPacket('hi')], true)],
    ['pcapng, big endian', pcapng(raw, [udpPacket('hi')], false)],
  ])('%s: a UDP datagram with its addresses and time', (_, file) => {
    const { segments } = readSegments(readCapture(file))
    expect(segments).toHaveLength(1)
    expect(segments[0]).toMatchObject({ transport: 'udp', from: '10.0.0.1:4000', to: '10.0.0.2:9000' })
    expect(text(segments[0]!.payload)).toBe('hi')
    expect(segments[0]!.time).toBeCloseTo(1_700_000_000_123, 0)
  })

  test.each([
    ['Ethernet', 1, ethernet(udpPacket('x'))],
    ['Ethernet with a VLAN tag', 1, ethernet(udpPacket('x'), [0x8100, 5])],
    ['BSD loopback', 0, Buffer.concat([Buffer.from([2, 0, 0, 0]), udpPacket('x')])],
    ['Linux cooked', 113, Buffer.concat([Buffer.alloc(16), udpPacket('x')])],
    ['Linux cooked v2', 276, Buffer.concat([Buffer.alloc(20), udpPacket('x')])],
  ])('%s is understood', (_, link, packet) => {
    const { segments } = readSegments(readCapture(pcap(link, [packet])))
    expect(segments.map(segment => text(segment.payload))).toEqual(['x'])
  })

  test('IPv6 addresses are written short and in brackets', () => {
    const packet = ipv6('fe80::1', '::1', 17, udp(1, 2, Buffer.from('six')))
    const { segments } = readSegments(readCapture(pcap(raw, [packet])))
    expect(segments[0]).toMatchObject({ from: '[fe80::1]:1', to: '[::1]:2' })
  })

  test('IPv4 fragments of one datagram are put together', () => {
    const whole = udp(4000, 9000, Buffer.from('0123456789abcdef'))
    const first = ipv4(17, whole.subarray(0, 16), { id: 7, more: true })
    const second = ipv4(17, whole.subarray(16), { id: 7, offset: 16 })
    const { segments } = readSegments(readCapture(pcap(raw, [first, second])))
    expect(segments.map(segment => text(segment.payload))).toEqual(['0123456789abcdef'])
  })

  test('a packet that the capture cut short is skipped and counted', () => {
    const { segments, skipped } = readSegments(readCapture(pcap(raw, [udpPacket('whole')], { cut: 10 })))
    expect({ segments: segments.length, skipped }).toEqual({ segments: 0, skipped: 1 })
  })

  test('what is no capture is an invalid value', () => {
    expect(() => readCapture(Buffer.from('#!/bin/sh\necho this is not a capture'))).toThrow(/no capture file/)
    expect(() => readCapture(new Uint8Array(0))).toThrow(/no capture file/)
  })

  test('damaged files give what can be read, and never fail in another way', () => {
    const file = pcapng(1, [ethernet(udpPacket('a')), ethernet(ipv4(6, tcp(1, 2, 5, Buffer.from('b'))))], true)
    fc.assert(
      fc.property(fc.nat(file.length - 1), fc.nat(255), fc.nat(file.length), (at, byte, end) => {
        const bad = Buffer.from(file.subarray(0, end))
        if (at < bad.length) bad[at] = byte
        try {
          readFlows(readSegments(readCapture(bad)).segments)
        } catch (error) {
          expect((error as Error).message).toMatch(/no capture file/)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('TCP streams', () => {
  test('segments out of order, repeated and overlapping give the stream once', () => {
    const packets = [
      segment(1000, 'abc'),
      segment(1006, 'ghi'),
      segment(1000, 'abc'),
      segment(1002, 'cdef'),
      segment(1009, 'j'),
    ]
    expect(streams(packets)).toEqual(['abcdefghij'])
  })

  test('sequence numbers may wrap around', () => {
    expect(streams([segment(0xffff_fffe, 'abcd'), segment(2, 'ef')])).toEqual(['abcdef'])
  })

  test('bytes behind a gap are counted as lost', () => {
    const flows = readFlows(readSegments(readCapture(pcap(raw, [segment(1, 'abc'), segment(10, 'xyz')]))).segments)
    expect(flows.map(flow => [text(flow.bytes), flow.lost])).toEqual([['abc', 3]])
  })

  test('each direction is a stream of its own, a new SYN begins another', () => {
    const packets = [
      segment(99, '', { syn: true }),
      segment(100, 'one'),
      ipv4(6, tcp(9000, 4000, 500, Buffer.from('back')), { swap: true }),
      segment(7, '', { syn: true }),
      segment(8, 'two'),
    ]
    expect(streams(packets)).toEqual(['one', 'back', 'two'])
  })

  test('any order of arrival gives the same stream', () => {
    const parts = ['abc', 'defg', 'h', 'ijklmno', 'pq']
    let at = 5000
    const all = parts.map(part => {
      const packet = segment(at, part)
      at += part.length
      return packet
    })
    fc.assert(
      fc.property(fc.shuffledSubarray(all, { minLength: all.length }), packets => {
        expect(streams(packets)).toEqual(['abcdefghijklmnopq'])
      }),
    )
  })

  const segment = (sequence: number, data: string, flags: { syn?: boolean } = {}) =>
    ipv4(6, tcp(4000, 9000, sequence, Buffer.from(data), flags))
  const streams = (packets: Buffer[]) =>
    readFlows(readSegments(readCapture(pcap(raw, packets))).segments).map(flow => text(flow.bytes))
})

function udpPacket(payload: string): Buffer {
  return ipv4(17, udp(4000, 9000, Buffer.from(payload)))
}

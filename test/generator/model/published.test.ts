// Formats that were not made for this language, as a measure of what it can say: each becomes a model without a mistake.

import { expect, test } from 'vitest'
import { build } from './schema.ts'

const FORMATS: Readonly<Record<string, string>> = {
  'MQTT 3.1.1': `
enums: { Qos: { type: u2, values: { at_most_once: 0, at_least_once: 1, exactly_once: 2 } } }
structs: { Subscription: { filter: string(u16), _reserved: u6, qos: Qos } }
envelope: { type: id(u4), dup: { type: bit, default: false }, qos: { type: Qos, default: at_most_once }, retain: { type: bit, default: false }, body: frame in(leb128(4)) }
frames:
  Connect: { id: 1, fields: { name: 'string(u16) = "MQTT"', level: u8 = 4, username: bit, password: bit, will_retain: bit, will_qos: Qos, will: bit, clean: bit, _r: u1 = 0,
    keep_alive: u16, client: string(u16), will_topic: string(u16) if will, will_message: bytes(u16) if will, user: string(u16) if username, pass: bytes(u16) if password } }
  Publish: { id: 3, fields: { topic: string(u16), packet: u16 if qos != at_most_once, payload: bytes } }
  Subscribe: { id: 8, with: { qos: at_least_once }, fields: { packet: u16, subscriptions: Subscription* } }`,

  'DNS (RFC 1035)': `
enums: { Kind: { type: u16, values: { a: 1, ns: 2, cname: 5, mx: 15, txt: 16, aaaa: 28 }, unknown: keep } }
structs:
  Label: { marker: { type: u2, range: 0..3 }, length: u6 if marker == 0, text: ascii(length) if marker == 0, offset: u14 if marker == 3, target: Name at(offset) if marker == 3, _other: u6 if not (marker == 0 or marker == 3) }
  Name: { labels: 'Label* until(item.marker == 3 or (item.length or 0) == 0)' }
  Question: { name: Name, kind: Kind, class: u16 }
  Record: { name: Name, kind: Kind, class: u16, ttl: u32, data: Data(kind) in(u16) }
  Exchange: { preference: u16, host: Name }
unions:
  Data: { by: Kind, variants: { A: { id: a, type: bytes(4) }, Aaaa: { id: aaaa, type: bytes(16) }, Host: { id: [ns, cname], type: Name }, Mx: { id: mx, type: Exchange }, Txt: { id: txt, type: string(u8)* }, Other: { other: true, type: bytes } } }
frames:
  Message: { fields: { id: u16, response: bit, opcode: u4, aa: bit, tc: bit, rd: bit, ra: bit, _z: u3, rcode: u4, qd: u16, an: u16, ns: u16, ar: u16, questions: Question*qd, answers: Record*an, authorities: Record*ns, additional: Record*ar } }`,

  'IPv6 header':
    'frames: { P: { fields: { version: u4 = 6, traffic: u8, flow: u20, len: u16, next_header: u8, hops: u8, src: bytes(16), dst: bytes(16), payload: bytes(len) } } }',

  'RTP (RFC 3550)':
    'frames: { P: { fields: { version: u2 = 2, padding: bit, extension: bit, cc: u4, marker: bit, pt: u7, seq: u16, ts: u32, ssrc: u32, csrc: u32*cc, profile: u16 if extension, words: u16 if extension, ext: u32*words if extension, payload: bytes } } }',

  'WebSocket frames (RFC 6455)': `
frames: { F: { fields: { fin: bit, _rsv: u3 = 0, opcode: u4, masked: bit,
  len7: u7 = if size(payload) < 126 then size(payload) else if size(payload) < 65536 then 126 else 127, len16: u16 = size(payload) if len7 == 126, len64: u64 = size(payload) if len7 == 127,
  key: bytes(4) if masked, payload: bytes(if len7 == 126 then len16 else if len7 == 127 then len64 else len7) } } }`,

  'CoAP (RFC 7252)': `
structs:
  Option:
    delta4: u4
    length4: u4 = if size(value) < 13 then size(value) else if size(value) < 269 then 13 else 14
    delta8: u8 if delta4 == 13
    delta16: u16 if delta4 == 14
    length8: u8 = size(value) - 13 if length4 == 13
    length16: u16 = size(value) - 269 if length4 == 14
    number: u32 from (prev.number or 0) + (if delta4 == 13 then delta8 + 13 else if delta4 == 14 then delta16 + 269 else delta4)
    value: bytes(if length4 == 13 then length8 + 13 else if length4 == 14 then length16 + 269 else length4)
frames: { M: { fields: { version: u2 = 1, type: u2, tkl: u4, code: u8, id: u16, token: bytes(tkl), options: 'Option* while(remaining > 0 and next(u8) != 0xff)', marker: u8 = 0xff if remaining > 0, payload: bytes if present(marker) } } }`,

  'Modbus/TCP': `
envelope: { transaction: u16, protocol: u16 = 0, length: u16 = size(unit..body), unit: u8, function: id(u8), body: frame in(length - 2) }
frames: { Read: { id: 3, dir: client>server, fields: { start: u16, count: u16 } }, Values: { id: 3, dir: server>client, fields: { n: u8, values: u16* in(n) } } }`,

  'HTTP/1.1 request head': `
structs: { Header: { name: 'ascii until(":")', value: 'latin1 until("\\r\\n")' } }
frames: { Request: { fields: { method: 'ascii until(" ")', target: 'ascii until(" ")', version: 'ascii(8) = "HTTP/1.1"', eol: 'bytes(2) = "\\r\\n"', headers: 'Header* while(next(u16) != 0x0d0a)', end: 'bytes(2) = "\\r\\n"' } } }`,

  PNG: `
structs: { Chunk: { length: u32, kind: ascii(4), data: bytes(length), crc: u32 = crc32(kind..data) } }
frames: { Image: { fields: { magic: 'bytes(8) = x"89504e470d0a1a0a"', chunks: 'Chunk* until(item.kind == "IEND")' } } }`,

  'Bitcoin messages':
    'frames: { M: { fields: { magic: u32le = 0xd9b4bef9, command: ascii(12), length: u32le, checksum: "bytes(4) = slice(sha256(sha256(payload)), 0, 4)", payload: bytes(length) } } }',

  'a line protocol with words (SMTP, IRC)': `
envelope: { command: 'ascii until(" ")', body: frame }
frames: { Join: { match: { command: JOIN }, fields: { channel: string } }, Say: { match: { command: [ PRIVMSG, NOTICE ] }, fields: { to: 'string until(" ")', text: string } }, Other: { match: else, fields: { text: string } } }
transports: { tcp: { framing: 'delimiter("\\r\\n")', max_frame: 512 } }`,

  Netstrings: `frames: { N: { fields: { length: 'dec(u32) until(":")', text: string(length), comma: 'bytes(1) = ","' } } }`,

  'HTTP/2 frames':
    'envelope: { length: u24, type: id(u8), flags: u8, _r: u1, stream: u31, body: frame in(length) }\nframes: { Data: { id: 0, fields: { data: bytes } }, Ping: { id: 6, fields: { opaque: bytes(8) } } }',

  'QUIC integers': 'frames: { Q: { fields: { a: quic, b: bytes(quic), c: u8*quic } } }',
}

test.each(Object.keys(FORMATS))('%s', name => {
  expect(build(FORMATS[name]!).errors).toEqual([])
})

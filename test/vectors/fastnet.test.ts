// Packets, hello messages and records of fastnet against the crate 0.3.1: the packet codec under its profile, the
// records through a frame of their own, the TCP fallback and the rendezvous under their default.
import { describe, expect, it } from 'vitest'
import { CODECS, decode, encode, hex, protocolOf, recordOf, toHex, vectors } from './codecs.ts'
import { hooks } from './seals.ts'

const file = vectors<File>('fastnet')
const protocol = protocolOf('schema/fastnet', 'crate-0.3.1')
const hybrid = protocolOf('schema/fastnet-hybrid')
const signalling = protocolOf('schema/fastnet-signalling')
const WHOLE = { whole: true }

for (const source of CODECS) {
  describe(`fastnet crate-0.3.1, ${source.name}`, () => {
    const plain = source.create(protocol, { plain: true, state: 'open' })

    it.each(file.header.cases.map(entry => [entry.hex, entry] as const))('writes and reads the header %s', (bytes, entry) => {
      const { hex: _, ack_bitfield, ...fields } = entry
      const value = { ...fields, ack_bits: ack_bitfield }
      const wire = `${'00'.repeat(8)}${bytes}`
      const seen = decode(plain, hex(wire), WHOLE)
      expect(seen).toMatchObject({ fields: value })
      const frame = entry.flags & 16 ? 'Disconnect' : entry.flags & 32 ? 'Ping' : 'Data'
      expect((seen as { frame: string }).frame).toBe(frame)
      const body = frame === 'Data' ? { payload: hex('') } : {}
      expect(toHex(encode(plain, frame, { counter: 0n, ...value, ...body }))).toBe(wire)
    })

    it('refuses a header of eleven bytes as too small', () => {
      expect(file.header.eleven_bytes_error).toBe('Packet too small')
      expect(decode(plain, new Uint8Array(8 + 11), WHOLE)).toMatchObject({ error: 'TooSmall', field: 'fragment_count', offset: 19 })
    })

    it.each(file.aead.cases.map((entry, i) => [i, entry] as const))('opens and seals packet %i as the crate', (_i, entry) => {
      const codec = source.create(protocol, { ...sealed(file.aead.send_key), state: 'open' })
      const bytes = hex(entry.packet)
      const seen = decode(codec, bytes, WHOLE)
      if (entry.plaintext.length / 2 < 12) {
        // The crate ignores what is shorter than a header; here it has a name.
        expect(seen).toMatchObject({ error: 'TooSmall' })
        return
      }
      expect(seen).toMatchObject({ fields: { counter: BigInt(entry.counter) } })
      const { frame, fields } = seen as { frame: string; fields: Record<string, unknown> }
      // What stands behind the header of a Disconnect means nothing and is not kept.
      if (frame === 'Disconnect' && entry.plaintext.length / 2 > 12) return
      expect(toHex(encode(codec, frame, fields))).toBe(entry.packet)
    })

    it('reads a recorded session, and writes its packets again', () => {
      const { secure_session: session } = file.captures
      const hello = source.create(protocol, { state: 'hello', dir: 'server>client' })
      const seen = decode(hello, hex(session.hello72), { whole: false, maxFrame: 1224 })
      const { peer_id, udp_port } = session
      const keys = { client_key: hex(session.client_send_key), server_key: hex(session.client_recv_key) }
      expect(seen).toMatchObject({ frame: 'Hello', size: 72, fields: { peer_id, udp_port, ...keys } })
      expect(toHex(encode(hello, 'Hello', { peer_id, udp_port, ...keys }))).toBe(session.hello72)
      const sent = session.client_to_server.map(packet => ({ ...packet, key: session.client_send_key }))
      const received = session.server_to_client.map(packet => ({ ...packet, key: session.client_recv_key }))
      for (const packet of [...sent, ...received]) {
        const codec = source.create(protocol, { ...sealed(packet.key), state: 'open' })
        const opened = decode(codec, hex(packet.wire), WHOLE)
        expect(opened).toMatchObject({ fields: { sequence: packet.seq ?? packet.header!.seq, channel: packet.ch ?? packet.header!.ch ?? 0 } })
        const { frame, fields } = opened as { frame: string; fields: Record<string, unknown> }
        if (frame === 'Data') expect(toHex(encode(codec, frame, fields))).toBe(packet.wire)
      }
    })
  })

  describe(`fastnet records, ${source.name}`, () => {
    /** Decodes, writes again, and gives the plain value. */
    const record = (struct: string, bytes: string): Record<string, unknown> => {
      const codec = source.create(recordOf(protocol, struct))
      const seen = decode(codec, hex(bytes), WHOLE)
      if (!('fields' in seen)) throw new Error(JSON.stringify(seen))
      expect(toHex(encode(codec, struct, seen.fields))).toBe(bytes)
      return seen.fields
    }
    const refused = (struct: string, bytes: string) => decode(source.create(recordOf(protocol, struct)), hex(bytes), WHOLE)

    it('reads FEC headers', () => {
      for (const { data, group_size, parity_header } of file.fec.cases) {
        expect(record('FecHeader', parity_header)).toMatchObject({ kind: 'parity', group_size, group: 0, index: group_size })
        data.forEach(({ header }, index) => {
          expect(record('FecHeader', header)).toEqual({ kind: 'data', group_size, group: 0, index })
        })
      }
    })

    it('reads deltas and refuses cut ones', () => {
      const deltas = file.delta.cases.flatMap(entry => (entry.delta === null ? [] : [{ ...entry, delta: entry.delta }]))
      expect(deltas.length).toBeGreaterThan(5)
      for (const { delta, old, new: wanted } of deltas) {
        const { ranges } = record('Delta', delta) as { ranges: { offset: number; data: Uint8Array }[] }
        const state = hex(old)
        for (const { offset, data } of ranges) state.set(data, offset)
        expect(toHex(state)).toBe(wanted)
      }
      const cut = file.delta.apply_errors.filter(({ error }) => /^Truncated|Invalid delta header/.test(error))
      expect(cut.length).toBe(3)
      for (const { delta } of cut) expect(refused('Delta', delta)).toMatchObject({ error: 'TooSmall' })
    })

    it('reads tickets', () => {
      const { ticket } = file
      expect(record('TicketBody', ticket.plain.slice(32))).toMatchObject({
        peer: ticket.peer_id,
        send_key: hex(ticket.send_key),
        receive_key: hex(ticket.recv_key),
        expires: BigInt(ticket.expiry_unix),
      })
    })

    it('reads assets and their pieces', () => {
      for (const { info, name, file_hash, chunk_count, chunk_size, compress, get_chunk } of file.assets.cases) {
        expect(record('AssetInfo', info)).toMatchObject({ name, hash: hex(file_hash), chunks: chunk_count, chunk_size, compressed: compress })
        for (const chunk of get_chunk) {
          const { data, ...rest } = record('AssetChunk', chunk.serialized_with_transfer_id_5a)
          expect(rest).toEqual({ transfer: new Uint8Array(16).fill(0x5a), index: chunk.index, hash: hex(chunk.hash) })
          const tail = compress ? { is: 'Lz4', size: Number(hex(chunk.data)[1]) | (hex(chunk.data)[2]! << 8) } : { is: 'Raw', value: hex(chunk.data.slice(2)) }
          expect(data).toMatchObject(tail)
        }
      }
    })

    it('reads addresses', () => {
      for (const entry of file.migration_proof.cases.flatMap(pair => [pair.old_bytes, pair.new_bytes])) {
        const { family, ip } = record('Address', entry) as { family: string; ip: Uint8Array }
        expect([family, ip.length]).toEqual(entry.startsWith('04') ? ['ipv4', 4] : ['ipv6', 16])
      }
      expect(record('Address', file.migration_proof.cases[0]!.old_bytes)).toEqual({ family: 'ipv4', ip: hex('7f000001'), port: 1000n })
      expect(refused('Address', '05'.padEnd(36, '0'))).toMatchObject({ error: 'UnknownValue', offset: 0 })
    })
  })

  describe(`fastnet fallback and rendezvous, ${source.name}`, () => {
    it('seals the packet of the fallback', () => {
      const codec = source.create(hybrid, { ...sealed(file.hybrid.send_key), state: 'open' })
      const fields = { counter: 0n, channel: file.hybrid.channel, data: hex(file.hybrid.data) }
      expect(toHex(encode(codec, 'Data', fields))).toBe(file.hybrid.udp_datagram)
      expect(decode(codec, hex(file.hybrid.udp_datagram), WHOLE)).toMatchObject({ frame: 'Data', fields })
    })

    it('reads its hello', () => {
      const { hybrid_hello: hello } = file.captures
      const codec = source.create(hybrid, { state: 'hello' })
      expect(decode(codec, hex(hello.hello82), { whole: false, maxFrame: 1000 })).toMatchObject({
        frame: 'Hello',
        fields: { session_id: hex(hello.session), udp_port: hello.udp_port, client_key: hex(hello.client_send_key) },
      })
    })

    it('reads and writes every message of a recorded rendezvous', () => {
      const seen: string[] = []
      for (const { dir, body } of file.captures.signalling.log) {
        if (body === undefined) continue
        const codec = source.create(signalling, { dir: dir === 'to_server' ? 'client>server' : 'server>client' })
        const outcome = decode(codec, hex(body), WHOLE)
        if (body === '63') {
          expect(outcome).toMatchObject({ error: 'UnknownFrame', offset: 0, field: 'type' })
          continue
        }
        const { frame, fields } = outcome as { frame: string; fields: Record<string, unknown> }
        seen.push(frame)
        expect(toHex(encode(codec, frame, fields))).toBe(body)
      }
      const all = ['JoinRoom', 'Key', 'LeaveRoom', 'PeerJoined', 'PeerLeft', 'Punch', 'Register', 'Registered', 'Relay']
      expect([...new Set(seen)].sort()).toEqual(all)
    })
  })
}

/** Nonce: four zero bytes and the counter in little endian. */
function sealed(key: string): ReturnType<typeof hooks> {
  return hooks({
    aead: 'chacha20-poly1305',
    key: hex(key),
    nonce: frame => {
      const nonce = Buffer.alloc(12)
      nonce.writeBigUInt64LE(frame.clear('counter') as bigint, 4)
      return nonce
    },
  })
}

interface Packet {
  wire: string
  seq?: number
  ch?: number
  header?: { seq: number; ch?: number }
}

interface File {
  header: { cases: { hex: string; sequence: number; ack: number; ack_bitfield: number; flags: number; channel: number }[]; eleven_bytes_error: string }
  aead: { send_key: string; cases: { counter: string; packet: string; plaintext: string }[] }
  fec: { cases: { data: { header: string }[]; group_size: number; parity_header: string }[] }
  delta: { cases: { delta: string | null; old: string; new: string }[]; apply_errors: { delta: string; error: string }[] }
  ticket: { plain: string; peer_id: number; send_key: string; recv_key: string; expiry_unix: number }
  assets: {
    cases: {
      info: string
      name: string
      file_hash: string
      chunk_count: number
      chunk_size: number
      compress: boolean
      get_chunk: { data: string; hash: string; index: number; serialized_with_transfer_id_5a: string }[]
    }[]
  }
  migration_proof: { cases: { old_bytes: string; new_bytes: string }[] }
  hybrid: { channel: number; data: string; send_key: string; udp_datagram: string }
  captures: {
    secure_session: {
      hello72: string
      peer_id: number
      udp_port: number
      client_send_key: string
      client_recv_key: string
      client_to_server: Packet[]
      server_to_client: Packet[]
    }
    hybrid_hello: { hello82: string; session: string; udp_port: number; client_send_key: string }
    signalling: { log: { dir: string; body?: string }[] }
  }
}

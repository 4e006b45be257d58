// The behavioural sections of a schema as data: defaults, units, paths and conditions.

import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { exprText } from '../../../generator/emit/notation.ts'
import type { Protocol } from '../../../generator/index.ts'
import { behaviourOf, protocolOf, SHIPPED, shipped } from './load.ts'

describe('normalising', () => {
  it('finds nothing wrong in the shipped schemas and their profiles', () => {
    const names = SHIPPED.map(path => path.slice('schema/'.length, -'.yaml'.length))
    const found = names.flatMap(name => {
      const profiles = shipped(name).profiles.map(profile => profile.name)
      return [undefined, ...profiles].flatMap(profile =>
        behaviourOf(shipped(name, profile)).problems.map(one => ({ name, ...one })),
      )
    })
    expect(found).toEqual([])
  })

  it('fills in every limit, also those of a protocol that states none', () => {
    const { limits } = behaviourOf(small('')).behaviour
    expect(limits).toMatchObject({
      connections: 1024,
      idle: 60_000,
      overLimit: 'close',
      refreshIdle: 'opened',
      depth: 32,
    })
    expect(limits.rate).toEqual({ packets: Infinity, bytes: Infinity, burst: Infinity, before: 'deliver' })
    expect(Object.values(limits).filter(value => value === undefined)).toEqual([limits.strikes])
  })

  it('reads units: milliseconds, bytes, per second, and never as Infinity', () => {
    const { limits } = behaviourOf(
      small('limits: { idle: never, handshake: 2m, memory: 8MiB, rate: { packets: 600/m, bytes: 1MiB/s, burst: 20 } }'),
    ).behaviour
    expect(limits).toMatchObject({ idle: Infinity, handshake: 120_000, memory: 8 * 2 ** 20 })
    expect(limits.rate).toMatchObject({ packets: 10, bytes: 2 ** 20, burst: 20 })
  })

  it('lets a burst be one second of the rate when it is not given', () => {
    const { limits } = behaviourOf(small('limits: { rate: { packets: 50/s } }')).behaviour
    expect(limits.rate.burst).toBe(50)
  })

  it('finds a path in every frame that has it, as an expression in the scope of that frame', () => {
    const { replies, channelHeader } = behaviourOf(shipped('vstp')).behaviour
    const ack = replies.find(reply => reply.name === 'ack')!
    expect(ack.by).not.toBe('order')
    if (ack.by === 'order' || !ack.by) return
    expect(ack.by.request.frames.map(one => one.frame)).toEqual(['Data', 'Bye'])
    expect(ack.by.reply.frames.map(one => one.frame)).toEqual(['Ack'])
    expect(ack.by.request.frames[0]?.expr).toMatchObject({ is: 'member', name: 'msg_id', entry: true })
    expect(channelHeader?.paths.map(({ role, path }) => [role, path.frames.length])).toEqual([
      ['fragment_id', 8],
      ['fragment_index', 8],
      ['fragment_count', 8],
      ['fragment_flag', 8],
    ])
  })

  it('knows the bits that ask for a reply from a condition of bits and presence alone', () => {
    const { replies } = behaviourOf(shipped('vstp')).behaviour
    expect(replies.map(reply => [reply.name, reply.ask.map(path => path.text)])).toEqual([
      ['ack', ['flags.req_ack']],
      ['hello', []],
      ['ping', []],
    ])
  })

  it('takes channel_header from the frame that a path names', () => {
    const paths = behaviourOf(shipped('intentra')).behaviour.channelHeader!.paths
    const of = (role: string): string[] => paths.find(one => one.role === role)!.path.frames.map(one => one.frame)
    expect(of('seq')).toEqual(['Data'])
    expect(of('ack_bits')).toEqual(['Ack'])
    expect(of('ack')).toHaveLength(9)
  })

  it('gives reliable channels an acknowledgement, retransmission and congestion control, and others none', () => {
    const { channels } = behaviourOf(shipped('examples/chat')).behaviour
    const chat = channels.find(channel => channel.name === 'chat')!
    const presence = channels.find(channel => channel.name === 'presence')!
    expect(chat).toMatchObject({
      congestion: 'newreno',
      retransmit: { from: 100, to: 5000, times: 12 },
      ack: { after: 2 },
    })
    expect(presence).toMatchObject({ congestion: 'none', retransmit: undefined, ack: undefined })
    expect(channels.find(channel => channel.name === 'files')?.fragment).toMatchObject({ cut: 'content', above: 1100 })
  })

  it('reads a transfer with its three fields, and asks for those that are missing', () => {
    const fields = '{ number: u32, part: u32, parts: { type: u32, default: 0 }, payload: bytes }'
    const transfer = (keys: string): ReturnType<typeof behaviourOf> =>
      behaviourOf({
        ...protocolOf(
          `protocol: t\nversion: 1\nframes: { Part: { id: 1, channel: all, fields: ${fields} } }\nchannels: { all: { delivery: unreliable } }\n`,
        ),
        document: { channels: { all: { transfer: parse(`{ ${keys} }`) } } },
      })
    const { behaviour, problems } = transfer('id: number, index: part, count: parts, rto: 10ms..1s')
    expect(problems).toEqual([])
    expect(behaviour.channels[0]?.transfer).toMatchObject({
      above: 4096,
      cut: 'payload',
      window: 256,
      rto: { from: 10, to: 1000 },
    })
    expect(transfer('id: number').problems.map(one => one.path)).toEqual([
      'channels.all.transfer.index',
      'channels.all.transfer.count',
    ])
  })

  it('turns off with none what the delivery would switch on', () => {
    const { channels } = behaviourOf(shipped('intentra', 'crate-0.1.3')).behaviour
    expect(channels.find(channel => channel.name === 'reliable')).toMatchObject({
      retransmit: undefined,
      congestion: 'none',
    })
  })

  it('keeps the order of next states and resolves their conditions, frames counted among them', () => {
    const { states } = behaviourOf(shipped('intentra', 'crate-0.1.3')).behaviour
    const next = states[0]!.frames[0]!.next
    expect(next.map(step => [step.to, step.when && exprText(step.when)])).toEqual([
      ['init', "count('HsInit') < 3"],
      ['active', undefined],
    ])
    const answer = behaviourOf(shipped('hydra-sync')).behaviour.states[1]!
    expect(answer.frames[0]?.next[0]?.when).toMatchObject({ is: 'binary', right: { is: 'enumValue', name: 'success' } })
  })

  it('reads parameters in plain form: wide integers as bigint, texts as bytes where bytes are wanted', () => {
    const params = behaviourOf(shipped('hydra-sync')).behaviour.params
    expect(params.find(param => param.name === 'packet_len')).toMatchObject({
      fallback: { value: 4194304n },
      type: { kind: 'int' },
      min: 1n,
    })
    const [key] = behaviourOf(small("params: { key: { type: bytes(4), default: 'text:abcd' } }")).behaviour.params
    expect(key).toMatchObject({ type: { kind: 'bytes', size: 4 }, required: false })
    expect(key?.fallback).toEqual({ value: new TextEncoder().encode('abcd') })
  })

  it('counts a role also as those that stand for it', () => {
    const roles = behaviourOf(shipped('hydra-sync')).behaviour.roles
    expect(roles.find(role => role.name === 'producer')?.is).toEqual(['producer', 'client'])
    expect(roles.find(role => role.name === 'server')?.is).toEqual(['server'])
  })

  it('reads a handshake: TLS alone, or TLS with steps inside and what follows it', () => {
    expect(behaviourOf(shipped('vstp')).behaviour.handshake).toMatchObject({ script: undefined, unbuilt: [] })
    const { handshake } = behaviourOf(shipped('fastnet')).behaviour
    expect(handshake?.unbuilt).toEqual([])
    expect(handshake?.script).toMatchObject({
      steps: [{ by: 'server', frame: 'Hello', times: 1 }],
      ids: { place: { at: 1, size: 4, little: true }, offer: [{ in: 'Hello', isPayload: false, field: 'conn_id' }] },
      continuation: { close: 'tls', continueOn: 'udp', first: 'client', bindBy: 'field' },
      concurrent: 64,
    })
    expect(handshake?.frames).toEqual(['Hello'])
    expect(handshake?.tls).toMatchObject({
      versions: ['1.3'],
      serverName: { param: 'server_name' },
      verify: { param: 'ca' },
    })
  })

  it('reads where the parts of a sealed packet stand, so that it can be opened before it is decoded', () => {
    const [chat] = behaviourOf(shipped('examples/chat')).behaviour.seals
    expect(chat).toMatchObject({
      key: 'handshake',
      counter: { place: { at: 5, size: 8, little: false } },
      nonce: [
        { is: 'bytes', bytes: new Uint8Array(4) },
        { is: 'frame', at: 5, size: 8 },
      ],
      layout: {
        sealedAt: 13,
        behind: 0,
        aadFrom: 0,
        aadTo: 13,
        test: { place: { at: 0, shift: 4, mask: 15 }, values: [5] },
      },
      rekey: { by: 'ratchet', phase: { at: 0, shift: 2, mask: 3 }, seen: { at: 0, shift: 1, mask: 1 } },
    })
    const [, data] = behaviourOf(shipped('hydra-sync')).behaviour.seals
    expect(data).toMatchObject({ keyedByClear: true, replay: { by: 'increasing' }, rekey: { by: 'renew' } })
  })

  it('reads delimiters with escapes, fixed sizes and prefixes as framing', () => {
    const framing = (text: string): unknown =>
      behaviourOf(small(`transports: { tcp: { framing: '${text}', max_frame: 64KiB } }`)).behaviour.transports[0]
        ?.framing
    expect(framing('delimiter("\\r\\n")')).toEqual({ kind: 'delimiter', delimiter: Uint8Array.of(13, 10) })
    expect(framing('prefix(u24le)')).toMatchObject({ kind: 'prefix', type: { kind: 'int', bits: 24, little: true } })
    expect(framing('fixed(12)')).toEqual({ kind: 'fixed', size: 12 })
  })

  it('lets no frame be larger than its length prefix can say', () => {
    const { transports } = behaviourOf(
      small("transports: { tcp: { framing: 'prefix(u16)', max_frame: 1MiB } }"),
    ).behaviour
    expect(transports[0]?.maxFrame).toBe(65535)
  })

  it('gives buckets of metrics in seconds', () => {
    const { metrics } = behaviourOf(shipped('fastnet')).behaviour
    expect(metrics.find(metric => metric.kind === 'histogram')?.buckets).toEqual([0.001, 0.005, 0.02, 0.1, 0.5])
  })
})

describe('a mistake in a behavioural section', () => {
  const cases: readonly [what: string, yaml: string, path: string, message: RegExp][] = [
    ['a duration without unit', 'limits: { idle: 5 }', 'limits.idle', /no duration/],
    ['a frame that is not there', 'replies: { r: { to: Data, with: Nope } }', 'replies.r.with', /no frame Nope/],
    [
      'a path that no frame has',
      'replies: { r: { to: Data, with: Data, by: nothing } }',
      'replies.r.by',
      /frame Data has nothing/,
    ],
    ['a state that is not there', 'states: { open: { Data: away } }', 'states.open.Data', /no state away/],
    [
      'a condition on a missing field',
      'states: { open: { Data: { open: nope == 1, closed: else } } }',
      'states.open.Data.open',
      /no field named nope/,
    ],
    [
      'a condition that is a number',
      'states: { open: { Data: { open: len, closed: else } } }',
      'states.open.Data.open',
      /condition/,
    ],
    ['a frame to tell that is not there', 'on_error: { tell: Oops }', 'on_error.tell', /no frame Oops/],
    [
      'a prefix of a type that has no size',
      "transports: { tcp: { framing: 'prefix(f32)', max_frame: 64KiB } }",
      'transports.tcp.framing',
      /length prefix/,
    ],
    [
      'a session on a stream without bound',
      'transports: { tcp: { framing: self } }',
      'transports.tcp.max_frame',
      /max_frame/,
    ],
    [
      'a condition on an offset',
      'states: { open: { Data: { open: offset(len) > 1, closed: else } } }',
      'states.open.Data.open',
      /known only inside/,
    ],
  ]

  it.each(cases)('%s is reported at its path', (_what, yaml, path, message) => {
    const { problems } = behaviourOf(rawProtocol(yaml))
    expect(problems).toContainEqual(expect.objectContaining({ path, message: expect.stringMatching(message) }))
  })

  it('does not stop the rest from being read', () => {
    const { behaviour, problems } = behaviourOf(rawProtocol('limits: { idle: 5, handshake: 2, connections: 7 }'))
    expect(problems.map(one => one.path)).toEqual(['limits.handshake', 'limits.idle'])
    expect(behaviour.limits).toMatchObject({ idle: 60_000, handshake: 10_000, connections: 7 })
  })
})

const BASE = 'protocol: small\nversion: 1\nframes: { Data: { id: 1, fields: { len: u8, payload: bytes(len) } } }\n'

function small(section: string): Protocol {
  return protocolOf(`${BASE}${section}\n`)
}

/** A model whose document has a section that checks of the whole schema would already have refused. */
function rawProtocol(yaml: string): Protocol {
  return { ...small(''), document: { ...small('').document, ...(parse(yaml) as object) } }
}

// handlers.ts: which handlers an application must write, and what it may send.

import { describe, expect, it } from 'vitest'
import { rolePlans } from '../../../generator/emit/handlers/plan.ts'
import { emitHandlers } from '../../../generator/emit/handlers.ts'
import type { Protocol } from '../../../generator/index.ts'
import { behaviourOf, protocolOf, shipped } from './load.ts'

describe('handlers', () => {
  it('are required for what the runtime does not do by itself', () => {
    expect(required(shipped('vstp'), 'server')).toEqual(['Data'])
    expect(required(shipped('vstp'), 'client')).toEqual(['Data'])
    expect(required(shipped('hydra-sync'), 'consumer')).toEqual(['Data'])
  })

  it('are optional for the role whose frames a service takes', () => {
    expect(required(shipped('hydra-sync'), 'server')).toEqual([])
  })

  it('are required for every frame of a protocol that says nothing more about them', () => {
    const protocol = protocolOf('protocol: p\nversion: 1\nframes: { A: { id: 1 }, B: { id: 2, dir: client>server } }\n')
    expect(required(protocol, 'client')).toEqual(['A'])
    expect(required(protocol, 'server')).toEqual(['A', 'B'])
  })

  it('return the reply of a request that the runtime does not answer', () => {
    const text = textOf(shipped('examples/rpc'))
    expect(text).toMatch(/\bRequest\(frame: RequestReader, peer: P\): ResponseInput \| Promise<ResponseInput>/)
    expect(text).toMatch(/\bResponse\?\(frame: ResponseReader, peer: P\): void \| Promise<void>/)
  })

  it('say which of several replies they return', () => {
    const text = textOf(
      protocolOf(
        'protocol: p\nversion: 1\nframes: { Ask: { id: 1, dir: client>server }, Yes: { id: 2, dir: server>client }, No: { id: 3, dir: server>client } }\nreplies: { ask: { to: Ask, with: [ Yes, No ], by: order } }\n',
      ),
    )
    expect(text).toContain("{ frame: 'Yes'; value: YesInput } | { frame: 'No'; value: NoInput }")
  })

  it('are dispatched by a switch over the frames that the role receives', () => {
    const text = textOf(shipped('hydra-sync'))
    const consumer = text.slice(text.indexOf('export function dispatchConsumer'))
    expect(consumer).toMatch(/case 3:\n {6}return handlers\.Data\?\.\(frame as DataReader, peer\)/)
    expect(consumer.slice(0, consumer.indexOf('\n}\n'))).not.toContain('handlers.Join')
  })

  it('know what a role sends, receives and asks', () => {
    const text = textOf(shipped('hydra-sync'))
    expect(text).toMatch(
      /observer: \{\s+sends: 'Join' \| 'Poll'\s+receives: 'Status' \| 'Length' \| 'Metrics'\s+requests: \{ Poll: 'Metrics' \}/,
    )
    expect(text).toMatch(/dials: 'producer'\s+accepts: 'server'/)
  })

  it('take params by role: what has no default is required', () => {
    const text = textOf(shipped('examples/chat'))
    expect(text).toMatch(/interface ClientParams \{[^}]*readonly server_key: Uint8Array\n/)
    expect(text).toMatch(/interface ServerParams \{[^}]*readonly static_key\?: Uint8Array \| 'generate' \| undefined\n/)
  })

  it('keep apart from frames that are called like types of the runtime', () => {
    const text = textOf(protocolOf('protocol: p\nversion: 1\nframes: { Peer: { id: 1 }, Say: { id: 2 } }\n'))
    expect(text).toContain('Peer as RuntimePeer')
    expect(text).toContain("export type ClientPeer = RuntimePeer<PTypes, 'client'>")
  })
})

function required(protocol: Protocol, role: string): string[] {
  const plan = rolePlans(protocol, behaviourOf(protocol).behaviour).find(one => one.role.name === role)!
  return plan.receives.filter(one => one.optional === undefined).map(one => one.frame.name)
}

function textOf(protocol: Protocol): string {
  return emitHandlers(protocol, behaviourOf(protocol).behaviour, { runtime: '../../runtime/codegen/v1.ts' })
}

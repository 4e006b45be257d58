// Where a frame finds its own end (`self`, `packed`), nothing in it may take "the rest": there is none. And a sealed
// run must have a size that is known before it is opened (docs/language, "Transports and framing").

import type { Span } from '../language/ast.ts'
import type { Body, Expr, Field, Frame, Group, Node, Protocol, Type } from '../model/model.ts'
import { type Check, type Subject, section } from './subject.ts'
import { inType, partsOf } from './walk.ts'

export const unbounded: Check = subject => {
  for (const frame of endingThemselves(subject)) {
    const found = new Search(subject.protocol).body(frame.body)
    if (found) report(subject, frame, found)
  }
}

/** Frames that come over a transport, or in a handshake, whose framing leaves their end to them. */
function endingThemselves(subject: Subject): Frame[] {
  const { behaviour, protocol } = subject
  const handshake = new Set(behaviour.handshake?.frames ?? [])
  const own = section(subject, 'handshake').framing
  const frames = new Set<Frame>()
  for (const transport of behaviour.transports) {
    const session = transport.use === 'session' && ENDLESS.includes(transport.framing.kind)
    const begin = own === undefined ? ENDLESS.includes(transport.framing.kind) : ENDLESS.includes(String(own))
    const here = behaviour.handshake?.transport === undefined || behaviour.handshake.transport === transport.kind
    for (const frame of protocol.frames.values()) {
      if (handshake.has(frame.name) ? begin && here : session) frames.add(frame)
    }
  }
  return [...frames]
}

interface Endless {
  readonly field: Field | Group
  readonly why: string
  readonly hint: string
  readonly span?: Span
}

class Search {
  readonly #protocol: Protocol
  readonly #open = new Set<string>()

  constructor(protocol: Protocol) {
    this.#protocol = protocol
  }

  body(body: Body): Endless | undefined {
    return this.#first(body.nodes)
  }

  #first(nodes: readonly Node[]): Endless | undefined {
    for (const node of nodes) {
      const found = node.kind === 'field' ? this.#field(node) : this.#group(node)
      if (found) return found
    }
    return undefined
  }

  #field(field: Field): Endless | undefined {
    const remaining = field.if && remainingIn(field.if)
    if (remaining) return { field, why: 'asks for the bytes that remain', hint: LENGTH, span: remaining }
    if (!field.from && this.#rest(field.type)) return { field, why: 'takes the rest of the frame', hint: LENGTH }
    return undefined
  }

  #group(group: Group): Endless | undefined {
    if (group.seal) return this.#sealed(group)
    if (group.extent && group.extent.by !== 'rest') return undefined
    if (group.extent) return { field: group, why: 'takes the rest of the frame', hint: LENGTH }
    return this.#first(group.nodes)
  }

  /** The size in front of the seal may use constants, params, session values and fields that stand before it. */
  #sealed(group: Group): Endless | undefined {
    const { extent } = group
    if (extent && extent.by !== 'rest') return undefined
    return { field: group, why: 'has a size that is known only after opening', hint: SEALED }
  }

  #rest(type: Type): boolean {
    switch (type.kind) {
      case 'bytes':
      case 'text':
      case 'number':
        return true
      case 'region':
        return type.extent.by === 'rest'
      case 'list':
        if (type.count.by === 'rest') return true
        if (inType(type).some(expr => remainingIn(expr))) return true
        return this.#rest(type.of)
      case 'struct':
        return this.#once(
          type.name,
          () => this.#first(this.#protocol.structs.get(type.name)?.body.nodes ?? []) !== undefined,
        )
      case 'union':
        return this.#once(type.name, () => this.#anyVariant(type.name))
      default:
        return false
    }
  }

  #anyVariant(name: string): boolean {
    const variants = this.#protocol.unions.get(name)?.variants ?? []
    return variants.some(variant =>
      variant.value ? this.#rest(variant.value) : this.#first(variant.body.nodes) !== undefined,
    )
  }

  /** A type inside itself adds nothing that the outer one has not. */
  #once(name: string, look: () => boolean): boolean {
    if (this.#open.has(name)) return false
    this.#open.add(name)
    const found = look()
    this.#open.delete(name)
    return found
  }
}

function remainingIn(expr: Expr): Expr | undefined {
  return partsOf(expr).find(part => part.is === 'special' && part.name === 'remaining')
}

function report(subject: Subject, frame: Frame, { field, why, hint, span }: Endless): void {
  const path = pathOf(subject, frame, field)
  subject.document.report(path, {
    code: 'unbounded',
    message: `${field.name} ${why}, but this framing gives ${frame.name} no end`,
    hint,
    span,
  })
}

/** Where the field is written: in the frame, in the envelope, or in a struct that is written in place there. */
function pathOf(subject: Subject, frame: Frame, field: Field | Group): readonly string[] {
  const own = section(subject, 'frames', frame.name, 'fields')
  if (field.name in own) return ['frames', frame.name, 'fields', field.name]
  const envelope = section(subject, 'envelope')
  const fields = section(subject, 'envelope', 'fields')
  if (field.name in fields) return ['envelope', 'fields', field.name]
  if (field.name in envelope) return ['envelope', field.name]
  for (const [name, struct] of subject.protocol.structs) {
    if (struct.place.file === field.place.file && field.name in section(subject, 'structs', name))
      return ['structs', name, field.name]
  }
  return ['frames', frame.name]
}

const ENDLESS: readonly string[] = ['self', 'packed']
const LENGTH = 'give it a length, as in bytes(u16) or frame in(u16), or use framing prefix(u32)'
const SEALED = 'use framing prefix(u32), or sizes that do not stand inside the seal'

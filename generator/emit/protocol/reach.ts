// How the expressions of a descriptor reach the fields of a decoded frame: through the getters of its reader.

import type { Expr, Field, Node, Protocol, Type } from '../../model/model.ts'
import { fieldsOf } from '../../model/walk.ts'
import { innerType } from '../../normalize/path.ts'
import { ATOM, type Code, emitExpr, plainCode, type Reach } from '../expr.ts'
import { camel, frameTypeName } from '../names.ts'
import type { Request } from '../request.ts'
import type { DescriptorUnit } from './unit.ts'

/** A value over the reader of `frame`, which is in the variable `frame`. May throw, where `fails` says so. */
export function overReader(expr: Expr, frame: string, protocol: Protocol, unit: DescriptorUnit): Code {
  const type = `${frameTypeName(protocol, frame)}Reader`
  unit.reader(type)
  return emitExpr(expr, new ReaderReach(protocol, frame, `(frame as ${type})`, unit))
}

class ReaderReach implements Reach {
  readonly protocol: Protocol
  readonly source: string
  readonly context: string
  readonly #reader: string
  readonly #unit: DescriptorUnit
  readonly #fields: ReadonlyMap<string, Field>
  readonly #conditional: ReadonlySet<string>

  constructor(protocol: Protocol, frame: string, reader: string, unit: DescriptorUnit) {
    const { body } = protocol.frames.get(frame)!
    this.protocol = protocol
    this.source = `${reader}.byteSource`
    this.context = `${reader}.byteInput.context`
    this.#reader = reader
    this.#unit = unit
    this.#fields = new Map(fieldsOf(body.nodes).map(field => [field.name, field]))
    const always = new Set(body.nodes.flatMap(node => alwaysThere(node)))
    this.#conditional = new Set([...this.#fields.keys()].filter(name => !always.has(name)))
  }

  request(request: Request): Code {
    const field = request.up === 0 ? this.#fields.get(request.name) : undefined
    const absent = this.#conditional.has(request.name)
    const text = `${this.#reader}.${request.name}`
    if (field && request.what === 'value') return plainCode(this.protocol, text, field.type, field.number, absent)
    if (field && request.what === 'present') {
      return { text: absent ? `${text} !== undefined` : 'true', form: 'boolean', prec: absent ? 9 : ATOM }
    }
    if (field && request.what === 'count') {
      return {
        text: absent ? `(${text}?.length ?? 0)` : `${text}.length`,
        form: 'number',
        prec: ATOM,
        low: 0n,
        high: 1n << 53n,
      }
    }
    if (field && request.what === 'size') return this.#size(text, field, absent)
    throw new Error(`${request.what} of ${request.name || 'a record'} is not known once a frame is decoded`)
  }

  /** Bytes of bytes or text; normalising refused other fields. */
  #size(text: string, field: Field, absent: boolean): Code {
    const isText = innerType(field.type).kind === 'text'
    const measured = isText ? `${this.use('textSize')}(${text}${absent ? " ?? ''" : ''})` : `${text}.length`
    const size = absent && !isText ? `(${text}?.length ?? 0)` : measured
    return { text: size, form: 'number', prec: ATOM, low: 0n, high: 1n << 53n }
  }

  space(space: string, name: string): string {
    return `${this.context}.${space}['${name}']`
  }

  /** Readers have a getter for each well-known entry: `headersMsgId`. */
  entry(of: Expr, name: string): Code {
    const field = of.is === 'field' ? this.#fields.get(of.name) : undefined
    const entry = field?.map?.entries.find(one => one.name === name)
    if (!field || !entry) throw new Error(`there is no entry ${name}`)
    return plainCode(
      this.protocol,
      `${this.#reader}.${camel(field.name)}${camel(`x_${name}`).slice(1)}`,
      entry.type,
      undefined,
      true,
    )
  }

  containsOwn(): boolean {
    return false
  }

  remaining(): Code {
    throw new Error('nothing remains once a frame is decoded')
  }

  next(_type: Type): Code {
    throw new Error('nothing comes next once a frame is decoded')
  }

  use(name: string): string {
    return this.#unit.use(name)
  }

  constant(hint: string, text: string): string {
    return this.#unit.constant(hint, text)
  }
}

function alwaysThere(node: Node): string[] {
  if (node.if) return []
  return node.kind === 'field' ? [node.name] : node.nodes.flatMap(alwaysThere)
}

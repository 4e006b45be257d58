// Expressions of handshakes, key schedules and seals as functions over a KeyScope (runtime/core/handshake-descriptor.ts).

import type { Expr, Protocol, Type } from '../../model/model.ts'
import { fieldAt } from '../../normalize/key-expressions.ts'
import { ATOM, type Code, emitExpr, plainCode, type Reach } from '../expr.ts'
import { isIntegral, isNarrow } from '../facts.ts'
import { quote } from '../naming.ts'
import type { Request } from '../request.ts'
import type { DescriptorUnit } from './unit.ts'

/** `scope => ..`. `as`: the type of the field that takes the value, where bytes may stand for a number. */
export function keyFunction(expr: Expr, protocol: Protocol, unit: DescriptorUnit, as?: Type): string {
  const code = asField(emitExpr(expr, new ScopeReach(protocol, unit)), protocol, unit, as)
  return `${code.text.includes('scope') ? 'scope' : '()'} => ${code.text}`
}

/** The same for keys that a user supplies: a param as it is, be it a key, a list of keys, or the word `any`. */
export function keyValue(expr: Expr, protocol: Protocol, unit: DescriptorUnit): string {
  const isPlain = expr.is === 'space' && (expr.space === 'param' || expr.space === 'session')
  return isPlain ? `scope => scope.${expr.space}[${quote(expr.name)}]` : keyFunction(expr, protocol, unit)
}

/** Drawn bytes become the number that an integer field holds, and a number of any width what that field takes. */
function asField(code: Code, protocol: Protocol, unit: DescriptorUnit, as: Type | undefined): Code {
  if (!as || !isIntegral(as) || (code.form !== 'bytes' && code.form !== 'bigint')) return code
  const text = code.form === 'bytes' ? `${unit.use('bytesNumber')}(${code.text})` : code.text
  return { ...code, text: isNarrow(protocol, as) ? `Number(${text})` : text, form: 'bigint', prec: ATOM }
}

class ScopeReach implements Reach {
  readonly protocol: Protocol
  readonly source = 'scope'
  readonly context = 'scope'
  readonly #unit: DescriptorUnit

  constructor(protocol: Protocol, unit: DescriptorUnit) {
    this.protocol = protocol
    this.#unit = unit
  }

  space(space: string, name: string): string {
    if (space === 'counter') return 'scope.counter'
    if (this.protocol.roles.has(space)) return `scope.publicKey(${quote(`${space}.${name}`)})`
    return `scope.${space}[${quote(name)}]`
  }

  frameField({ frame, path }: Extract<Expr, { is: 'frameField' }>): Code {
    const field = fieldAt(this.protocol, frame, path)
    if (!field) throw new Error(`there is no field ${frame}.${path.join('.')}`)
    const [first, ...rest] = path.map(quote)
    const text = `scope.frames[${quote(frame)}]?.[${first}]`
    if (rest.length > 0) throw new Error(`${frame}.${path.join('.')} is inside a struct`)
    const code = plainCode(this.protocol, text, field.type, field.number)
    const form = FORMS[code.form]
    if (!form) throw new Error(`${frame}.${path.join('.')} has no bytes`)
    return { ...code, text: `(${this.use('there')}(${text}) as ${form})`, prec: ATOM, fails: true }
  }

  dh(pairs: readonly Expr[]): Code {
    const names = pairs.map(pair => (pair.is === 'space' ? quote(`${pair.space}.${pair.name}`) : "''"))
    return { text: `scope.dh(${names.join(', ')})`, form: 'bytes', prec: ATOM, fails: true }
  }

  request({ what, name }: Request): Code {
    throw new Error(`${what} of ${name || 'a record'} is not known in a handshake`)
  }

  remaining(): Code {
    throw new Error('nothing remains in a handshake')
  }

  next(): Code {
    throw new Error('nothing comes next in a handshake')
  }

  entry(_of: Expr, name: string): Code {
    throw new Error(`the entry ${name} is not known in a handshake`)
  }

  use(name: string): string {
    return this.#unit.use(name)
  }

  constant(hint: string, text: string): string {
    return this.#unit.constant(hint, text)
  }
}

const FORMS: Readonly<Partial<Record<Code['form'], string>>> = {
  number: 'number',
  bigint: 'bigint',
  bytes: 'Uint8Array',
  string: 'string',
  enumName: 'string',
}

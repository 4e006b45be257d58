// Params: the values that a user gives a protocol. Defaults are filled in, types and ranges checked. A secret never
// appears in a message.

import { LocalError } from './errors.ts'
import type { KeyScope, KeyValue } from './handshake-descriptor.ts'
import type { ParamDescriptor, ParamType, ProtocolDescriptor, RoleDescriptor } from './protocol.ts'

export interface ParamSources {
  /** The host that is dialled, for `default: target`. */
  readonly target?: string | undefined
  /** `n` random bytes, for `default: generate`. */
  readonly random: (n: number) => Uint8Array
}

/**
 * The params of a role, complete. A param without value (`default: none`) is absent; `any` is the text `any`.
 * Throws LocalError MissingParam, BadParam, Authentication where the keys are missing that the peer is known by.
 */
export function resolveParams(
  protocol: ProtocolDescriptor,
  role: RoleDescriptor,
  given: Readonly<Record<string, unknown>>,
  sources: ParamSources,
): Record<string, unknown> {
  const known = protocol.params.map(param => param.name)
  for (const name of Object.keys(given))
    if (!known.includes(name))
      throw new LocalError(
        'BadParam',
        `${protocol.name} has no param "${name}"; ${known.length === 0 ? 'it has none' : `there is ${known.join(', ')}`}`,
      )
  const values: Record<string, unknown> = {}
  for (const param of protocol.params) {
    const value = given[param.name]
    if (value !== undefined) values[param.name] = checked(param, value)
    else if (isFor(param, role)) {
      const fallback = defaultOf(param, protocol, role, sources)
      if (fallback !== undefined) values[param.name] = fallback
    }
  }
  return values
}

/** Whether the role is given this param. */
export function isFor(param: ParamDescriptor, role: RoleDescriptor): boolean {
  return param.for.length === 0 || param.for.some(name => role.is.includes(name))
}

function defaultOf(
  param: ParamDescriptor,
  protocol: ProtocolDescriptor,
  role: RoleDescriptor,
  sources: ParamSources,
): unknown {
  const { fallback, type } = param
  if (fallback === undefined) {
    if (param.required) throw missing(param, protocol, role)
    return undefined
  }
  if ('value' in fallback) return plain(fallback.value)
  switch (fallback.word) {
    case 'none':
      return undefined
    case 'any':
      return 'any'
    case 'target':
      return sources.target
    case 'generate':
      if (type.kind !== 'bytes' || type.size === undefined)
        throw new LocalError('MissingParam', `param "${param.name}" cannot be generated: give it a value`)
      return sources.random(type.size)
  }
}

function missing(param: ParamDescriptor, protocol: ProtocolDescriptor, role: RoleDescriptor): LocalError {
  const doc = param.doc === undefined ? '' : ` (${param.doc})`
  const example = param.type.kind === 'bytes' ? 'bytes' : shape(param.type)
  return new LocalError(
    knowsPeerBy(protocol, role).includes(param.name) ? 'Authentication' : 'MissingParam',
    `${protocol.name} needs the param "${param.name}"${doc}, which is ${example}`,
  )
}

/** Params that hold the keys by which this role knows its peer: what `accept` and `remote` of the handshake read. */
function knowsPeerBy({ handshake }: ProtocolDescriptor, role: RoleDescriptor): readonly string[] {
  const noise = handshake?.script?.noise
  return ['', ...role.is].flatMap(name => [noise?.accept[name], noise?.remote[name]].flatMap(paramsRead))
}

/** Names of the params that an expression of a handshake reads. */
export function paramsRead(value: KeyValue | undefined): string[] {
  const read: string[] = []
  const param = new Proxy<Record<string, unknown>>({}, { get: (_, name) => void read.push(String(name)) })
  try {
    value?.({ param } as KeyScope)
  } catch {
    // It computes with what it read, and nothing is there: what it read is known all the same.
  }
  return read
}

function checked(param: ParamDescriptor, value: unknown): unknown {
  const word = param.fallback && 'word' in param.fallback ? param.fallback.word : undefined
  if (value === word && (word === 'none' || word === 'any')) return word === 'none' ? undefined : value
  if (!hasType(param.type, value))
    throw new LocalError('BadParam', `param "${param.name}" must be ${shape(param.type)}, not ${kindOf(value)}`)
  const { min, max } = param
  if (param.type.kind === 'int') {
    const number = BigInt(value as number | bigint)
    if ((min !== undefined && number < min) || (max !== undefined && number > max))
      throw new LocalError('BadParam', `param "${param.name}" must be ${min ?? 'any'} to ${max ?? 'any'}`)
  }
  return plain(value)
}

/** Numbers as codecs give them: a number up to 53 bits, else a bigint. */
function plain(value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return value <= Number.MAX_SAFE_INTEGER && value >= Number.MIN_SAFE_INTEGER ? Number(value) : value
}

function hasType(type: ParamType, value: unknown): boolean {
  switch (type.kind) {
    case 'int':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value))
    case 'float':
      return typeof value === 'number'
    case 'bool':
      return typeof value === 'boolean'
    case 'text':
      return typeof value === 'string'
    case 'bytes':
      return value instanceof Uint8Array && (type.size === undefined || value.length === type.size)
    case 'list':
      return Array.isArray(value) && value.every(item => hasType(type.of, item))
  }
}

function shape(type: ParamType): string {
  switch (type.kind) {
    case 'int':
      return 'an integer'
    case 'float':
      return 'a number'
    case 'bool':
      return 'true or false'
    case 'text':
      return 'a text'
    case 'bytes':
      return type.size === undefined ? 'bytes (Uint8Array)' : `${type.size} bytes (Uint8Array)`
    case 'list':
      return `a list, each item ${shape(type.of)}`
  }
}

/** What was given, without its value: it may be a secret. */
function kindOf(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value)) return `a list of ${value.length}`
  return value === null ? 'null' : `a ${typeof value}`
}

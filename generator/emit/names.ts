// Identifiers of generated code. Schema names are kept as they are (fields lower_snake, types UpperCamel); everything the
// emitter adds is camelCase with a capital inside, so that it can never meet a schema name.
import type { Protocol } from '../model/model.ts'
import { className } from './naming.ts'

/** `key_len` -> `keyLen`, `_pad` -> `pad`. */
export function camel(name: string): string {
  const inner = className(name)
  return inner.charAt(0).toLowerCase() + inner.slice(1)
}

/** `Data` -> `DATA`, `HsInit` -> `HS_INIT`, `key_len` -> `KEY_LEN`. */
export function constant(name: string): string {
  return name
    .replace(/^_+/, '')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^a-zA-Z0-9]+/g, '_')
    .toUpperCase()
}

/** The type of a frame in types.ts: its own name, unless a struct, union, enum or bit set has it too. */
export function frameTypeName(protocol: Protocol, frame: string): string {
  const { structs, unions, enums, bitsets } = protocol
  return [structs, unions, enums, bitsets].some(map => map.has(frame)) ? `${frame}Frame` : frame
}

/** `VstpCodec`: the class that implements `Codec`. */
export function codecName(protocol: Protocol): string {
  return `${className(protocol.name)}Codec`
}

/** Names handed out once each: a taken one gets a number. */
export class Names {
  private readonly taken = new Set<string>()

  constructor(reserved: Iterable<string> = []) {
    for (const name of reserved) this.taken.add(name)
  }

  unique(wanted: string): string {
    let name = wanted
    for (let n = 2; this.taken.has(name); n++) name = `${wanted}${n}`
    this.taken.add(name)
    return name
  }
}

/** A local variable for a field: its own name where JavaScript and the emitter's own variables allow it. */
export function localName(field: string): string {
  return RESERVED.has(field) ? `${field}_` : field
}

/** Words that no local variable may be called: JavaScript's, and the parameters and locals of generated functions. */
const RESERVED: ReadonlySet<string> = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends ' +
    'false finally for function if implements import in instanceof interface let new null package private protected ' +
    'public return static super switch this throw true try typeof undefined var void while with yield async of ' +
    'b at end input path copy value into view context item items prev p n i fault size from to count tag key given'
  ).split(' '),
)

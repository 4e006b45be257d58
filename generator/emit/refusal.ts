// Errors in generated decoders: the paths of fields, and what an `else` puts in their place.
import type { CodeBlockWriter } from 'ts-morph'
import type { DecodeScope, Else } from './decode-scope.ts'
import { constant } from './names.ts'
import { quote } from './naming.ts'

/** Names of a value in messages and variables. */
export interface Label {
  /** What variables are called after. */
  readonly name: string
  /** A group gives no part to paths. */
  readonly nameless?: boolean
  /** Code of the field path. */
  readonly path: string
  /** Code of the path of what is inside, with its dot, as a prefix. */
  readonly error: Else
}

/** Statements whose errors are replaced by an `else`. */
export function tried(writer: CodeBlockWriter, error: Else, layout: boolean, inside: () => void): void {
  const { named, soft } = error
  if (named === undefined && soft === undefined) {
    inside()
    return
  }
  if (named === undefined && layout) writer.writeLine('const nesting = input.nesting')
  writer.write('try ').inlineBlock(inside).write(' catch (fault) ')
  writer.block(() => {
    if (named !== undefined) writer.writeLine(`throw input.named(fault, ${quote(named)})`)
    else if (!layout) writer.writeLine(`throw input.named(fault, ${quote(soft!)})`)
    else writer.writeLine(`throw input.namedUnlessCut(fault, ${quote(soft!)}, nesting)`)
  })
}

/** Code of an error: the one that `else` names, or the built-in one. */
export function refusal(code: string, at: string, label: Label, name: string | undefined): string {
  return name === undefined
    ? `input.refuse(${quote(code)}, ${at}, ${label.path})`
    : `input.refuseAs(${quote(name)}, ${at}, ${label.path})`
}

/** Code of the path of a field. */
export function pathOf(scope: DecodeScope, name: string): string {
  if (scope.reading) return "''"
  return scope.frame ? quote(name) : `\`\${path}.${name}\``
}

/** Code of the path of a group, which gives no part. */
export function groupPath(scope: DecodeScope): string {
  return scope.frame || scope.reading ? "''" : 'path'
}

/** Code of what stands in front of the names of a run. */
export function prefixPath(scope: DecodeScope): string {
  return scope.frame ? "''" : scope.listed.item !== undefined || scope.body.nodes.length === 0 ? 'path' : '`${path}.`'
}

export function runConstant(scope: DecodeScope, fields: readonly [string, number][]): string {
  const text = `[${fields.map(([name, bits]) => `${quote(scope.body.nodes.length === 0 && !scope.frame ? '' : name)}, ${bits}`).join(', ')}]`
  const [first] = fields[0]!
  const [last] = fields.at(-1)!
  const name = first === last ? first || 'prefix' : `${first}_to_${last}`
  return scope.constant(constant(name), text)
}

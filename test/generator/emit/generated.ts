// Generated code, compiled and loaded in memory: the text of the emitters goes through TypeScript and runs beside the real
// runtime, so that a test can hold it against the interpreter without writing files.
import ts from 'typescript'
import { emitCodec } from '../../../generator/emit/codec.ts'
import { codecName } from '../../../generator/emit/names.ts'
import { emitTypes } from '../../../generator/emit/types.ts'
import type { Protocol } from '../../../generator/model/model.ts'
import * as runtime from '../../../runtime/codegen/v1.ts'
import type { Codec, Context } from '../../../runtime/wire/codec.ts'

export const RUNTIME = '../../runtime/codegen/v1.ts'

/** The texts of `types.ts` and `codec.ts`. */
export function generatedTexts(protocol: Protocol): { readonly types: string; readonly codec: string } {
  const known = TEXTS.get(protocol)
  if (known) return known
  const options = { runtime: RUNTIME }
  const texts = { types: emitTypes(protocol, options), codec: emitCodec(protocol, options) }
  TEXTS.set(protocol, texts)
  return texts
}

/** Everything that the generated `codec.ts` exports. */
export function generatedModule(protocol: Protocol): Readonly<Record<string, unknown>> {
  const known = MODULES.get(protocol)
  if (known) return known
  const { types, codec } = generatedTexts(protocol)
  const typesModule = load(types, {})
  const module = load(codec, { './types.ts': typesModule })
  MODULES.set(protocol, module)
  return module
}

/** A codec of the generated class. */
export function generatedCodec(protocol: Protocol, context: Context): Codec {
  const Class = generatedModule(protocol)[codecName(protocol)] as new (context: Context) => Codec
  return new Class(context)
}

function load(text: string, modules: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.CommonJS },
  })
  const exports: Record<string, unknown> = {}
  const known: Readonly<Record<string, unknown>> = { [RUNTIME]: runtime, ...modules }
  const require = (specifier: string): unknown => {
    if (specifier in known) return known[specifier]
    throw new Error(`generated code imports ${specifier}`)
  }
  new Function('require', 'exports', outputText)(require, exports)
  return exports
}

const TEXTS = new WeakMap<Protocol, { readonly types: string; readonly codec: string }>()
const MODULES = new WeakMap<Protocol, Readonly<Record<string, unknown>>>()

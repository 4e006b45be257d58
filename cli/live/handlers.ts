// Loads a handler file: a module, TypeScript or JavaScript, whose default export (or `handlers`, or named exports) has one
// method for each frame.

import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Failure, missing } from '../failure.ts'
import { suggestion } from '../input/suggest.ts'

// biome-ignore lint/suspicious/noExplicitAny: whatever the user's module exports
export type Handler = (frame: any, peer: any) => unknown
export type Handlers = Readonly<Record<string, Handler>>

/** @param frames names of the frames that this role may receive */
export async function loadHandlers(file: string, frames: readonly string[]): Promise<Handlers> {
  const path = resolve(file)
  if (!existsSync(path)) throw missing(`${file}: no such file`)
  const methods = methodsOf(await load(file, path))
  const unknown = Object.keys(methods).find(name => !frames.includes(name))
  if (unknown !== undefined)
    throw unusable(file, `it handles ${unknown}, which never arrives here${suggestion(unknown, frames)}`)
  if (Object.keys(methods).length === 0)
    throw unusable(file, `it exports no handler; frames that arrive are ${frames.join(', ')}`)
  return methods
}

async function load(file: string, path: string): Promise<Record<string, unknown>> {
  if (/\.m?ts$/.test(path)) stripTypes()
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    if (process.env.DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`)
    throw unusable(file, `${error}`.split('\n')[0]!)
  }
}

/** The methods of the object that the module exports. */
function methodsOf(module: Record<string, unknown>): Handlers {
  const exported = module.default ?? module.handlers ?? module
  const instance =
    typeof exported === 'function' && exported.prototype ? new (exported as new () => object)() : exported
  if (typeof instance !== 'object' || instance === null) return {}
  const names = new Set([
    ...Object.keys(instance),
    ...Object.getOwnPropertyNames(Object.getPrototypeOf(instance) ?? {}),
  ])
  const found: Record<string, Handler> = {}
  for (const name of names) {
    const method = (instance as Record<string, unknown>)[name]
    if (/^[A-Z]/.test(name) && typeof method === 'function') found[name] = method.bind(instance) as Handler
  }
  return found
}

/** Once; newer Nodes strip types by themselves. */
function stripTypes(): void {
  const { typescript } = process.features as { typescript?: string | false }
  if (typescript || registered) return
  registered = true
  register(
    new URL(import.meta.url.endsWith('.ts') ? './typescript-hooks.ts' : './typescript-hooks.js', import.meta.url),
  )
}

function unusable(file: string, why: string): Failure {
  return new Failure('invalid', 'BadHandler', `${file}: ${why}`)
}

let registered = false

// The SCHEMA argument of every command: a YAML file, or the name of a schema that ships with the package.

import { existsSync, statSync } from 'node:fs'
import { isAbsolute, relative, resolve } from 'node:path'
import { missing } from './failure.ts'
import { suggestion } from './input/suggest.ts'
import { shippedSchemas } from './package.ts'

export interface SchemaFile {
  /** How the user calls it: the name of a shipped schema, or the path as given. */
  readonly name: string
  /** Absolute path. */
  readonly file: string
  readonly shipped: boolean
}

/** Finds a schema, or says what is missing and what was probably meant. */
export function findSchema(argument: string): SchemaFile {
  const shipped = shippedSchemas()
  const named = shipped.find(schema => schema.name === argument)
  if (named) return { name: argument, file: named.file, shipped: true }
  if (!looksLikePath(argument)) {
    const known = shipped.map(schema => schema.name)
    throw missing(`there is no schema "${argument}"${suggestion(argument, known)} (a file is given with its .yaml)`)
  }
  const file = resolve(argument)
  if (!existsSync(file)) throw missing(`${argument}: no such file`)
  if (statSync(file).isDirectory()) throw missing(`${argument} is a directory, a schema is a YAML file`)
  return { name: argument, file, shipped: shipped.some(schema => schema.file === file) }
}

/** A path as people read it: relative to the working directory where it lies below it. */
export function shownPath(file: string): string {
  const near = relative(process.cwd(), file)
  return near === '' || near.startsWith('..') || isAbsolute(near) ? file : near
}

function looksLikePath(argument: string): boolean {
  return /[/\\]|\.ya?ml$/.test(argument) || (existsSync(argument) && statSync(argument).isFile())
}

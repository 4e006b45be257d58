// `--set PARAM=VALUE`: values for the params of a schema. `@FILE` and `env:NAME` keep secrets out of the command line.

import { readFileSync } from 'node:fs'
import type { Param, Protocol } from '../../generator/model/model.ts'
import { Failure, missing, usage } from '../failure.ts'
import { suggestion } from './suggest.ts'

/** The text given for each param, not yet read as a value of its type. */
export interface Setting {
  readonly param: Param
  readonly text: string
  /** Where it came from; secret values are never printed, this is. */
  readonly from: 'argument' | 'file' | 'environment'
  /** Content of the file, for params that hold bytes. */
  readonly content?: Uint8Array
}

/** Checks names and resolves files and variables. The last of several for one param counts. */
export function readSettings(protocol: Protocol, given: readonly string[] | undefined): Setting[] {
  const settings = new Map<string, Setting>()
  for (const setting of given ?? []) {
    const at = setting.indexOf('=')
    if (at < 1) throw usage(`--set ${setting}: write PARAM=VALUE`)
    const name = setting.slice(0, at)
    const param = protocol.params.get(name)
    if (!param) {
      const known = [...protocol.params.keys()]
      const none = known.length === 0 ? `; ${protocol.name} has no params` : suggestion(name, known)
      throw usage(`--set ${name}: there is no such param${none}`)
    }
    settings.set(name, { param, ...resolve(name, setting.slice(at + 1)) })
  }
  return [...settings.values()]
}

function resolve(name: string, value: string): Omit<Setting, 'param'> {
  if (value.startsWith('@')) {
    const content = readFileSync(value.slice(1))
    return { text: content.toString('utf8').replace(/\r?\n$/, ''), from: 'file', content }
  }
  if (value.startsWith('env:')) {
    const text = process.env[value.slice(4)]
    if (text === undefined) throw missing(`--set ${name}: the environment has no ${value.slice(4)}`)
    return { text, from: 'environment' }
  }
  return { text: value, from: 'argument' }
}

/** A value that its param does not take. What a secret holds is not repeated. */
export function badSetting({ param, from }: Setting, why: string): Failure {
  const shown = param.secret || from !== 'argument' ? `the ${from === 'argument' ? 'value' : from}` : 'it'
  return new Failure('invalid', 'InvalidValue', `--set ${param.name}: ${shown} is not usable, ${why}`)
}

// `index.ts` of a generated protocol: everything an application imports. Profiles are loaded when they are chosen.

import { StructureKind } from 'ts-morph'
import type { Protocol } from '../model/model.ts'
import { type EmitOptions, printFile, type Statements } from './file.ts'
import { propertyKey, quote, variableName } from './naming.ts'

/** The text of `index.ts`. A profile has none of its own. */
export function emitIndex(protocol: Protocol, _options: EmitOptions): string {
  const name = variableName(protocol.name)
  const exported = name === 'protocol' ? ['protocol'] : ['protocol', `protocol as ${name}`]
  const all = (moduleSpecifier: string): Statements => ({ kind: StructureKind.ExportDeclaration, moduleSpecifier })
  return printFile(protocol, [
    { kind: StructureKind.ExportDeclaration, moduleSpecifier: './protocol.ts', namedExports: exported },
    all('./codec.ts'),
    all('./handlers.ts'),
    all('./types.ts'),
    ...(protocol.profile === undefined ? [profiles(protocol)] : []),
  ])
}

function profiles(protocol: Protocol): Statements {
  const names = protocol.profiles.map(profile => profile.name)
  const module = (name: string): string => `import(${quote(`./profiles/${name}/index.ts`)})`
  return writer => {
    writer.writeLine('/** Profiles by name: `const { protocol } = await profiles[name]()`. */')
    writer.write('export const profiles: ').inlineBlock(() => {
      for (const name of names) writer.writeLine(`readonly ${propertyKey(name)}: () => Promise<typeof ${module(name)}>`)
    })
    writer.write(' = ').inlineBlock(() => {
      for (const name of names) writer.writeLine(`${propertyKey(name)}: () => ${module(name)},`)
    })
    writer.newLine()
  }
}

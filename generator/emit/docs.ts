// `docs.md`: a protocol for people. Frames with their bytes, types, and everything two peers must agree on.

import type { Protocol } from '../model/model.ts'
import type { Behaviour } from '../normalize/behaviour.ts'
import { behaviourSections } from './docs/behaviour.ts'
import { frameSections, typeSections } from './docs/frames.ts'
import { bullets, code, paragraph, section, table } from './docs/markdown.ts'
import { generatedBy } from './header.ts'

export function emitDocs(protocol: Protocol, behaviour: Behaviour): string {
  const lines = [
    `<!-- ${generatedBy(protocol).join(' ')} -->`,
    '',
    `# ${protocol.name} ${protocol.version}`,
    '',
    ...paragraph(protocol.doc),
    ...paragraph(
      `Numbers are ${protocol.little ? 'little' : 'big'}-endian where nothing else is said. ${protocol.lsb ? LOW_FIRST : 'Bits run from the most significant down.'}`,
    ),
    ...section(2, 'What it gives up', bullets(protocol.insecure)),
    ...frameSections(protocol),
    ...typeSections(protocol),
    ...behaviourSections(protocol, behaviour),
    ...section(2, 'Errors', errors(protocol)),
    ...section(2, 'Profiles', profiles(protocol)),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

function errors(protocol: Protocol): string[] {
  const rows = [...protocol.errors.values()].map(one => [
    code(one.name),
    one.text,
    one.covers.join(', '),
    one.fatal === undefined ? 'on streams' : one.fatal ? 'yes' : 'no',
    one.doc ?? '',
  ])
  return table(['error', 'text', 'stands for', 'fatal', ''], rows)
}

function profiles(protocol: Protocol): string[] {
  const rows = protocol.profiles.map(one => [code(one.name), one.doc ?? '', one.insecure.join('; ')])
  return table(['profile', '', 'gives up'], rows)
}

const LOW_FIRST = 'Bits run from the least significant up, and so they are drawn: bit 0 of a byte is its lowest.'

// Values for what a connection would have learned: small, and the same in every run.

import type { Protocol, Type } from '../../generator/model/model.ts'

export function sessionValues({ session }: Protocol): Record<string, unknown> {
  return Object.fromEntries([...session.values()].map(({ name, type }) => [name, sample(type)]))
}

function sample(type: Type): unknown {
  switch (type.kind) {
    case 'region':
      return type.extent.by === 'size' && type.extent.size.is === 'int'
        ? new Uint8Array(Number(type.extent.size.value))
        : sample(type.of)
    case 'bytes':
      return new Uint8Array(0)
    case 'text':
      return ''
    case 'bool':
    case 'bit':
      return false
    default:
      return 32
  }
}

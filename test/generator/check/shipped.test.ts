// What is shipped is right: every schema and every profile of it loads, resolves and passes every check.

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { formatDiagnostic, loadProtocol, loadSchema } from '../../../generator/index.ts'
import { reading, SHIPPED } from '../files.ts'

const read = reading()

describe.each(SHIPPED)('%s', file => {
  test('has no errors, in no profile', () => {
    const { protocol, diagnostics } = loadProtocol(file, { read })
    expect(errors(diagnostics)).toEqual([])
    for (const { name } of protocol!.profiles) {
      const one = loadProtocol(file, { profile: name, read })
      expect(errors(one.diagnostics)).toEqual([])
      expect(one.protocol!.profile).toBe(name)
    }
  })

  test('begins with the line that editors read', () => {
    expect(readFileSync(file, 'utf8')).toMatch(
      /^# yaml-language-server: \$schema=(\.\.\/)?(\.\/)?protocol\.schema\.json\n/,
    )
  })

  test('says what it gives up wherever it proves nothing to the side that dials', () => {
    const { protocol, diagnostics } = loadProtocol(file, { read })
    const open = diagnostics.filter(one => one.code === 'authentication')
    expect(open.length === 0 || protocol!.insecure.length > 0 || open.every(one => one.severity === 'warning')).toBe(
      true,
    )
  })
})

test('vstp runs on tcp and udp without TLS, and with it on tls only', () => {
  const { document } = loadSchema('schema/vstp.yaml', { read })
  expect(Object.keys(document!.data.transports as object)).toEqual(['tcp', 'tls', 'udp'])
  expect((document!.data.handshake as { transport: string }).transport).toBe('tls')
})

function errors(diagnostics: ReturnType<typeof loadProtocol>['diagnostics']): string[] {
  return diagnostics.filter(one => one.severity === 'error').map(one => formatDiagnostic(one))
}

// A certificate for this machine, for a run that nobody else takes part in. Made by the openssl command, because Node makes
// none.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface ThrowawayCertificate {
  readonly certificate: string
  readonly key: string
  remove(): void
}

/** Undefined where there is no openssl. */
export function throwawayCertificate(): ThrowawayCertificate | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'proto-'))
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const { status } = spawnSync('openssl', ['req', '-x509', ...kind, ...subject, '-keyout', key, '-out', certificate], {
    stdio: 'ignore',
  })
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  if (status === 0) return { certificate, key, remove }
  remove()
  return undefined
}

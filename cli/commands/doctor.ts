// `proto doctor`: what this installation uses and what it does without, and whether that works.

import { existsSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { join } from 'node:path'
import { type Example, ProtoCommand } from '../base.ts'
import { Failure } from '../failure.ts'
import { BUILT, packageVersion, ROOT, shippedSchemas } from '../package.ts'

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

export default class Doctor extends ProtoCommand {
  static override summary = 'Show versions and which crypto provider and native path are in use.'
  static override examples: Example[] = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --json']

  async run(): Promise<void> {
    await this.input({}, {})
    const checks = [runsOnNode(), build(), generated(), ...(await providers()), native()]
    const bad = checks.filter(check => !check.ok)
    const { green, red, dim } = this.paint
    for (const { name, ok, detail } of checks)
      this.print(`${ok ? green('ok ') : red('bad')} ${name.padEnd(16)} ${dim(detail)}`)
    const machine = { platform: `${platform()}-${arch()}`, cpus: cpus().length, cpu: cpus()[0]?.model.trim() ?? '' }
    this.print(`\nframewright ${packageVersion()} on ${machine.platform}, ${machine.cpus} x ${machine.cpu}`)
    this.emit({
      version: packageVersion(),
      node: process.version,
      openssl: process.versions.openssl,
      ...machine,
      checks,
    })
    if (bad.length > 0) this.exit(new Failure('findings', 'Findings', '').exitCode)
  }
}

function runsOnNode(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const ok = major > 20 || (major === 20 && minor >= 19)
  const openssl = `OpenSSL ${process.versions.openssl}`
  return { name: 'node', ok, detail: ok ? `${process.version}, ${openssl}` : `${process.version}, 20.19 is needed` }
}

function build(): Check {
  return { name: 'build', ok: true, detail: BUILT ? 'compiled, from dist' : 'from source' }
}

function generated(): Check {
  const manifest = join(ROOT, 'generated', 'manifest.json')
  const count = shippedSchemas().length
  if (existsSync(manifest)) return { name: 'generated', ok: true, detail: `${count} schemas ship with the package` }
  return { name: 'generated', ok: true, detail: 'no generated protocols here: codecs are made and cached when needed' }
}

/** Each provider computes the same digest, tag and key agreement, so "there" means "works". */
async function providers(): Promise<Check[]> {
  const loaded = await Promise.all([
    import('../../runtime/crypto/node.ts').then(module => module.node),
    import('../../runtime/crypto/noble.ts').then(module => module.noble),
  ])
  return loaded.map((provider, i) => {
    const name = `crypto ${provider.name}`
    const tag = Buffer.alloc(32)
    const start = performance.now()
    provider.aead('aes-256-gcm', new Uint8Array(32)).seal(new Uint8Array(12), new Uint8Array(0), tag, 0, 16)
    const us = ((performance.now() - start) * 1000).toFixed(0)
    const ok = tag.subarray(16).toString('hex') === GCM_TAG
    return {
      name,
      ok,
      detail: ok ? `${i === 0 ? 'in use' : 'ready'}, first seal ${us} us` : 'gives a wrong AES-GCM tag',
    }
  })
}

function native(): Check {
  return { name: 'crypto native', ok: true, detail: 'not built here; node:crypto is used instead' }
}

/** AES-256-GCM, zero key, zero nonce, sixteen zero bytes (McGrew and Viega, test case 14). */
const GCM_TAG = 'd0d1c8a799996bf0265b98b5d48ab919'

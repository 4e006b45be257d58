// `proto doctor`: what this installation uses and what it does without, and whether that works.

import { existsSync } from 'node:fs'
import { arch, cpus, platform } from 'node:os'
import { join } from 'node:path'
import { AeadRows } from '../../runtime/crypto/batch.ts'
import type { CryptoProvider } from '../../runtime/crypto/provider.ts'
import { FLAGS, OPTIONS } from '../../runtime/native/addon.ts'
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
    const checks = [runsOnNode(), build(), generated(), ...(await providers()), await udp()]
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

/** Each provider that is here computes a known tag, alone and in a batch: "there" means "works". */
async function providers(): Promise<Check[]> {
  const [{ chooseProvider, PROVIDERS }, { native }] = await Promise.all([
    import('../../runtime/native/choose.ts'),
    import('../../runtime/native/load.ts'),
  ])
  const used = chooseProvider().name
  const { addon, reason } = native()
  return PROVIDERS.map(name => {
    if (name === 'native' && addon === undefined)
      return { name: 'crypto native', ok: true, detail: `${reason}; ${used} is used instead` }
    return works(chooseProvider(name), name === used ? 'in use' : 'ready')
  })
}

function works(provider: CryptoProvider, state: string): Check {
  const name = `crypto ${provider.name}`
  const bytes = new Uint8Array(32)
  const start = performance.now()
  const cipher = provider.aead('aes-256-gcm', new Uint8Array(32))
  cipher.seal(new Uint8Array(12), new Uint8Array(0), bytes, 0, 16)
  const us = ((performance.now() - start) * 1000).toFixed(0)
  const rows = new AeadRows(1)
  rows.add(cipher, 0, 0, 0, 32)
  const isRight = Buffer.from(bytes.subarray(16)).toString('hex') === GCM_TAG
  const ok = isRight && provider.openBatch(bytes, rows) === 1
  cipher.destroy()
  return { name, ok, detail: ok ? `${state}, first seal ${us} us` : 'gives a wrong AES-GCM tag' }
}

/** The path that datagrams take, tried with a socket. */
async function udp(): Promise<Check> {
  const { datagramPath } = await import('../../runtime/drivers/udp.ts')
  const { native } = await import('../../runtime/native/load.ts')
  const { path, reason } = datagramPath()
  const { sockets } = native()
  if (sockets === undefined) return { name: 'udp', ok: true, detail: `node:dgram (accelerator: ${reason})` }
  const socket = sockets.openSocket(4, FLAGS.gro | FLAGS.gso, 1, () => {})
  if (socket < 0) return { name: 'udp', ok: false, detail: `${path}: a socket cannot be made (${socket})` }
  const joins = [
    [OPTIONS.hasGro, 'UDP_GRO'],
    [OPTIONS.hasGso, 'UDP_SEGMENT'],
  ].map(([option, text]) => (sockets.optionOf(socket, option as number, 0) === 1 ? text : `no ${text}`))
  sockets.closeSocket(socket)
  return { name: 'udp', ok: true, detail: `${path} (${reason}), ${joins.join(', ')}` }
}

/** AES-256-GCM, zero key, zero nonce, sixteen zero bytes (McGrew and Viega, test case 14). */
const GCM_TAG = 'd0d1c8a799996bf0265b98b5d48ab919'

// A protocol that nobody here designed, described in YAML alone (schema/examples/stun.yaml), against coturn: a plain
// binding request over UDP and TCP, with a fingerprint, and one with long-term credentials and MESSAGE-INTEGRITY.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Line, proto, stopAll } from './process.ts'

const SCHEMA = 'schema/examples/stun.yaml'
const FOLDER = mkdtempSync(join(tmpdir(), 'stun-'))
const PRESENT = present()

interface Attribute {
  readonly value: { readonly is: string; readonly value: unknown }
}

let servers: ChildProcess[] = []
let open = 0
let secure = 0

beforeAll(async () => {
  if (!PRESENT) return
  open = await turnserver()
  secure = await turnserver(
    '--lt-cred-mech',
    '--secure-stun',
    '--user=me:secret',
    '--realm=example.org',
    '--fingerprint',
  )
})
afterEach(stopAll)
afterAll(() => {
  for (const server of servers) server.kill('SIGTERM')
  servers = []
  rmSync(FOLDER, { recursive: true, force: true })
})

describe.skipIf(!PRESENT)('coturn answers what the schema describes', () => {
  test.each(['udp', 'tcp'])('a binding request over %s comes back with our mapped address', async transport => {
    const { fields } = await ask(`${transport}://127.0.0.1:${open}`)
    const mapped = attribute(fields, 'XorMappedAddress') as { family: string; ip: string; port: number }
    expect(mapped.family).toBe('ipv4')
    expect(mapped.ip).toBe('0x7f000001')
    expect(mapped.port).toBeGreaterThan(0)
    const plain = attribute(fields, 'MappedAddress') as { port: number } | undefined
    if (plain) expect(plain.port).toBe(mapped.port)
  })

  test('a fingerprint is accepted, and the one that comes back is checked', async () => {
    const { frame, fields } = await ask(`udp://127.0.0.1:${open}`, 'fingerprint_type=0x8028')
    expect(frame).toBe('BindingResponse')
    expect(fields.fingerprint).toBeTypeOf('number')
  })

  test('long-term credentials: refused without them, accepted with MESSAGE-INTEGRITY, the answer is verified', async () => {
    // One connection, because the server's nonce is good for one address only.
    const { connect } = await import('../../runtime/index.ts')
    const { protocol } = await import('../../generated/stun/index.ts')
    const talk = async (password: string) => {
      const params = { password, username: 'me', realm: 'example.org' }
      const peer = await connect(protocol, `udp://127.0.0.1:${secure}`, { params })
      try {
        const refused = await peer.request('BindingRequest')
        const nonce = textOf(refused, 'Nonce')
        const attributes = [
          { value: { is: 'Username', value: 'me' } },
          { value: { is: 'Realm', value: textOf(refused, 'Realm') } },
          { value: { is: 'Nonce', value: nonce } },
        ] as const
        const answer = await peer.request('BindingRequest', { attributes: [...attributes], integrity_type: 8 })
        return { refused, answer }
      } finally {
        await peer.close()
      }
    }
    const { refused, answer } = await talk('secret')
    expect(refused.type).toBe(0x0111)
    expect(answer.type).toBe(0x0101)
    expect(answer.integrity?.length).toBe(20)
    expect((await talk('wrong')).answer.type).toBe(0x0111)
  })
})

async function ask(to: string, ...args: string[]): Promise<{ frame: string; fields: Record<string, unknown> }> {
  const client = proto('send', SCHEMA, to, 'BindingRequest', '--wait', '1', '--json', ...args)
  const line: Line = await client.line(l => l.event === 'frame' && l.dir === 'in')
  return { frame: line.frame as string, fields: line.fields as Record<string, unknown> }
}

function textOf(frame: { attributes: readonly { value: { is: string; value?: unknown } }[] }, is: string): string {
  return frame.attributes.find(one => one.value.is === is)!.value.value as string
}

function attribute(fields: Record<string, unknown>, is: string): unknown {
  const found = (fields.attributes as Attribute[]).find(a => a.value.is === is)?.value
  return found && ('value' in found ? found.value : found)
}

async function turnserver(...args: string[]): Promise<number> {
  const port = await freePort()
  const fixed = [
    '-n',
    '--listening-ip',
    '127.0.0.1',
    '--relay-ip',
    '127.0.0.1',
    '--listening-port',
    String(port),
    '--no-tls',
    '--no-dtls',
    '--no-cli',
    '--log-file',
    'stdout',
    '--simple-log',
    '--pidfile',
    join(FOLDER, `${port}.pid`),
    '--db',
    join(FOLDER, `${port}.db`),
  ]
  const child = spawn('turnserver', [...fixed, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  servers.push(child)
  let log = ''
  await new Promise<void>((ready, fail) => {
    const timer = setTimeout(() => fail(new Error(`turnserver did not start:\n${log}`)), 20_000)
    child.stdout.on('data', chunk => {
      log += chunk
      if (!/Total General servers/.test(log)) return
      clearTimeout(timer)
      ready()
    })
    child.on('exit', code => fail(new Error(`turnserver ended with ${code}:\n${log}`)))
  })
  return port
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4')
  await new Promise<void>(bound => socket.bind(0, '127.0.0.1', bound))
  const { port } = socket.address()
  await new Promise<void>(closed => socket.close(() => closed()))
  return port
}

function present(): boolean {
  try {
    execFileSync('turnserver', ['--version'], { stdio: 'ignore' })
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return true
    process.stdout.write('skipped: turnserver is not here (apt-get install coturn)\n')
    return false
  }
}

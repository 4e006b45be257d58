// A real Prometheus server scrapes a running server of ours; what it stored is asked for over its API. The shipped
// dashboard is held to the names that are really there.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { proto, run, stopAll } from './process.ts'

const FOLDER = mkdtempSync(join(tmpdir(), 'prometheus-'))
const PRESENT = present()

afterEach(stopAll)
afterAll(() => rmSync(FOLDER, { recursive: true, force: true }))

describe.skipIf(!PRESENT)('prometheus', () => {
  test('scrapes what a server counts, and knows every metric that the dashboard shows', async () => {
    const server = proto(
      'serve',
      'vstp',
      '--echo',
      '--listen',
      'udp://127.0.0.1:0',
      '--metrics',
      '127.0.0.1:0',
      '--json',
    )
    const { port } = await server.line(line => line.event === 'listening' && line.transport === 'udp')
    const metrics = await server.line(line => line.event === 'listening' && line.transport === 'http')
    const client = proto(
      'send',
      'vstp',
      `udp://127.0.0.1:${port}`,
      'Data',
      'payload=text:hi',
      '--count',
      '50',
      '--wait',
      '50',
    )
    expect(await client.ended()).toBe(0)
    const at = await freePort()
    const config = join(FOLDER, 'prometheus.yml')
    writeFileSync(
      config,
      `global: { scrape_interval: 1s }\nscrape_configs: [ { job_name: framewright, static_configs: [ { targets: [ '127.0.0.1:${metrics.port}' ] } ] } ]\n`,
    )
    run('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(FOLDER, 'data')}`,
      `--web.listen-address=127.0.0.1:${at}`,
      '--log.level=error',
    ])
    const [received] = await query(at, 'framewright_frames_received_total{frame="Data"}')
    expect(received).toMatchObject({ metric: { protocol: 'vstp', job: 'framewright' } })
    expect(Number(received?.value[1])).toBe(50)
    const names = (await api(at, 'label/__name__/values')) as string[]
    for (const name of dashboardMetrics()) expect(names, `the dashboard shows ${name}`).toContain(name)
  })
})

interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

/** Asks until there is an answer: the first scrape takes a moment. */
async function query(port: number, text: string): Promise<readonly Sample[]> {
  for (let tries = 0; tries < 60; tries++) {
    const found = (await api(port, `query?query=${encodeURIComponent(text)}`).catch(() => undefined)) as
      | { result: readonly Sample[] }
      | undefined
    if (found !== undefined && found.result.length > 0) return found.result
    await new Promise(resolve => setTimeout(resolve, 500))
  }
  throw new Error(`prometheus stored nothing for ${text}`)
}

async function api(port: number, path: string): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}`)
  return ((await response.json()) as { data: unknown }).data
}

/** Names in the queries of the dashboard that exist without traffic of a particular kind. */
function dashboardMetrics(): string[] {
  const text = readFileSync('docs/operations/grafana.json', 'utf8')
  const names = [...text.matchAll(/framewright_\w+/g)].map(([name]) => name)
  return [...new Set(names)].filter(name => !ONLY_WHEN.test(name))
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

function present(): boolean {
  try {
    execFileSync('prometheus', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    process.stdout.write('skipped: prometheus is not installed, so no scrape is tried\n')
    return false
  }
}

/** Counters with labels have no series before something happened. */
const ONLY_WHEN = /_(drops|errors|limits|closed|retries|retransmits|handshakes)_total$/

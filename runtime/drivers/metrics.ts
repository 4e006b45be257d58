// The HTTP endpoint that Prometheus scrapes: GET /metrics, nothing else.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where a scrape gets its text: `Metrics`, or several of them. */
export interface MetricsSource {
  readonly contentType: string
  text(): Promise<string>
}

export interface MetricsServerOptions {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
}

export interface MetricsServer {
  readonly address: string
  readonly port: number
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** Listens for scrapes. Rejects when the address is taken. */
export async function serveMetrics(
  sources: MetricsSource | readonly MetricsSource[],
  options: MetricsServerOptions,
): Promise<MetricsServer> {
  const all = 'text' in sources ? [sources] : sources
  const server = createServer(async (request, response) => {
    if (request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end('metrics are at /metrics\n')
      return
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end()
      return
    }
    try {
      const texts = await Promise.all(all.map(source => source.text()))
      response.writeHead(200, { 'content-type': all[0]?.contentType ?? 'text/plain' })
      response.end(request.method === 'HEAD' ? undefined : texts.join('\n'))
    } catch (error) {
      response.writeHead(500).end(`${(error as Error).message}\n`)
    }
  })
  server.maxConnections = MAX_CONNECTIONS
  server.headersTimeout = TIMEOUT
  server.requestTimeout = TIMEOUT
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  // A scrape must not keep a process alive that is otherwise done.
  server.unref()
  const { address, port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve, reject) => {
      server.close(error => (error === undefined ? resolve() : reject(error)))
      server.closeAllConnections()
    })
  return { address, port, close, [Symbol.asyncDispose]: close }
}

const MAX_CONNECTIONS = 16
const TIMEOUT = 5000

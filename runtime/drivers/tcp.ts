// Opens and accepts TCP and TLS connections: node:net and node:tls with the defaults of the language (no delay, half-open
// allowed because machines end connections themselves, certificates verified).
import { readFileSync } from 'node:fs'
import { createServer, isIP, type Server, type Socket, connect as tcpConnect } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, connect as tlsConnect } from 'node:tls'

/** TLS as the schema's `handshake.tls` and its params say it. */
export interface TlsOptions {
  readonly versions: readonly ('1.2' | '1.3')[]
  readonly alpn: readonly string[]
  /** Name sent and demanded of the certificate. */
  readonly serverName?: string | undefined
  /** A PEM file with authorities, `system`, or `none`. */
  readonly verify: string
  /** PEM files, or PEM text. */
  readonly certificate?: string | undefined
  readonly key?: string | undefined
}

export interface ConnectOptions {
  readonly host: string
  readonly port: number
  readonly nodelay: boolean
  /** Milliseconds for the connection, TLS included; Infinity = as long as the system tries. */
  readonly timeout: number
  readonly tls?: TlsOptions | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ListenOptions {
  readonly host: string
  readonly port: number
  readonly nodelay: boolean
  readonly backlog?: number | undefined
  /** Milliseconds for a TLS handshake. */
  readonly handshakeTimeout: number
  readonly tls?: TlsOptions | undefined
}

export interface Listener {
  readonly address: { readonly host: string; readonly port: number }
  /** Stops accepting; connections live on. */
  readonly close: () => Promise<void>
}

/** A failure while opening: `code` is the system's, TLS's, or Timeout, Aborted, HandshakeFailed. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** Connects, and for TLS waits until the peer is verified. Rejects with ConnectError. */
export async function connectSocket(options: ConnectOptions): Promise<Socket> {
  const { host, port, tls, timeout, signal } = options
  if (signal?.aborted) throw new ConnectError('Aborted', 'aborted before the connection was tried')
  const common = { host, port, allowHalfOpen: true, noDelay: options.nodelay }
  const socket: Socket = tls ? tlsConnect({ ...common, ...clientTls(tls, host) }) : tcpConnect(common)
  await new Promise<void>((opened, failed) => {
    const fail = (error: ConnectError) => {
      stop()
      socket.on('error', () => {}) // what comes after the first failure says nothing new
      socket.destroy()
      failed(error)
    }
    const timer = Number.isFinite(timeout)
      ? setTimeout(() => fail(new ConnectError('Timeout', `no connection within ${timeout} ms`)), timeout)
      : undefined
    const aborted = () => fail(new ConnectError('Aborted', 'aborted while connecting'))
    const error = (cause: NodeJS.ErrnoException) => fail(new ConnectError(cause.code ?? 'Unreachable', cause.message))
    const ready = () => {
      const wrong = tls && unwanted(socket as TLSSocket, tls)
      if (wrong) return fail(new ConnectError('HandshakeFailed', wrong))
      stop()
      opened()
    }
    const stop = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', aborted)
      socket.off('error', error)
    }
    signal?.addEventListener('abort', aborted)
    socket.once('error', error)
    socket.once(tls ? 'secureConnect' : 'connect', ready)
  })
  return socket
}

/** Listens. `accept` gets connected sockets, for TLS after the handshake; `refused` what failed before. */
export async function listenSocket(
  options: ListenOptions,
  accept: (socket: Socket) => void,
  refused: (error: ConnectError, peer: string) => void,
): Promise<Listener> {
  const { tls } = options
  const settings = { allowHalfOpen: true, noDelay: options.nodelay, pauseOnConnect: false }
  const server: Server = tls
    ? createTlsServer({
        ...settings,
        ...serverTls(tls),
        handshakeTimeout: Math.min(options.handshakeTimeout, 0x7fff_ffff),
      })
    : createServer(settings)
  if (tls) {
    server.on('secureConnection', (socket: TLSSocket) => {
      const wrong = unwanted(socket, tls)
      if (!wrong) return accept(socket)
      refused(new ConnectError('HandshakeFailed', wrong), String(socket.remoteAddress))
      socket.destroy()
    })
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
      refused(new ConnectError('HandshakeFailed', error.message), String(socket.remoteAddress))
    })
  } else {
    server.on('connection', accept)
  }
  await new Promise<void>((bound, failed) => {
    server.once('error', failed)
    server.listen(
      {
        host: options.host,
        port: options.port,
        ...(options.backlog === undefined ? {} : { backlog: options.backlog }),
      },
      () => {
        server.off('error', failed)
        bound()
      },
    )
  })
  // Later errors of the listening socket (no descriptors left) must not end the process; accepting goes on.
  server.on('error', (error: NodeJS.ErrnoException) =>
    refused(new ConnectError(error.code ?? 'AcceptFailed', error.message), ''),
  )
  const { address, port } = server.address() as { address: string; port: number }
  return { address: { host: address, port }, close: () => new Promise(closed => server.close(() => closed())) }
}

function clientTls(tls: TlsOptions, host: string) {
  const name = tls.serverName ?? host
  return {
    ...both(tls),
    // A literal address cannot be sent as a server name (RFC 6066 section 3); it is still checked against the certificate.
    ...(isIP(name) ? {} : { servername: name }),
    ...(tls.verify === 'none' ? { rejectUnauthorized: false } : { rejectUnauthorized: true }),
    ...(tls.verify === 'none' || tls.verify === 'system' ? {} : { ca: pem(tls.verify) }),
  }
}

function serverTls(tls: TlsOptions) {
  return both(tls)
}

function both(tls: TlsOptions) {
  const sorted = [...tls.versions].sort()
  return {
    minVersion: `TLSv${sorted[0] ?? '1.3'}` as 'TLSv1.3',
    maxVersion: `TLSv${sorted.at(-1) ?? '1.3'}` as 'TLSv1.3',
    ...(tls.alpn.length > 0 ? { ALPNProtocols: [...tls.alpn] } : {}),
    ...(tls.certificate === undefined ? {} : { cert: pem(tls.certificate) }),
    ...(tls.key === undefined ? {} : { key: pem(tls.key) }),
  }
}

/** A peer that selects none of the offered protocols is refused. */
function unwanted(socket: TLSSocket, tls: TlsOptions): string | undefined {
  if (tls.alpn.length === 0 || (socket.alpnProtocol && tls.alpn.includes(socket.alpnProtocol))) return undefined
  return `the peer speaks none of ${tls.alpn.join(', ')}`
}

function pem(fileOrText: string): string | Buffer {
  return fileOrText.includes('-----BEGIN') ? fileOrText : readFileSync(fileOrText)
}

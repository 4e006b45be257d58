// TLS over node:tls. The peer is verified unless the schema or a param says `none`; a peer that selects none of the
// protocols offered (ALPN, RFC 7301) is refused on both sides.

import { constants } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP, type Socket } from 'node:net'
import {
  type ConnectionOptions,
  checkServerIdentity,
  connect,
  createServer,
  type PeerCertificate,
  type SecureVersion,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls'
import { isPeerError, LocalError, peerError } from '../core/errors.ts'
import type { ParamOr, TlsDescriptor, TransportDescriptor } from '../core/protocol.ts'
import { opened } from './opening.ts'
import { connected, listening } from './tcp.ts'
import { addressOf, type Connected, type Endpoint, type Listener } from './transport.ts'

export interface TlsSettings {
  readonly tls: TlsDescriptor
  /** Longest handshake, milliseconds. */
  readonly timeout: number
  readonly params: Readonly<Record<string, unknown>>
  /** Profiles of the protocol, to be named where a peer may be of one of them. */
  readonly profiles?: readonly string[] | undefined
}

export interface TlsListenEvents {
  /** A TCP connection arrived; false: there is no room for its handshake. */
  begin(address: string): boolean
  accept(connected: Connected): void
  /** A handshake failed. */
  failed(address: string, reason: string): void
}

/** Listens. Throws LocalError MissingParam without a certificate, BadTarget where it cannot listen. */
export async function listenTls(
  at: Endpoint,
  transport: TransportDescriptor,
  settings: TlsSettings,
  events: TlsListenEvents,
): Promise<Listener> {
  const { tls, timeout } = settings
  const server = createServer({
    ...common(settings),
    cert: needed('certificate', tls.certificate, settings),
    key: needed('private key', tls.key, settings),
    ...clients(settings),
    handshakeTimeout: Math.min(timeout, LONGEST),
    allowHalfOpen: true,
    pauseOnConnect: false,
    noDelay: transport.nodelay,
    ...(tls.alpn.length > 0 && { ALPNProtocols: [...tls.alpn] }),
    ...(tls.tickets === 'ignore' && { secureOptions: constants.SSL_OP_NO_TICKET }),
  } as TlsOptions)
  const handshakes = new Map<string, Socket>()
  server.prependListener('connection', socket => {
    const address = addressOf(socket.remoteAddress ?? '', socket.remotePort ?? 0)
    if (events.begin(address)) handshakes.set(address, socket)
    else socket.destroy()
    // Also one that goes silently has to leave the count.
    socket.once('close', () => {
      if (handshakes.delete(address)) events.failed(address, 'the connection ended inside the handshake')
    })
  })
  server.on('tlsClientError', (error, socket) => {
    // Node leaves it open when a handshake takes too long.
    socket.destroy()
    for (const [address, raw] of handshakes) {
      if (raw !== (socket as unknown as { _parent?: Socket })._parent && !raw.destroyed) continue
      handshakes.delete(address)
      events.failed(address, error.message)
    }
  })
  server.on('secureConnection', (socket: TLSSocket) => {
    const address = addressOf(socket.remoteAddress ?? '', socket.remotePort ?? 0)
    handshakes.delete(address)
    if (tls.alpn.length === 0 || socket.alpnProtocol) {
      socket.pause()
      events.accept(connected(socket, undefined, transport))
      return
    }
    socket.on('error', () => {}).destroy()
    events.failed(address, 'the client offered no protocol of ours (ALPN)')
  })
  const listener = await listening(server, at, transport)
  return {
    ...listener,
    close: () => {
      for (const socket of handshakes.values()) socket.destroy()
      return listener.close()
    },
  }
}

/**
 * Connects and verifies the peer. Rejects with PeerError Unreachable, Timeout, or HandshakeFailed when the peer is not
 * who it should be.
 */
export async function dialTls(
  to: Endpoint,
  transport: TransportDescriptor,
  settings: TlsSettings,
  signal?: AbortSignal,
): Promise<Connected> {
  signal?.throwIfAborted()
  const { tls, timeout } = settings
  const name = text(tls.serverName, settings) ?? to.host
  const verify = text(tls.verify, settings) ?? 'system'
  const certificate = text(tls.clientCertificate, settings)
  const options = {
    ...common(settings),
    host: to.host,
    port: to.port,
    // A name in SNI is a name, never an address (RFC 6066, 3).
    ...(isIP(name) === 0 && { servername: name }),
    checkServerIdentity: (_host: string, peer: PeerCertificate) => checkServerIdentity(name, peer),
    rejectUnauthorized: verify !== 'none',
    ...(verify !== 'none' && verify !== 'system' && { ca: pem(verify, 'verify') }),
    ...(certificate !== undefined && { cert: pem(certificate, 'client_certificate') }),
    ...(certificate !== undefined && { key: needed('private key', tls.key, settings) }),
    ...(tls.alpn.length > 0 && { ALPNProtocols: [...tls.alpn] }),
    allowHalfOpen: true,
  } satisfies ConnectionOptions & { allowHalfOpen: boolean }
  const socket = connect(options)
  const where = addressOf(to.host, to.port)
  try {
    await opened(socket, 'secureConnect', where, Math.min(timeout, transport.connectTimeout), signal)
  } catch (error) {
    if (
      isPeerError(error) &&
      error.code === 'Unreachable' &&
      !/refused|unreachable|resolved|no such/.test(error.message)
    )
      throw peerError('HandshakeFailed', error.message, { fatal: true })
    throw error
  }
  if (tls.alpn.length > 0 && !socket.alpnProtocol) {
    socket.on('error', () => {}).destroy()
    throw peerError('HandshakeFailed', `${where} selected none of ${tls.alpn.join(', ')} (ALPN)${hint(settings)}`, {
      fatal: true,
    })
  }
  socket.pause()
  return connected(socket, undefined, transport)
}

function hint({ profiles = [] }: TlsSettings): string {
  return profiles.length === 0 ? '' : `: is it one of another profile? There is ${profiles.join(', ')}`
}

function common({ tls }: TlsSettings): { minVersion: SecureVersion; maxVersion: SecureVersion } {
  const versions = [...tls.versions].sort()
  return {
    minVersion: `TLSv${versions[0] ?? '1.3'}` as SecureVersion,
    maxVersion: `TLSv${versions.at(-1) ?? '1.3'}` as SecureVersion,
  }
}

/** What a server asks of clients: a certificate where the schema has them show one. */
function clients(settings: TlsSettings): TlsOptions {
  if (settings.tls.clientCertificate === undefined) return {}
  const verify = text(settings.tls.verify, settings) ?? 'system'
  return {
    requestCert: true,
    rejectUnauthorized: verify !== 'none',
    ...(verify !== 'none' && verify !== 'system' && { ca: pem(verify, 'verify') }),
  }
}

function text(from: ParamOr<string> | undefined, { params }: TlsSettings): string | undefined {
  if (from === undefined) return undefined
  const value = 'param' in from ? params[from.param] : from.value
  return typeof value === 'string' ? value : undefined
}

function needed(what: string, from: ParamOr<string> | undefined, settings: TlsSettings): string {
  const value = text(from, settings)
  if (value !== undefined) return pem(value, what)
  const hint =
    from !== undefined && 'param' in from ? `pass params: { ${from.param}: <PEM or its file> }` : 'the schema has none'
  throw new LocalError('MissingParam', `tls needs a ${what}: ${hint}`)
}

/** PEM text, or the file that holds it. */
function pem(value: string, what: string): string {
  if (value.includes('-----BEGIN')) return value
  try {
    return readFileSync(value, 'utf8')
  } catch (error) {
    // Not the value: somebody may have passed a key where its file was meant.
    const { code } = error as NodeJS.ErrnoException
    throw new LocalError('BadParam', `the file of the ${what} cannot be read (${code ?? 'unknown'})`)
  }
}

const LONGEST = 2 ** 31 - 1

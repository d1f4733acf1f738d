import { constants } from 'node:crypto'
import type { Server, ServerOptions } from 'node:http'
import { createServer } from 'node:https'
import type { Socket } from 'node:net'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { errnoOf } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Pair, Unfit } from './certificate.ts'
import type { Connections } from './connections.ts'

const HANDSHAKE_TIMEOUT_MS = 3000
/** For a handshake beyond so many the oldest is ended: one that stalls takes up to 100 KB. */
const MAX_HANDSHAKES = 1024

/** Ciphers with forward secrecy and authenticated encryption (RFC 9325 section 4.2), and those of TLS 1.3. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305',
].join(':')

/** A server that speaks TLS, and the way to another certificate. */
export interface TlsServer {
  readonly server: Server
  /** New handshakes use the pair; connections that are open keep theirs. */
  readonly use: (pair: Pair) => void
}

/** A server whose handshakes count as connections, so that stalled ones are closed like idle ones. */
export function tlsServer(options: ServerOptions, pair: Pair, connections: Connections): TlsServer {
  const server = createServer({ ...options, ...contextOptions(pair), handshakeTimeout: HANDSHAKE_TIMEOUT_MS })
  const handshakes = new Map<string, Socket>()
  server.on('connection', (socket: Socket) => remember(handshakes, socket))
  server.on('secureConnection', (socket: Socket) => {
    // It takes the place of the one below it.
    connections.open.delete(handshakes.get(endsOf(socket)) ?? socket)
    handshakes.delete(endsOf(socket))
    connections.add(socket)
  })
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  // Node forgets every option that is not given again.
  return { server, use: (next) => server.setSecureContext(contextOptions(next)) }
}

/** The pair, if OpenSSL takes it, whose rules change with its releases. */
export function accepted(pair: Pair): Result<Pair, Unfit> {
  try {
    createSecureContext(contextOptions(pair))
    return ok(pair)
  } catch (error) {
    const { code = 'unknown' } = errnoOf(error)
    return fail({ file: 'certificate', problem: `OpenSSL refuses it (${code}). Make another key and certificate` })
  }
}

function remember(sockets: Map<string, Socket>, socket: Socket): void {
  const ends = endsOf(socket)
  const [oldest] = sockets.size < MAX_HANDSHAKES ? [] : sockets
  if (oldest !== undefined) {
    sockets.delete(oldest[0])
    oldest[1].destroy()
  }
  sockets.set(ends, socket)
  socket.once('close', () => sockets.get(ends) === socket && sockets.delete(ends))
}

function contextOptions({ cert, key }: Pair): SecureContextOptions {
  const { SSL_OP_NO_RENEGOTIATION: secureOptions } = constants
  return { cert, key, minVersion: 'TLSv1.2', ciphers: CIPHERS, honorCipherOrder: true, secureOptions }
}

/** Which connection a socket belongs to, be it the one of TCP or the one of TLS on it. */
function endsOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): string {
  return [localAddress, localPort, remoteAddress, remotePort].join()
}

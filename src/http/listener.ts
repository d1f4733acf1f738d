/** This room serves HTTP on one address. Read listener.ts (limits) first, then exchange.ts, wire.ts and router.ts. */

import { once } from 'node:events'
import { createServer, type Server, type ServerOptions } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { errnoOf } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { type Seconds, seconds } from '../core/time.ts'
import type { Connection, Connections } from './connections.ts'
import { abandon, type AddressOf, endWith, exchanges, type Shared } from './exchange.ts'
import { problem } from './problem.ts'
import type { Router } from './router.ts'

/** Where a server listens: on the network, or at a path of this machine. */
export type Address = ({ readonly host: string; readonly port: number } | { readonly path: string }) & {
  /** Not shared with the other workers of a cluster. */
  readonly exclusive?: true
}

/** The router for the URL at which a server listens. */
export type RouterAt = (url: string) => Router

/** A server on one address. */
export interface Listener {
  /**
   * Listens, and responds by the router for the URL that it answers; the failure is a sentence for the operator. The
   * address is bound before this returns, so that a socket file is made under the mask of the caller.
   */
  readonly listen: (address: Address, routerAt: RouterAt) => Promise<Result<string, string>>
  /** Accepts no more connections, lets running requests finish for `grace` seconds, then closes the rest. */
  readonly close: (grace: Seconds) => Promise<void>
}

/** Limits in milliseconds and bytes; measured under thousands of clients that are slow on purpose. */
const LIMITS = {
  headersTimeout: 3000,
  requestTimeout: 5000,
  connectionsCheckingInterval: 500,
  maxHeaderSize: 16_384,
  insecureHTTPParser: false,
  // wire.ts requires exactly one, so that the response is the same on every release of Node.
  requireHostHeader: false,
}
/** A connection without traffic is closed after this time, such as that of a client that stops reading. */
const SOCKET_TIMEOUT_MS = 15_000

/** How long a connection without any request is kept once no more are accepted. */
const FRESH_SECONDS = 0.5

/** What a listener needs. */
export interface ListenerDeps {
  readonly onFault: (error: unknown) => void
  /** Hears of every response: its target before the `?`, as sent, and its status. */
  readonly onReply?: Shared['onReply'] | undefined
  /** For a connection beyond so many (14 KiB each), the idlest is closed. */
  readonly maxConnections?: number
  /** How long a connection without a request is kept. */
  readonly keepAlive?: Seconds
  /** By default the other end of the connection. */
  readonly addressOf?: AddressOf | undefined
  /** By default a server without TLS. */
  readonly makeServer?: MakeServer | undefined
}

/** Makes the server of a listener. */
export type MakeServer = (options: ServerOptions, connections: Connections) => Server

/** The default, for an issuer inside of a test. */
const MAX_CONNECTIONS = 1024
const KEEP_ALIVE_SECONDS = seconds(65)

/** A listener that reports the errors of handlers to `onFault`, and responds to them with a bare 500. */
export function listener({
  onFault,
  onReply = () => {},
  maxConnections = MAX_CONNECTIONS,
  keepAlive = KEEP_ALIVE_SECONDS,
  addressOf,
  makeServer = (options) => createServer(options),
}: ListenerDeps): Listener {
  const shared = exchanges(maxConnections, { addressOf, onFault, onReply })
  const server = makeServer({ ...LIMITS, keepAliveTimeout: keepAlive * 1000 }, shared.connections)
  server.timeout = SOCKET_TIMEOUT_MS
  route(server, shared)
  return {
    listen: async (address, routerAt) => {
      const url = await bind(server, address)
      if (url.ok) shared.router = routerAt(url.value)
      if (shared.router.takesBodies) shared.bodies = import('./body.ts')
      return url
    },
    close: async (grace) => {
      shared.isClosing = true
      const { open } = shared.connections
      const closed = once(server, 'close')
      // The close of HTTP ends idle connections at once, and newer releases of Node take a fresh one for idle.
      NetServer.prototype.close.call(server)
      const timer = setTimeout(() => open.forEach(({ socket }) => socket.destroy()), grace * 1000)
      // Its first request may be on its way: to be reset then is a fault for every client.
      if ([...open.values()].some(isFresh)) await Promise.race([closed, pause(Math.min(grace, FRESH_SECONDS) * 1000)])
      for (const connection of open.values()) if (isFresh(connection)) connection.socket.destroy()
      server.closeIdleConnections()
      await closed
      clearTimeout(timer)
    },
  }
}

function isFresh({ socket }: Connection): boolean {
  return socket.bytesRead === 0
}

function route(server: Server, shared: Shared): void {
  const { connections } = shared
  const noTunnel = problem(405, 'This server opens no tunnels', { headers: { allow: '' } })
  server.on('connection', connections.add)
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const) server.on(event, connections.take)
  server.on('connect', (_request, socket) => endWith(socket, noTunnel, shared))
  server.on('clientError', (error, socket) => abandon(errnoOf(error).code, socket, shared))
}

async function bind(server: Server, address: Address): Promise<Result<string, string>> {
  try {
    server.listen(address)
    await once(server, 'listening')
  } catch (error) {
    return fail((await import('./bind-fault.ts')).bindFault(error))
  }
  if ('path' in address) return ok(`unix:${address.path}`)
  const { host } = address
  const { port } = server.address() as AddressInfo
  const scheme = 'setSecureContext' in server ? 'https' : 'http'
  return ok(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`)
}

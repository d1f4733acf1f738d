/** This room serves HTTP on one address. Read listener.ts (limits) first, then exchange.ts, wire.ts and router.ts. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { errnoOf, systemSays } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { Seconds } from '../core/time.ts'
import { abandon, conduct, endWith, sendLast, type Shared } from './exchange.ts'
import { problem } from './problem.ts'
import { type Router, router } from './router.ts'

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
  // Above the idle time of usual load balancers, which would otherwise reuse a connection just as it closes.
  keepAliveTimeout: 65_000,
  maxHeaderSize: 16_384,
  insecureHTTPParser: false,
  // wire.ts requires exactly one, so that the response is the same on every release of Node.
  requireHostHeader: false,
}
/** A connection without traffic is closed after this time, such as that of a client that stops reading. */
const SOCKET_TIMEOUT_MS = 15_000

/** Above this number each connection (14 KiB) is closed after its next response. */
const MAX_KEEP_ALIVE_CONNECTIONS = 16_384

const BIND_FAULTS: ReadonlyMap<string | undefined, string> = new Map([
  ['EADDRINUSE', 'it is in use'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
  ['EACCES', 'this user may not use it'],
  ['ENOENT', 'its folder does not exist'],
  ['ENOTFOUND', 'the host does not resolve'],
  ['EAI_AGAIN', 'the host does not resolve'],
])

/** What a listener needs. */
export interface ListenerDeps {
  readonly onFault: (error: unknown) => void
  readonly maxKeepAlive?: number
}

/** A listener that reports the errors of handlers to `onFault`, and responds to them with a bare 500. */
export function listener({ onFault, maxKeepAlive = MAX_KEEP_ALIVE_CONNECTIONS }: ListenerDeps): Listener {
  const sockets = new Set<Socket>()
  let isClosing = false
  const shared: Shared = {
    router: router([]),
    keepsAlive: () => !isClosing && sockets.size <= maxKeepAlive,
    ended: new WeakSet(),
    waiting: new WeakMap(),
    onFault,
  }
  const server = createServer(LIMITS)
  server.timeout = SOCKET_TIMEOUT_MS
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  route(server, shared)
  return {
    listen: async (address, routerAt) => {
      const url = await bind(server, address)
      if (url.ok) shared.router = routerAt(url.value)
      return url
    },
    close: async (grace) => {
      isClosing = true
      // Not every Node counts a connection without any request as idle.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy()
      const timer = setTimeout(() => sockets.forEach((socket) => socket.destroy()), grace * 1000)
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      await closed
      clearTimeout(timer)
    },
  }
}

function route(server: Server, shared: Shared): void {
  const noTunnel = problem(405, 'This server opens no tunnels', { headers: { allow: '' } })
  server.on('request', (request, response) => conduct({ request, response, shared }, false))
  server.on('checkContinue', (request, response) => conduct({ request, response, shared }, true))
  server.on('checkExpectation', (request, response) => sendLast({ request, response, shared }, problem(417)))
  server.on('connect', (_request, socket) => endWith(socket, noTunnel, shared))
  server.on('clientError', (error, socket) => abandon(errnoOf(error).code, socket, shared))
}

async function bind(server: Server, address: Address): Promise<Result<string, string>> {
  try {
    server.listen(address)
    await once(server, 'listening')
  } catch (error) {
    return fail(BIND_FAULTS.get(errnoOf(error).code) ?? systemSays(error))
  }
  if ('path' in address) return ok(`unix:${address.path}`)
  const { host } = address
  const { port } = server.address() as AddressInfo
  return ok(`http://${host.includes(':') ? `[${host}]` : host}:${port}`)
}

import type { Config } from '../config/config.ts'
import { type Listener, listener, type ListenerDeps } from '../http/listener.ts'
import { socketPath } from '../config/values.ts'
import { openFileLimit } from '../system/open-files.ts'

/** Connections take at most this share of what may be open; the store, the log and requests of ours need the rest. */
const SHARE = 0.75
/** More would take 230 MB. */
const MAX_CONNECTIONS = 16_384

/** The listener for everybody, as the options ask for it. */
export async function publicListener(
  { host, socketGroup, trustedProxies: proxies, forwardedHeader: header = 'x-forwarded-for', keepAlive }: Config,
  hooks: Pick<ListenerDeps, 'onFault' | 'onReply' | 'makeServer'>,
): Promise<Listener> {
  const maxConnections = Math.min(MAX_CONNECTIONS, Math.floor(openFileLimit() * SHARE))
  const addressOf = proxies && (await import('../http/forwarded.ts')).forwardedAddress({ proxies, header })
  const server = listener({ ...hooks, maxConnections, keepAlive, addressOf })
  const path = socketPath(host)
  return path === undefined ? server : await onPath(server, path, socketGroup)
}

async function onPath(server: Listener, path: string, name: string | undefined): Promise<Listener> {
  const group = name === undefined ? undefined : (await import('../system/group.ts')).groupNumber(name)
  return (await import('./socket-file.ts')).onSocketFile(server, { path, group })
}

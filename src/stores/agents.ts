import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import type { Config } from '../config/config.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { systemElapsed } from '../system/clock.ts'
import { readPrivate, readSecret } from '../system/private-file.ts'

/** Connections are kept for so long without use (milliseconds). */
const KEPT_MS = 30_000
/** The files of TLS are read again after so many seconds. */
const READ_SECONDS = 10
const MAX_PEM_BYTES = 1024 * 1024

/** Connections to a store. */
export type Connections = () => Promise<Agent>

/** Connections without TLS. */
export function plainAgent(): Connections {
  const agent = new Agent({ keepAlive: true, timeout: KEPT_MS })
  return async () => agent
}

/** Connections by TLS. When a file has changed, new ones are opened; one that cannot be read now changes nothing. */
export function tlsAgent(config: Pick<Config, 'storeCa' | 'storeCert' | 'storeKey' | 'allowShared'>): Connections {
  let held: { readonly from: string; readonly agent: Agent } | undefined
  let readAt = -Infinity
  const renew = async (): Promise<Agent> => {
    readAt = systemElapsed()
    const { storeCa, storeCert, storeKey, allowShared } = config
    const ca = await pem(storeCa, allowShared)
    const cert = await pem(storeCert, allowShared)
    const key = storeKey === undefined ? undefined : await secretIn(storeKey, allowShared)
    const from = [ca, cert, key].join('\n')
    if (held?.from === from) return held.agent
    held = { from, agent: new TlsAgent({ keepAlive: true, timeout: KEPT_MS, ca, cert, key }) }
    return held.agent
  }
  return async () => {
    const known = held?.agent
    if (known === undefined) return await renew()
    return systemElapsed() - readAt < READ_SECONDS ? known : await renew().catch(() => known)
  }
}

async function pem(path: string | undefined, allowShared: boolean): Promise<string | undefined> {
  if (path === undefined) return undefined
  const rules = { othersMay: 'read', allowShared, followsLinks: true, maxBytes: MAX_PEM_BYTES } as const
  const read = await readPrivate(path, rules)
  if (read.ok) return read.value.toString()
  throw new StoreUnavailable(`Cannot use ${path}: ${read.error.problem}`)
}

/** The text of a small file that only its owner may reach. Rejects with `StoreUnavailable`. */
export async function secretIn(path: string, allowShared: boolean): Promise<string> {
  const read = await readSecret(path, allowShared)
  if (read.ok) return read.value.toString()
  throw new StoreUnavailable(read.error)
}

import type { Config } from '../../config/config.ts'
import { hostsOf, storeFaults } from '../../config/shared-store.ts'
import { isLoopbackHost } from '../../core/loopback.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { plainAgent, secretIn, tlsAgent } from '../agents.ts'
import type { Stores, StoreSystem } from '../stores.ts'
import { gateway } from './gateway.ts'
import { etcdRing } from './ring.ts'
import { spaceOf } from './space.ts'

const DEFAULT_PORT = ':2379'

/**
 * The stores of a configuration with `etcds://HOST:PORT,.../PREFIX`. Rejects with `StoreUnavailable` when its options
 * contradict each other.
 */
export async function openEtcd(config: Config, { randomBytes, mayCreate = false }: StoreSystem): Promise<Stores> {
  const { store, allowShared, preset, storeUser: name, storePasswordFile: path } = config
  const [fault] = storeFaults(config)
  if (fault !== undefined) throw new StoreUnavailable(fault)
  const isPlain = store.startsWith('etcd:')
  const hosts = hostsOf(config).map((host) => /:\d+$/.test(host) ? host : `${host}${DEFAULT_PORT}`)
  const password = async (): Promise<string> => (await secretIn(path ?? '', allowShared)).trimEnd()
  const call = gateway({
    urls: hosts.map((host) => new URL(`${isPlain ? 'http' : 'https'}://${host}`)),
    agent: isPlain ? plainAgent() : tlsAgent(config),
    login: name === undefined ? undefined : { name, password },
  })
  const space = spaceOf(call, store.split('/').slice(3).join('/'), randomBytes)
  // Without TLS, on this machine and at a fast pace, somebody tries it out.
  const isTrial = isPlain && preset === 'fast' && hosts.every(isLoopbackHost)
  const ring = etcdRing(space, store, mayCreate || isTrial)
  return { ring, openJtis: async (clocks) => (await import('./marks.ts')).etcdMarks(space, clocks) }
}

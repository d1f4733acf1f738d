import type { Config } from '../../config/config.ts'
import { hostsOf, storeFaults } from '../../config/shared-store.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { readSecret } from '../../system/private-file.ts'
import { plainAgent, tlsAgent } from '../agents.ts'
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
  const password = async (): Promise<string> => {
    const read = await readSecret(path ?? '', allowShared)
    if (read.ok) return read.value.toString().trimEnd()
    throw new StoreUnavailable(read.error)
  }
  const call = gateway({
    urls: hosts.map((host) => new URL(`${isPlain ? 'http' : 'https'}://${host}`)),
    agent: isPlain ? plainAgent() : tlsAgent(config),
    login: name === undefined ? undefined : { name, password },
  })
  const space = spaceOf(call, store.split('/').slice(3).join('/'), randomBytes)
  // Without TLS at a fast pace, somebody tries it out on this machine.
  const ring = etcdRing(space, store, mayCreate || (isPlain && preset === 'fast'))
  return { ring, openJtis: async (clocks) => (await import('./marks.ts')).etcdMarks(space, clocks) }
}

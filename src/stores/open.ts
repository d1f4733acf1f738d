/**
 * This room keeps the keys, the used identifiers and the audit log, and reads the files of a configuration. Read
 * memory.ts first, the shortest store, then file.ts.
 */

import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Stores, StoreSystem } from './stores.ts'

/** The stores of a configuration. */
export async function openStores(config: Config, system: StoreSystem): Promise<Stores> {
  const { store, allowShared } = config
  if (store === 'memory:') {
    const ring = (await import('./memory.ts')).memoryStore()
    return { ring, openJtis: async ({ now }) => (await import('./jti-memory.ts')).jtiMemory(now) }
  }
  if (store.startsWith('etcd')) return await (await import('./etcd/open.ts')).openEtcd(config, system)
  if (store.startsWith('kube')) return await (await import('./kubernetes/open.ts')).openKubernetes(config, system)
  const path = resolve(store.slice('file:'.length))
  const ring = (await import('./file.ts')).fileStore({ ...system, path, allowShared })
  return { ring, openJtis: async ({ now }) => (await import('./jti-folder.ts')).jtiFolder(`${path}.jti`, now) }
}

import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import type { RandomBytes } from '../core/random.ts'
import type { RingStore } from '../keyring/store.ts'

/**
 * Stores: where a server keeps its keys, its used identifiers and its audit log, and the files that it reads. Read
 * memory.ts first, the shortest store, then file.ts.
 */

/** The store of a configuration. */
export async function openStore({ store, allowShared }: Config, randomBytes: RandomBytes): Promise<RingStore> {
  if (store === 'memory:') return (await import('./memory.ts')).memoryStore()
  const { fileStore } = await import('./file.ts')
  return fileStore({ path: resolve(store.slice('file:'.length)), allowShared, randomBytes })
}

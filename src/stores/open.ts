/**
 * This room keeps the keys, the used identifiers and the audit log, and reads the files of a configuration. Read
 * memory.ts first, the shortest store, then file.ts.
 */

import { resolve } from 'node:path'
import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import type { RandomBytes } from '../core/random.ts'
import type { RingStore } from '../keyring/store.ts'

/** The store of a configuration. */
export async function openStore(config: Config, randomBytes: RandomBytes, emit?: Emit): Promise<RingStore> {
  const { store, allowShared } = config
  if (store === 'memory:') return (await import('./memory.ts')).memoryStore()
  const { fileStore } = await import('./file.ts')
  return fileStore({ path: resolve(store.slice('file:'.length)), allowShared, randomBytes, emit })
}

import { fail, ok } from '../../core/result.ts'
import { sha256 } from '../../jose/digest.ts'
import { MAX_ENGINE_BYTES, type RingStore, StoreUnavailable, type Version } from '../../keyring/store.ts'
import type { Space } from './space.ts'

const REVISION = /^\d{1,19}$/

/**
 * A ring in one key of etcd, for several machines: a transaction on the revision of the key lets exactly one writer
 * win. An empty cluster is only filled where `mayCreate`: it looks like one that was wiped.
 */
export function etcdRing(space: Space, name: string, mayCreate: boolean): RingStore {
  const none = (): undefined => {
    if (mayCreate) return undefined
    const way = `If it never held one, \`jwksd ring create --store ${name} ...\` makes it once; else restore etcd`
    throw new StoreUnavailable(`it holds no ring. ${way}`)
  }
  return {
    durable: true,
    isShared: true,
    maxBytes: MAX_ENGINE_BYTES,
    load: async () => {
      const held = await space.read('ring')
      return held === undefined ? none() : { document: held.value, version: held.revision as string as Version }
    },
    archive: async (lines) => {
      const value = lines.join('\n')
      await space.swap(`past/${sha256(value)}`, { revision: '0', value })
    },
    replace: async (document, expected) => {
      if (expected === undefined) none()
      const revision = expected ?? '0'
      const done = REVISION.test(revision) ? await space.swap('ring', { revision, value: document }) : undefined
      return done === undefined ? fail('conflict') : ok(done as string as Version)
    },
  }
}

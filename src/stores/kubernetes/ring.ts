import { fail, ok } from '../../core/result.ts'
import { MAX_ENGINE_BYTES, type RingStore, StoreUnavailable, type Version } from '../../keyring/store.ts'
import type { Secret } from './secret.ts'

/**
 * A ring in one Secret, for several machines: a replacement that names the version lets exactly one writer win. An
 * empty Secret is only filled where `mayCreate`: it looks like one that was emptied. Nothing is archived: an operator
 * makes every Secret there is.
 */
export function kubernetesRing(secret: Secret, name: string, mayCreate: boolean): RingStore {
  const none = (): undefined => {
    if (mayCreate) return undefined
    const way = `If it never held one, \`jwksd ring create --store ${name} ...\` makes it once; else restore the Secret`
    throw new StoreUnavailable(`it holds no ring. ${way}`)
  }
  return {
    durable: true,
    isShared: true,
    maxBytes: MAX_ENGINE_BYTES,
    load: async () => {
      const { value, version } = await secret.read()
      return value === undefined ? none() : { document: value, version: version as Version }
    },
    replace: async (document, expected) => {
      if (expected === undefined) none()
      const held = expected === undefined ? await secret.read() : undefined
      const version = held === undefined ? expected : held.value === undefined ? held.version : undefined
      const done = version === undefined ? undefined : await secret.replace(document, version)
      return done === undefined ? fail('conflict') : ok(done as Version)
    },
  }
}

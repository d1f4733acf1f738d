import { fail, ok } from '../core/result.ts'
import type { RingStore, Stored, Version } from '../keyring/store.ts'

/** A store in memory, for development and tests: its keys are lost when the process ends. */
export function memoryStore(): RingStore {
  let stored: Stored | undefined
  let commits = 0
  return {
    durable: false,
    load: async () => stored,
    replace: async (document, expected) => {
      if (stored?.version !== expected) return fail('conflict')
      commits += 1
      stored = { document, version: String(commits) as Version }
      return ok(stored.version)
    },
  }
}

import { type RingStore, type Version } from '../../src/keyring/store.ts'
import { fileStore } from '../../src/stores/file.ts'
import { randomBytes } from './keyring.ts'

/** One of several processes on one file: carries out what `storeOfProcesses` sends it, as a child or as a worker. */

/** A call of a store, numbered, since answers may come in another order. */
export interface StoreCall {
  readonly id: number
  readonly path: string
  /** What to commit, and over which version; undefined to load. */
  readonly replace: { readonly document: string; readonly expected: Version | undefined } | undefined
}

/** What came of a call. */
export type StoreAnswer = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string })

const stores = new Map<string, RingStore>()

process.on('message', (call: StoreCall) => void answer(call))
// A worker hears nothing of what was sent to it before it listened.
process.send?.({ id: 0, value: undefined } satisfies StoreAnswer)

async function answer({ id, path, replace }: StoreCall): Promise<void> {
  const store = stores.get(path) ?? fileStore({ path, allowShared: false, randomBytes })
  stores.set(path, store)
  try {
    const value = await (replace === undefined ? store.load() : store.replace(replace.document, replace.expected))
    process.send?.({ id, value } satisfies StoreAnswer)
  } catch (error) {
    process.send?.({ id, error: String(error) } satisfies StoreAnswer)
  }
}

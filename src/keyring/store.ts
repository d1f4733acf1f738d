import type { Brand } from '../core/brand.ts'
import type { Result } from '../core/result.ts'

/** The name of one committed document; only equality has a meaning. No document is ever committed twice. */
export type Version = Brand<string, 'Version'>

/** What a store holds: the codec's document, and the version that a writer must name to replace it. */
export interface Stored {
  readonly document: string
  readonly version: Version
}

/** Bytes of a document that can be committed, and so must be readable. */
export const MAX_DOCUMENT_BYTES: number = 72 * 1024 * 1024
/** The same for a store on an engine, which refuses 1.5 MB (etcd) or 1 MiB (Kubernetes). */
export const MAX_ENGINE_BYTES = 1_000_000

/**
 * Keeps one document, and replaces it only for a writer that has read the present one. Every store passes the contract
 * in test/stores/contract.ts. Both methods reject with `StoreUnavailable` when the store does not answer.
 */
export interface RingStore {
  /** Whether the document outlives this process; if not, caches must not outlive it either. */
  readonly durable: boolean
  /** Whether several machines use it: a stamp ahead of this clock may be right, so only an operator overrides it. */
  readonly isShared?: boolean
  /** Bytes of a document, at most, if that is less than `MAX_DOCUMENT_BYTES`. */
  readonly maxBytes?: number
  /** The committed document; undefined when none was ever committed. */
  load(): Promise<Stored | undefined>
  /** Keeps lines beside the document for good, at least once each; without it, what would be archived is dropped. */
  archive?(lines: readonly string[]): Promise<void>
  /** Commits `document` if `expected` is still the version (undefined: still none), and returns the new version. */
  replace(document: string, expected: Version | undefined): Promise<Result<Version, 'conflict'>>
}

/** The store does not answer now; what it holds is unknown. */
export class StoreUnavailable extends Error {
  override readonly name = 'StoreUnavailable'
  readonly code = 'store_unavailable'
}

import type { Event } from '../core/event.ts'
import { StoreUnavailable } from './store.ts'

/** The store holds something that cannot be used. It stays as it is, and is never replaced by fresh keys. */
export class KeyringFault extends Error {
  override readonly name = 'KeyringFault'
  readonly code:
    | 'unreadable' | 'damaged' | 'altered' | 'newer_format' | 'cannot_unseal'
    | 'ring_vanished' | 'rolled_back' | 'promise_broken' | 'too_large'

  constructor(code: KeyringFault['code'], detail: string) {
    super(detail)
    this.code = code
  }
}

/** The event of a store that failed; an error that nobody expected stays without its message. */
export function storeFailure(error: unknown): Extract<Event, { name: 'store.failed' }> {
  const isExpected = error instanceof KeyringFault || error instanceof StoreUnavailable
  const { code, message: detail } = isExpected ? error : { code: 'unexpected', message: '' }
  return { name: 'store.failed', code, detail }
}

/** The fault that was thrown; every other error is thrown again. */
export function asFault(error: unknown): KeyringFault {
  if (error instanceof KeyringFault) return error
  throw error
}

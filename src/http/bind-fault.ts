import { errnoOf, systemSays } from '../core/errno.ts'

const BIND_FAULTS: ReadonlyMap<string | undefined, string> = new Map([
  ['EADDRINUSE', 'it is in use'],
  ['EADDRNOTAVAIL', 'this machine does not have the address'],
  ['EACCES', 'this user may not use it'],
  ['ENOENT', 'its folder does not exist'],
  ['ENOTFOUND', 'the host does not resolve'],
  ['EAI_AGAIN', 'the host does not resolve'],
])

/** Why a server cannot listen, as the end of a sentence for the operator. */
export function bindFault(error: unknown): string {
  return BIND_FAULTS.get(errnoOf(error).code) ?? systemSays(error)
}

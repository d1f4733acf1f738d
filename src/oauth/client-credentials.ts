import { ok } from '../core/result.ts'
import { CLIENT_CREDENTIALS } from './client.ts'
import type { Grant } from './grant.ts'

/** The client acts for itself (RFC 6749 section 4.4); its tokens are about it (RFC 9068 section 2.2). */
export const clientCredentials: Grant = {
  type: CLIENT_CREDENTIALS,
  entitle: async (_params, { id }) =>
    ok({ subject: id, audiences: undefined, scopes: undefined, notAfter: undefined, claims: {}, answer: {} }),
}

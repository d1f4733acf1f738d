import { parseCompact } from '../jose/verify.ts'
import { JWT_BEARER } from './client.ts'
import { refused } from './fault.ts'
import { checkForeignToken } from './foreign-token.ts'
import type { Grant } from './rules.ts'

/** A workload trades the token that its platform gave it for one of ours (RFC 7523 section 2.1). */
export const jwtBearer: Grant = {
  type: JWT_BEARER,
  entitle: async (context) => {
    const assertion = context.request.params.get('assertion')
    if (assertion === undefined) return refused('invalid_request', 'assertion is missing')
    const jws = parseCompact(assertion)
    const earned = jws.ok ? await checkForeignToken(jws.value, context) : jws
    return earned.ok ? earned : refused('invalid_grant', `The assertion is refused (${earned.error})`)
  },
}

import { StoreUnavailable } from '../../keyring/store.ts'
import type { Connections } from '../agents.ts'
import { type Answer, ask } from '../peer.ts'
import { roundsOf } from '../rounds.ts'

const TRY_MS = 1000
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
const VERBS = { GET: 'get', PUT: 'update' } as const

/** Reads or replaces a Secret, and answers what the API server does with 200, 404 or 409. */
export type Api = (name: string, method: 'GET' | 'PUT', body?: string) => Promise<Answer>

/** How the API servers of a cluster are reached. */
export interface ApiDeps {
  readonly urls: readonly URL[]
  readonly namespace: string
  readonly agent: Connections
  /** Reads the token, for each request: the cluster replaces it. */
  readonly token: () => Promise<string>
}

/**
 * The Secrets of a namespace. No request names a `resourceVersion` in its query: an API server may answer that from its
 * memory. Rejects with `StoreUnavailable`.
 */
export function apiOf({ urls, namespace, agent, token }: ApiDeps): Api {
  const anyOf = roundsOf(urls, 'The API server')
  return (name, method, body = '') => anyOf(async (url) => {
    const headers = {
      authorization: `Bearer ${await token()}`, accept: 'application/json', 'content-type': 'application/json',
    }
    const at = new URL(`/api/v1/namespaces/${namespace}/secrets/${name}`, url)
    const limits = { withinMs: TRY_MS, maxBytes: MAX_ANSWER_BYTES }
    const answer = await ask({ url: at, method, headers, body, ...limits, agent: await agent() })
    const { status } = answer
    if (status === 200 || status === 404 || status === 409) return answer
    if (status === 429 || status >= 500) throw new Error(`it answers ${status}`)
    throw new StoreUnavailable(faultOf(status, `${VERBS[method]} Secret ${name} in namespace ${namespace}`))
  })
}

/** What an operator has to mend. */
function faultOf(status: number, what: string): string {
  if (status === 401) return 'The API server does not accept the token. Check --kube-token-file, or the service account'
  if (status === 403) return `The API server denies to ${what}. Grant that in a Role, with its name in resourceNames`
  if (status === 413 || status === 422) return `The API server refuses to ${what}: it is too large, or has another type`
  return `The API server answers ${status} to ${what}`
}

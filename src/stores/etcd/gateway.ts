import { isObject, type Json, type JsonObject } from '../../core/json.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { roundsOf } from '../rounds.ts'
import { member, type MemberDeps } from './member.ts'

const NO_ETCD = 'What answers is not the JSON gateway of an etcd. Check the addresses in --store'
const OTHER_CLUSTER = 'Another cluster answers than before. Put the first one back, or start this server anew'

/** Calls a method of etcd. Rejects with `StoreUnavailable`. */
export type Gateway = (path: string, parameters: object) => Promise<JsonObject>

/** What calls go to, and how. */
export interface GatewayDeps extends MemberDeps {
  readonly urls: readonly URL[]
}

/** A whole cluster, by those members that answer. The first cluster that answers is the only one that counts. */
export function gateway({ urls, ...deps }: GatewayDeps): Gateway {
  const anyOf = roundsOf(urls.map((url) => member(url, deps)), 'etcd')
  let cluster: Json | undefined
  return async (path, parameters) => {
    const body = JSON.stringify(parameters)
    const answer = await anyOf((call) => call(path, body))
    const { header } = answer
    const found = isObject(header) ? header['cluster_id'] : undefined
    if (found !== undefined && (cluster ??= found) === found) return answer
    throw new StoreUnavailable(found === undefined ? NO_ETCD : OTHER_CLUSTER)
  }
}

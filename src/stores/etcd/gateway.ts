import { systemSays } from '../../core/errno.ts'
import { isObject, type Json, type JsonObject } from '../../core/json.ts'
import { seconds } from '../../core/time.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { systemElapsed } from '../../system/clock.ts'
import { pause } from '../../system/pause.ts'
import { type Call, member, type MemberDeps } from './member.ts'

const CALL_SECONDS = 7
/** Before the next member is asked: if all refuse at once, nothing spins. */
const BREATH_SECONDS = seconds(0.03)
const NO_ETCD = 'What answers is not the JSON gateway of an etcd. Check the addresses in --store'
const OTHER_CLUSTER = 'Another cluster answers than before. Put the first one back, or start this server anew'

/** Calls a method of etcd. Rejects with `StoreUnavailable`. */
export type Gateway = (path: string, parameters: object) => Promise<JsonObject>

/** What calls go to, and how. */
export interface GatewayDeps extends MemberDeps {
  readonly urls: readonly URL[]
}

/**
 * A whole cluster: a member that does not answer within a second is passed over for the next one, with the very same
 * bytes. After seven seconds the call is given up, and whether it had an effect is unknown. The first cluster that
 * answers is the only one that counts.
 */
export function gateway({ urls, ...deps }: GatewayDeps): Gateway {
  const members = urls.map((url) => member(url, deps))
  let [cluster, first]: [Json | undefined, number] = [undefined, 0]
  return async (path, parameters) => {
    const body = JSON.stringify(parameters)
    const until = systemElapsed() + CALL_SECONDS
    // Each call goes round by itself: calls that fail together would otherwise step over the members that answer.
    for (let at = first; ; at = (at + 1) % members.length) {
      const answer = await tryOne(members[at]!, { path, body, until })
      if (answer !== undefined) {
        first = at
        const { header } = answer
        const found = isObject(header) ? header['cluster_id'] : undefined
        if (found !== undefined && (cluster ??= found) === found) return answer
        throw new StoreUnavailable(found === undefined ? NO_ETCD : OTHER_CLUSTER)
      }
      await pause(BREATH_SECONDS)
    }
  }
}

/** One try at one member; undefined if the next one should be asked. */
async function tryOne(
  call: Call,
  { path, body, until }: { readonly path: string; readonly body: string; readonly until: number },
): Promise<JsonObject | undefined> {
  try {
    return await call(path, body)
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    if (systemElapsed() < until) return undefined
    const reason = error instanceof Error && !('code' in error) ? error.message : systemSays(error)
    throw new StoreUnavailable(`etcd does not answer: ${reason}`)
  }
}

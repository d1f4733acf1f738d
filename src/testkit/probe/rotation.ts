import type { JsonObject } from '../../core/json.ts'
import { seconds } from '../../core/time.ts'
import { pause } from '../../system/pause.ts'
import { type Case, tokenOf } from '../kit.ts'
import type { TestIssuer } from '../testing.ts'
import type { Api } from './api.ts'
import type { Plan } from './plan.ts'
import { type Answered, type Finding, findingOf } from './verdict.ts'

const RETRY_SECONDS = seconds(1)

const rotated = (name: string, what: string, rest: Pick<Case, 'rule' | 'expected' | 'level'>): Case =>
  ({ name, what, ...rest, make: () => undefined })

const KEEPS_OLD = rotated('rotation-old-key', 'by the old key, which is still published', {
  rule: 'RFC 7517 5', expected: 'accept', level: 'must',
})
const TAKES_NEW = rotated('rotation-new-key', 'by a new key, some seconds after it was published', {
  rule: 'RFC 7517 5', expected: 'accept', level: 'must',
})
const DROPS_REMOVED = rotated('rotation-removed-key', 'by a key that is published no more', {
  rule: 'RFC 7517 5', expected: 'refuse', level: 'should',
})

/** A rotation of an issuer whose tokens the API accepts. */
interface Rotation extends Pick<Plan, 'patience'> {
  readonly issuer: TestIssuer
  readonly claims: JsonObject
  readonly api: Api
}

/** Rotates the key, then removes the old one: the API must keep the old, accept the new, and refuse the removed one. */
export async function tryRotation({ issuer, claims, api, patience }: Rotation): Promise<readonly Finding[]> {
  const { send, isAccepted } = api
  const until = async (make: () => Promise<string>, wanted: boolean): Promise<Answered> => {
    for (let waited = 0; ; waited += 1) {
      const got = await send(await make())
      if (isAccepted(got) === wanted || waited >= patience) return got
      await pause(RETRY_SECONDS)
    }
  }
  const old = issuer.kit(claims)
  await issuer.rotate()
  const keepsOld = await send(await tokenOf(old))
  const takesNew = await until(() => tokenOf(issuer.kit(claims)), true)
  await issuer.revoke(old.signer.kid)
  const dropsRemoved = await until(() => tokenOf(old), false)
  return [
    findingOf(KEEPS_OLD, keepsOld, isAccepted),
    findingOf(TAKES_NEW, takesNew, isAccepted),
    findingOf(DROPS_REMOVED, dropsRemoved, isAccepted),
  ]
}

import type { JsonObject } from '../../core/json.ts'
import { signedBy, tokenOf } from '../kit.ts'
import { type SetCase, setIssuer } from '../set-cases.ts'
import type { TestIssuer } from '../testing.ts'
import type { Api } from './api.ts'
import { type Finding, findingOf } from './verdict.ts'

/** An unusual key set of an issuer that the API trusts. */
interface SetTrial {
  readonly set: SetCase
  readonly issuer: TestIssuer
  readonly claims: JsonObject
  readonly api: Api
}

/**
 * Sends a right token, one of a key that the set lacks, which makes many verifiers fetch the set again, and a right one
 * once more.
 */
export async function trySet({ set, issuer, claims, api }: SetTrial): Promise<readonly Finding[]> {
  const { answer: _answer, ...shown } = set
  const kit = issuer.kit({ ...claims, iss: setIssuer(issuer.issuer, set.name) })
  const { unpublished, header } = kit
  const right = await api.send(await tokenOf(kit))
  const strange = await api.send(await signedBy(unpublished, { ...header, kid: unpublished.kid }, kit.claims))
  const again = await api.send(await tokenOf(kit, {}, { jti: `${String(kit.claims['jti'])}2` }))
  const make = (): undefined => undefined
  const name = `set-${set.name}`
  const stranger = { name: `${name}-stranger`, what: 'by a key that the set lacks', rule: 'RFC 7515 5.2', make }
  return [
    findingOf({ ...shown, name, make }, api.isAccepted(right) ? again : right, api.isAccepted),
    findingOf({ ...stranger, expected: 'refuse', level: 'must' }, strange, api.isAccepted),
  ]
}

import type { Config } from '../../config/config.ts'
import { isObject, parseJson } from '../../core/json.ts'
import { NO_MARKS } from '../../keyring/policy.ts'
import type { Case } from '../kit.ts'
import { startIssuer, type TestIssuer } from '../testing.ts'
import type { Plan } from './plan.ts'

/** Where the tokens of a probe come from. */
export interface Source {
  /** The issuer that the API must trust. */
  readonly issuer: string
  /** The audiences of a right token, as a person reads them. */
  readonly audience: string
  /** A new token of a case; undefined where the keys do not allow the case. */
  readonly token: (of: Case) => Promise<string | undefined>
  /** The issuer itself if this process runs it, so that its key can be rotated. */
  readonly own: TestIssuer | undefined
  readonly close: () => Promise<void>
}

const TOKEN_TIMEOUT_MS = 10_000

/** The source of a plan. Rejects when an issuer of our own cannot listen. */
export async function sourceOf(plan: Plan, config: Config): Promise<Source> {
  return plan.via === undefined ? await ownSource(plan, config) : sourceVia(plan.via, plan, config)
}

/** An issuer of our own, at the host and port that the configuration names. */
async function ownSource({ claims, typ, set }: Plan, config: Config): Promise<Source> {
  const { host, port, audience, issuer, policy } = config
  const { algs: [alg], rsaBits } = policy(NO_MARKS)
  const named = issuer === undefined ? {} : { issuer }
  const own = await startIssuer({ host, port, audience, alg, rsaBits, typ, set: set?.name, ...named })
  const token: Source['token'] = async (of) => of.make(own.kit(claims))
  return { issuer: own.issuer, audience: audienceText(audience), token, own, close: own.close }
}

/** A running server that answers `POST /auth?case=NAME`. `token` rejects when the answer is neither a token nor 409. */
function sourceVia(via: string, { claims }: Plan, { audience }: Config): Source {
  const base = via.replace(/\/$/, '')
  const body = JSON.stringify({ sub: 'test', aud: audience, ...claims })
  const headers = { 'content-type': 'application/json' }
  const token = async ({ name }: Case): Promise<string | undefined> => {
    const url = `${base}/auth?case=${name}`
    const signal = AbortSignal.timeout(TOKEN_TIMEOUT_MS)
    const answer = await fetch(url, { method: 'POST', body, headers, redirect: 'error', signal })
    const parsed = parseJson(await answer.text())
    if (answer.status === 409) return undefined
    const made = parsed.ok && isObject(parsed.value) ? parsed.value['token'] : undefined
    if (typeof made === 'string') return made
    throw new Error(`${url} answers ${answer.status}. Let --via name a jwksd whose /auth is open`)
  }
  return { issuer: base, audience: audienceText(audience), token, own: undefined, close: async () => {} }
}

function audienceText(audience: Config['audience']): string {
  return typeof audience === 'string' ? audience : audience.join(', ')
}

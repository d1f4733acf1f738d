import type { Config } from '../../config/config.ts'
import { isObject, type JsonObject, parseJson } from '../../core/json.ts'
import { NO_MARKS } from '../../keyring/policy.ts'
import { CATALOGUE } from '../catalogue.ts'
import type { Case } from '../kit.ts'
import { startIssuer, type TestIssuer } from '../testing.ts'

/** Where the tokens of a probe come from. */
export interface Source {
  /** Whom the API must trust, as a person would look for it. */
  readonly issuer: string
  readonly token: (of: Case) => Promise<string | undefined>
  /** The issuer itself, where it is ours to rotate. */
  readonly own: TestIssuer | undefined
  readonly close: () => Promise<void>
}

/** What every token shall say and be. */
export interface Shape {
  readonly claims: JsonObject
  readonly typ: string
}

/** Milliseconds that a server gets to make a token. */
const TIMEOUT = 10_000

/** Every case that there is. */
export const ALL_CASES: readonly Case[] = [...CATALOGUE.values()]

/** An issuer of our own, where the options of the server say. Rejects when it cannot listen there. */
export async function ownSource({ host, port, audience, issuer, policy }: Config, { claims, typ }: Shape): Promise<Source> {
  const { algs: [alg], rsaBits } = policy(NO_MARKS)
  const own = await startIssuer({ host, port, audience, alg, rsaBits, typ, ...(issuer === undefined ? {} : { issuer }) })
  return { issuer: own.issuer, token: async (of) => of.make(own.kit(claims)), own, close: own.close }
}

/** A running server that answers `POST /auth?case=NAME`. Rejects with an `Error` that says what it answered. */
export function sourceVia(via: string, { audience }: Config, { claims }: Shape): Source {
  const base = via.replace(/\/$/, '')
  const body = JSON.stringify({ sub: 'test', aud: audience, ...claims })
  const token = async ({ name }: Case): Promise<string | undefined> => {
    const asked = `${base}/auth?case=${name}`
    const answer = await fetch(asked, { method: 'POST', body, headers: { 'content-type': 'application/json' }, redirect: 'error', signal: AbortSignal.timeout(TIMEOUT) })
    const parsed = parseJson(await answer.text())
    const made = parsed.ok && isObject(parsed.value) ? parsed.value['token'] : undefined
    if (answer.status === 409) return undefined
    if (typeof made !== 'string') throw new Error(`${asked} answers ${answer.status}`)
    return made
  }
  return { issuer: base, token, own: undefined, close: async () => {} }
}

import { fail, ok, type Result } from '../../core/result.ts'
import { EXIT } from '../../system/exit.ts'
import { CATALOGUE } from '../catalogue.ts'
import { GOOD_CASES } from '../good-cases.ts'
import type { Case } from '../kit.ts'
import { type Api, apiOf } from './api.ts'
import type { Plan } from './plan.ts'
import { setIssuer } from '../set-cases.ts'
import { tryRotation } from './rotation.ts'
import { trySet } from './sets.ts'
import type { Source } from './source.ts'
import { type Finding, findingOf } from './verdict.ts'

/**
 * Probe: sends every token of the catalogue to an API and judges the answers. Start here; plan.ts reads the flags,
 * source.ts makes the tokens, api.ts sends them, verdict.ts judges, report.ts writes the findings.
 */

/** How a probe runs. */
export interface Probe {
  readonly plan: Plan
  readonly source: Source
  /** Shows a line to the person who waits. */
  readonly say: (line: string) => void
  readonly onProgress: (done: number, all: number) => void
}

/** Why an API cannot be probed, and the exit code for it. */
export interface Unfit {
  readonly exit: number
  readonly problem: string
}

/** Every case of the catalogue. */
export const ALL_CASES: readonly Case[] = [...CATALOGUE.values()]
/** Nothing is wrong with it. */
const PLAIN = GOOD_CASES[0] as Case

/** Tries an API with every case, and with a rotation if the plan gives it time for one; in the order of the cases. */
export async function probe({ plan, source, say, onProgress }: Probe): Promise<Result<readonly Finding[], Unfit>> {
  const { url, method, via, concurrency, claims, patience, set } = plan
  const contacted = via === undefined ? 'Nothing' : `The tokens come from ${via}; nothing`
  const [count, issuer] = set === undefined ? [ALL_CASES.length, source.issuer]
    : [3, setIssuer(source.issuer, set.name)]
  say(`Sending ${count} tokens to ${method} ${url}, which must trust the issuer ${issuer} ` +
    `for the audience ${source.audience}. ${contacted} else is contacted.`)
  const api = apiOf(plan)
  if (set !== undefined && source.own !== undefined) return ok(await trySet({ set, issuer: source.own, claims, api }))
  const unfit = await unfitness(url, api, source)
  if (unfit !== undefined) return fail(unfit)
  const findings = await tryAll({ cases: ALL_CASES, token: source.token, api, concurrency, onProgress })
  if (source.own === undefined || patience === 0) return ok(findings)
  say(`Rotating the key; the API gets ${patience} s for each step.`)
  return ok([...findings, ...await tryRotation({ issuer: source.own, claims, api, patience })])
}

/** An API that answers the same with and without a token shows nothing. */
async function unfitness(url: string, api: Api, { token, issuer, audience }: Source): Promise<Unfit | undefined> {
  const [without, right] = [await api.send(undefined), await api.send(await token(PLAIN))]
  if (without === 'no answer' || right === 'no answer') {
    return { exit: EXIT.unavailable, problem: `${url} does not answer. Start the API, and check the URL` }
  }
  if (api.isAccepted(without)) {
    const problem = `${url} answers ${without} without a token. Name an endpoint that requires one`
    return { exit: EXIT.refused, problem }
  }
  if (api.isAccepted(right)) return undefined
  const problem = `${url} answers ${right} to a right token. Let the API trust ${issuer} ` +
    `(keys at ${issuer}/.well-known/jwks.json) for the audience ${audience}`
  return { exit: EXIT.refused, problem }
}

interface Trial extends Pick<Probe, 'onProgress'>, Pick<Plan, 'concurrency'>, Pick<Source, 'token'> {
  readonly cases: readonly Case[]
  readonly api: Api
}

/** Sends a new token for each case, some at a time. */
async function tryAll({ cases, token: make, api, concurrency, onProgress }: Trial): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  const waiting = [...cases.entries()]
  let done = 0
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, of] = next
      const token = await make(of)
      findings[at] = findingOf(of, token === undefined ? undefined : await api.send(token), api.isAccepted)
      done += 1
      onProgress(done, cases.length)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return findings
}

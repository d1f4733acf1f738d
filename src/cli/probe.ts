import type { Config } from '../config/config.ts'
import { isObject, type JsonObject, parseJson } from '../core/json.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { seconds } from '../core/time.ts'
import { EXIT, refuse } from '../system/exit.ts'
import type { Command } from './command.ts'
import { pause } from '../system/pause.ts'
import { GOOD_CASES } from '../testkit/good-cases.ts'
import { type Case, type Kit, truly } from '../testkit/kit.ts'
import { type Answered, type Finding, isSound, judge, type Trial, tryAll } from '../testkit/probe/probe.ts'
import { type Format, isFormat, report } from '../testkit/probe/report.ts'
import { ALL_CASES, ownSource, type Source, sourceVia } from '../testkit/probe/source.ts'
import type { TestIssuer } from '../testkit/testing.ts'

type Own = Readonly<Record<string, string>>

/** What was asked for. */
interface Plan {
  readonly url: string
  readonly method: string
  readonly header: readonly [string, string] | undefined
  readonly accepted: readonly [number, number]
  readonly format: Format
  readonly typ: string
  readonly claims: JsonObject
  readonly concurrency: number
  /** Seconds that the API gets to notice a new key, and that an old one is gone. */
  readonly patience: number
  /** The running server that makes the tokens; undefined: this process does. */
  readonly via: string | undefined
}

/** Milliseconds that an answer may take. */
const TIMEOUT = 10_000
/** Seconds between two looks after a rotation. */
const LOOK_EVERY = seconds(1)

/** `jwksd probe URL`: sends the whole catalogue to an API that trusts our issuer, and reports what it accepts. */
export const probe: Command = {
  words: ['URL'],
  flags: [
    { name: 'format', value: 'FORMAT', meaning: 'table (the default), json, junit or tap' },
    { name: 'method', value: 'METHOD', meaning: 'the method of each request; GET by default' },
    { name: 'header', value: 'NAME: VALUE', meaning: 'a header of each request' },
    { name: 'accept', value: 'STATUS', meaning: 'the statuses that mean accepted; 200-299 by default' },
    { name: 'claims', value: 'JSON', meaning: 'claims that the API needs besides the usual ones' },
    { name: 'typ', value: 'TYPE', meaning: 'the typ of a right token: JWT by default, at+jwt for RFC 9068' },
    { name: 'concurrency', value: 'COUNT', meaning: 'requests at the same time; 4 by default' },
    { name: 'via', value: 'URL', meaning: 'a running jwksd whose /auth makes the tokens' },
    { name: 'rotation', value: 'SECONDS', meaning: 'rotate the key too, and give the API this long to notice' },
  ],
  meaning: 'Find out which bad tokens an API accepts. While this runs, the API must trust the issuer at --host and --port.',
  example: 'jwksd probe http://localhost:3000/me --port 8080',
  run: ({ config, own, words: [url = ''] }) => probeApi(config, url, own),
}

async function probeApi(config: Config, url: string, said: Own): Promise<void> {
  const plan = planOf(url, said)
  if (!plan.ok) return refuse(EXIT.config, plan.error)
  let source: Source | undefined
  try {
    source = plan.value.via === undefined ? await ownSource(config, plan.value) : sourceVia(plan.value.via, config, plan.value)
    await run(plan.value, config.audience, source)
  } catch (error) {
    refuse(EXIT.unavailable, (error as Error).message)
  } finally {
    await source?.close()
  }
}

async function run(plan: Plan, aud: Config['audience'], { issuer, token, own }: Source): Promise<void> {
  const { url, method, format, via } = plan
  const say = (line: string): void => void process.stderr.write(`${line}\n`)
  const audience = typeof aud === 'string' ? aud : aud.join(', ')
  say(`Sending ${ALL_CASES.length} tokens to ${method} ${url}, which must trust the issuer ${issuer} for the audience ${audience}. ` +
    (via === undefined ? 'Nothing else is contacted.' : `The tokens come from ${via}; nothing else is contacted.`))
  const send = (text: string | undefined): Promise<Answered> => sendTo(plan, text)
  const isAccepted = (status: number): boolean => status >= plan.accepted[0] && status <= plan.accepted[1]
  const [without, right] = [await send(undefined), await send(await token(PLAIN))]
  if (without === 'no answer' || right === 'no answer') return refuse(EXIT.unavailable, `${url} does not answer`)
  if (isAccepted(without)) return refuse(EXIT.refused, `${url} answers ${without} without any token: it is not protected`)
  if (!isAccepted(right)) return refuse(EXIT.refused, `${url} answers ${right} to a right token: does it trust ${issuer} (keys at ${issuer}/.well-known/jwks.json) for the audience ${audience}?`)
  const isTerminal = process.stderr.isTTY
  const onProgress = (done: number, all: number): void => void (isTerminal && process.stderr.write(`\r${done} of ${all}${done === all ? '\n' : ''}`))
  const trial: Trial = { cases: ALL_CASES, token, send, isAccepted, concurrency: plan.concurrency, onProgress }
  const findings = [...await tryAll(trial), ...(own === undefined || plan.patience === 0 ? [] : await rotation(plan, own, trial, say))]
  process.stdout.write(report(findings, url, format))
  process.exitCode = isSound(findings) ? 0 : EXIT.refused
}

/** Nothing is wrong with it. */
const PLAIN = GOOD_CASES[0] as Case

/** A rotation as the API sees it: the old key goes on, the new one is picked up, the removed one is dropped. */
async function rotation({ patience, claims }: Plan, issuer: TestIssuer, { send, isAccepted }: Trial, say: (line: string) => void): Promise<readonly Finding[]> {
  say(`Rotating the key; the API gets ${patience} s for each step.`)
  const kit = (): Kit => issuer.kit(claims)
  const old = kit()
  await issuer.rotate()
  const until = async (make: () => Promise<string>, wanted: boolean): Promise<Answered> => {
    for (let waited = 0; ; waited += 1) {
      const got = await send(await make())
      if ((got !== 'no answer' && isAccepted(got)) === wanted || waited >= patience) return got
      await pause(LOOK_EVERY)
    }
  }
  const found = (of: Case, got: Answered): Finding => ({ of, got, verdict: judge(of, got, isAccepted) })
  const goesOn = found(ROTATION.goesOn, await send(await truly(old)))
  const picksUp = found(ROTATION.picksUp, await until(() => truly(kit()), true))
  await issuer.revoke(old.signer.kid)
  const drops = found(ROTATION.drops, await until(() => truly(old), false))
  return [goesOn, picksUp, drops]
}

const rotated = (name: string, what: string, rule: string, expected: Case['expected'], level: Case['level']): Case =>
  ({ name, what, rule, expected, level, make: () => undefined })

const ROTATION = {
  goesOn: rotated('rotation-old-key', 'by the old key, which is still published', 'RFC 7517 5', 'accept', 'must'),
  picksUp: rotated('rotation-new-key', 'by a new key, some seconds after it was published', 'RFC 7517 5', 'accept', 'must'),
  drops: rotated('rotation-removed-key', 'by a key that is published no more', 'RFC 7517 5', 'refuse', 'should'),
}

async function sendTo({ url, method, header }: Plan, token: string | undefined): Promise<Answered> {
  const headers = { ...(header === undefined ? {} : { [header[0]]: header[1] }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) }
  try {
    const { status, body } = await fetch(url, { method, headers, redirect: 'manual', signal: AbortSignal.timeout(TIMEOUT) })
    await body?.cancel()
    return status
  } catch {
    return 'no answer'
  }
}

function planOf(url: string, own: Own): Result<Plan, string> {
  const { method = 'GET', header, accept = '200-299', format = 'table', typ = 'JWT', claims = '{}', concurrency = '4', rotation: patience = '0', via } = own as Partial<Own>
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) return fail('URL: must be the http or https URL of an endpoint that wants a token')
  if (!/^[A-Z]{1,16}$/.test(method)) return fail('method: must be a method such as GET')
  const [, name, value = ''] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):\s*([\x20-\x7e]*)$/.exec(header ?? '') ?? []
  if (header !== undefined && name === undefined) return fail('header: must be written NAME: VALUE')
  const [, low = '', high = low] = /^([1-5]\d\d)(?:-([1-5]\d\d))?$/.exec(accept) ?? []
  if (low === '') return fail('accept: must be a status such as 200, or a range such as 200-299')
  if (!isFormat(format)) return fail('format: must be table, json, junit or tap')
  const parsed = parseJson(claims)
  if (!parsed.ok || !isObject(parsed.value)) return fail('claims: must be a JSON object')
  if (!/^[1-9]\d?$/.test(concurrency)) return fail('concurrency: must be a whole number from 1 to 99')
  if (!/^\d{1,4}$/.test(patience)) return fail('rotation: must be a whole number of seconds')
  if (via !== undefined && !URL.canParse(via)) return fail('via: must be the URL of a running jwksd')
  if (via !== undefined && (typ !== 'JWT' || patience !== '0')) return fail('via: goes neither with typ nor with rotation, which are for keys of our own')
  return ok({
    url, via, method, format, typ, claims: parsed.value, accepted: [Number(low), Number(high)],
    header: name === undefined ? undefined : [name, value], concurrency: Number(concurrency), patience: Number(patience),
  })
}

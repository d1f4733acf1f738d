import type { Config } from '../config/config.ts'
import type { Json, JsonObject } from '../core/json.ts'
import { printable } from '../core/printable.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { parseDuration } from '../core/duration.ts'
import { readSecret } from '../system/private-file.ts'
import { EXIT } from '../system/exit.ts'
import { addressIn, askIssuer, type Issuing, metadataOf, notFetched, readUrl } from './issuer-documents.ts'
import { failed, type Outcome, readInput, wrongUse } from './token-outcome.ts'
import type { Own } from './token-verify.ts'

/** What a terminal and a shell variable can hold without harm. */
const VISIBLE_ASCII = /^[\x21-\x7e]+$/
const FORM = 'application/x-www-form-urlencoded'

/** Gets a token: from /auth of a development server, or for a client of its issuer. */
export async function mintToken(config: Config, own: Own): Promise<Outcome> {
  const { url, client, 'secret-file': file, 'allow-http': allowed } = own
  if (url === undefined) return wrongUse('--url is not set. Name the issuer: --url http://127.0.0.1:8080')
  const typed = readUrl(url, allowed !== undefined)
  if (!typed.ok) return typed.error
  if ((client === undefined) !== (file === undefined)) {
    return wrongUse('--client ID and --secret-file FILE belong together')
  }
  const issuing = { url, allowHttp: allowed !== undefined }
  return client === undefined ? await fromAuth(url, own) : await forClient(issuing, config, own)
}

async function fromAuth(url: string, { sub, audience, scope, ttl, alg }: Own): Promise<Outcome> {
  const length = ttl === undefined ? undefined : parseDuration(ttl)
  if (ttl !== undefined && length === undefined) return wrongUse('--ttl must be a duration such as 90s, 15m, 48h')
  const body = JSON.stringify({ sub, aud: audience, scope, ttl: length, alg })
  const headers = { 'content-type': 'application/json' }
  return await tokenFrom(`${url.replace(/\/$/, '')}/auth`, { headers, body, member: 'token' })
}

async function forClient(issuing: Issuing, config: Config, own: Own): Promise<Outcome> {
  const { sub, alg, ttl, client = '', audience, scope } = own
  if ((sub ?? alg ?? ttl) !== undefined) {
    return wrongUse('--sub, --alg and --ttl are for /auth. Leave them out with --client')
  }
  const secret = await secretFrom(own['secret-file'] ?? '', config)
  if (!secret.ok) return secret.error
  const metadata = await metadataOf(issuing.url)
  if (!metadata.ok) return metadata.error
  const endpoint = tokenEndpoint(metadata.value, issuing)
  if (!endpoint.ok) return endpoint.error
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    ...audience === undefined ? {} : { audience },
    ...scope === undefined ? {} : { scope },
  })
  const headers = { 'content-type': FORM, authorization: basic(client, secret.value) }
  return await tokenFrom(endpoint.value, { headers, body: form.toString(), member: 'access_token' })
}

/** Both parts are encoded as in a form before they are joined (RFC 6749 section 2.3.1). */
function basic(...parts: readonly string[]): string {
  const [id, secret] = parts.map((part) => new URLSearchParams([['', part]]).toString().slice(1))
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
}

/** Only the issuer itself gets the secret. */
function tokenEndpoint(metadata: JsonObject, issuing: Issuing): Result<string, Outcome> {
  const endpoint = addressIn(metadata, 'token_endpoint', issuing)
  if (!endpoint.ok || new URL(endpoint.value).origin === new URL(issuing.url).origin) return endpoint
  return fail(notFetched(issuing.url, `token_endpoint of its metadata is of another origin, ${endpoint.value}`))
}

async function secretFrom(path: string, { allowShared }: Config): Promise<Result<string, Outcome>> {
  const read = path === '-' ? await readInput(path) : await fromFile(path, allowShared)
  if (!read.ok) return read
  return read.value === '' ? fail(wrongUse('--secret-file holds nothing')) : read
}

async function fromFile(path: string, allowShared: boolean): Promise<Result<string, Outcome>> {
  const file = await readSecret(path, allowShared)
  return file.ok ? ok(file.value.toString('utf8').trim()) : fail(wrongUse(`--secret-file: ${file.error}`))
}

/** A request for a token, and the member of the answer that holds it. */
interface TokenRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly member: 'token' | 'access_token'
}

async function tokenFrom(url: string, { headers, body, member }: TokenRequest): Promise<Outcome> {
  const length = { 'content-length': String(Buffer.byteLength(body)) }
  const answer = await askIssuer(url, { method: 'POST', headers: { ...headers, ...length }, body })
  if (!answer.ok) return answer.error
  const { status, body: { [member]: token, error = '', error_description: description, detail, title } } = answer.value
  if (status === 200 && typeof token === 'string' && VISIBLE_ASCII.test(token)) {
    return { exit: 0, json: { ok: true, token }, lines: [token] }
  }
  if (status === 200) return notFetched(url, `its answer holds no ${member} in visible ASCII`)
  const said = [error, description ?? detail ?? title].filter(isText).join(': ')
  const isRefusal = status >= 400 && status < 500 && status !== 404
  const why = printable(`${url} answers ${status}${said === '' ? '' : `: ${said}`}`)
  return failed(isRefusal ? EXIT.refused : EXIT.unavailable, isRefusal ? 'refused' : 'fetch', `No token: ${why}`)
}

function isText(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== ''
}

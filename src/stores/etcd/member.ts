import type { Agent } from 'node:http'
import { isObject, type JsonObject, parseJsonBytes } from '../../core/json.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { type Answer, ask } from '../peer.ts'

const TRY_MS = 1000
const MAX_ANSWER_BYTES = 4 * 1024 * 1024
/** Codes of gRPC: nobody is logged in; what is named is not there. */
const [UNAUTHENTICATED, NOT_FOUND] = [16, 5]
/** Another member may answer: too many requests; unknown, deadline exceeded, resource exhausted, unavailable. */
const PASSING: readonly unknown[] = [429, 2, 4, 8, 14]
/** What an operator has to mend, by what a member says. */
const FAULTS: readonly (readonly [RegExp, string])[] = [
  [/CommonName/, 'refuses a client certificate with a common name (CN). Name one without it as --store-cert'],
  [/authentication failed/, 'refuses --store-user with the password in --store-password-file'],
  [/not enabled/, 'has no users. Leave out --store-user'],
  [/user name is empty/, 'has users. Set --store-user and --store-password-file'],
  [/permission denied/, 'denies to read and write below the prefix. Set --store-user, and grant it a role that may'],
  [/space exceeded/, 'has no space left (alarm NOSPACE). Compact and defragment it, then disarm the alarm'],
  [/page not found/, 'does not serve its JSON gateway. Start it with --enable-grpc-gateway'],
]

/** A user of etcd; the password is read for each login. */
export interface Login {
  readonly name: string
  readonly password: () => Promise<string>
}

/** How the members of a cluster are reached. */
export interface MemberDeps {
  readonly agent: () => Promise<Agent>
  readonly login: Login | undefined
}

/** Sends a body to a path, and answers what the member answers. */
export type Call = (path: string, body: string) => Promise<JsonObject>

/** What the request names is not there. */
export class Missing extends StoreUnavailable {}

/**
 * One member of an etcd cluster, by the JSON gateway. Rejects with `StoreUnavailable` for what no other member would
 * answer otherwise, and with another error where one may.
 */
export function member(url: URL, { agent, login }: MemberDeps): Call {
  let token: Promise<string> | undefined
  const send = async (path: string, body: string, headers?: Readonly<Record<string, string>>): Promise<Answer> =>
    await ask({
      url: new URL(path, url), method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body,
      withinMs: TRY_MS, maxBytes: MAX_ANSWER_BYTES, agent: await agent(),
    })
  const logIn = async ({ name, password }: Login): Promise<string> => {
    const body = JSON.stringify({ name, password: await password() })
    return String(judged(await send('/v3/auth/authenticate', body))['token'])
  }
  return async (path, body) => {
    if (login === undefined) return judged(await send(path, body))
    const known = token ??= logIn(login)
    const forget = (): void => void (token = token === known ? undefined : token)
    known.catch(forget)
    const answer = await send(path, body, { authorization: await known })
    if (!isLoggedOut(answer)) return judged(answer)
    // A member forgets its tokens after a while, when it starts anew, and when users change.
    forget()
    return judged(await send(path, body, { authorization: await (token ??= logIn(login)) }))
  }
}

function contentOf({ body }: Answer): JsonObject | undefined {
  const parsed = parseJsonBytes(body)
  return parsed.ok && isObject(parsed.value) ? parsed.value : undefined
}

function isLoggedOut(answer: Answer): boolean {
  const { code, message } = contentOf(answer) ?? {}
  return code === UNAUTHENTICATED || /revision in header is old/.test(String(message))
}

function codeOf(content: JsonObject | undefined): unknown {
  return content?.['code']
}

/** The content of an answer, if it is a right one. */
function judged(answer: Answer): JsonObject {
  const content = contentOf(answer)
  if (answer.status === 200 && content !== undefined) return content
  const says = String(content?.['message'] ?? answer.body.toString('latin1', 0, 200))
  const [, fault] = FAULTS.find(([pattern]) => pattern.test(says)) ?? []
  if (fault !== undefined) throw new StoreUnavailable(`etcd ${fault}`)
  const code = codeOf(content)
  const what = `etcd answers ${answer.status}${code === undefined ? '' : ` with code ${code}`}`
  if (answer.status >= 500 || [answer.status, code].some((one) => PASSING.includes(one))) throw new Error(what)
  throw code === NOT_FOUND ? new Missing(what) : new StoreUnavailable(what)
}

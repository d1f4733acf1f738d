import type { Call, Handler } from './call.ts'
import { problem } from './problem.ts'
import { type Reply, reply } from './reply.ts'

/**
 * Which web pages may read the responses: all; none, although their requests are answered; or pages of exactly these
 * origins, while requests of others are refused, and so are requests that do not say for which host they are.
 */
export type Cors = 'public' | 'unreadable' | Origins

/** Whether pages of an origin may call a path under this `Host`; a set of origins asks for no host. */
export interface Origins {
  readonly has: (origin: string, host: string) => boolean
}

/** One path and its handlers; GET includes HEAD, and every path has OPTIONS. */
export interface Route {
  readonly path: string
  readonly methods: Readonly<Partial<Record<'GET' | 'POST', Handler>>>
  readonly cors: Cors
}

/** Finds the handler of a method on a path. */
export interface Router {
  readonly find: (method: string, path: string) => Found
  /** Whether a request can have a body. */
  readonly takesBodies: boolean
}

/** The handler of a request, or the response to a request that has none. */
export type Found = { readonly handler: Handler } | { readonly refusal: Reply }

/** The header of a document that every web page may read; its handler adds it to the responses that it prepares. */
export const PUBLIC: Readonly<Record<string, string>> = { 'access-control-allow-origin': '*' }

/** How long a browser may remember the answer to OPTIONS. */
const PREFLIGHT_SECONDS = '86400'
const NOT_FOUND: Found = { refusal: problem(404, 'There is nothing at this path') }

/** Prepares at registration what is the same for every request: methods, 405 with `Allow`, HEAD, OPTIONS, origins. */
export function router(routes: readonly Route[]): Router {
  const paths = new Map<string, (method: string) => Found>()
  for (const route of routes) {
    if (paths.has(route.path)) throw new TypeError(`Cannot register ${route.path} twice`)
    paths.set(route.path, methodsOf(route))
  }
  const takesBodies = routes.some(({ methods }) => methods.POST !== undefined)
  return { find: (method, path) => paths.get(path)?.(method) ?? NOT_FOUND, takesBodies }
}

function methodsOf({ methods: { GET, POST }, cors }: Route): (method: string) => Found {
  const handlers = { ...(GET && { GET, HEAD: GET }), ...(POST && { POST }) }
  const allow = [...Object.keys(handlers), 'OPTIONS'].join(', ')
  const found = new Map<string, Found>([['OPTIONS', { handler: preflight(cors, allow) }]])
  for (const [name, handler] of Object.entries(handlers)) found.set(name, { handler: checkingOrigin(handler, cors) })
  const notAllowed: Found = { refusal: problem(405, `This path allows ${allow}`, { headers: { allow } }) }
  return (method) => found.get(method) ?? notAllowed
}

/** Refuses web pages of other origins than the allowed ones, where some are allowed; names the allowed origin. */
function checkingOrigin(handler: Handler, cors: Cors): Handler {
  if (typeof cors === 'string') return handler
  return (call) => {
    const origin = call.header('origin')
    const host = call.header('host')
    if (host === undefined) return problem(400, 'There must be one Host line')
    if (origin === undefined) return handler(call)
    if (!cors.has(origin, host)) return problem(403, 'Pages of this origin may not call this path')
    const answer = handler(call)
    return answer instanceof Promise ? answer.then((ready) => allowing(ready, origin)) : allowing(answer, origin)
  }
}

function allowing(answer: Reply, origin: string): Reply {
  return { ...answer, headers: { ...answer.headers, 'access-control-allow-origin': origin, 'vary': 'origin' } }
}

/** Answers OPTIONS, and the preflight of a browser (Fetch standard, CORS preflight). */
function preflight(cors: Cors, allow: string): Handler {
  const plain = reply(204, { allow })
  const methods = { allow, 'access-control-allow-methods': allow, 'access-control-max-age': PREFLIGHT_SECONDS }
  const everyone = reply(204, { ...methods, ...PUBLIC, 'access-control-allow-headers': '*' })
  return (call: Call) => {
    const origin = call.header('origin')
    if (origin === undefined || call.header('access-control-request-method') === undefined) return plain
    if (typeof cors === 'string') return cors === 'public' ? everyone : plain
    const answer = reply(204, { ...methods, 'access-control-allow-headers': 'authorization, content-type' })
    return cors.has(origin, call.header('host') ?? '') ? allowing(answer, origin) : plain
  }
}

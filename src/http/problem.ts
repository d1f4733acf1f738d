import { printable } from '../core/printable.ts'
import { type Reply, reply } from './reply.ts'

/** The statuses that we refuse with, and their titles (RFC 9110 section 15, RFC 6585 section 5). */
const TITLES: ReadonlyMap<number, string> = new Map([
  [400, 'Bad Request'],
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [404, 'Not Found'],
  [405, 'Method Not Allowed'],
  [408, 'Request Timeout'],
  [409, 'Conflict'],
  [413, 'Content Too Large'],
  [415, 'Unsupported Media Type'],
  [417, 'Expectation Failed'],
  [421, 'Misdirected Request'],
  [431, 'Request Header Fields Too Large'],
  [500, 'Internal Server Error'],
  [503, 'Service Unavailable'],
  [505, 'HTTP Version Not Supported'],
])

const LONGEST_MEMBER = 64

/** What a problem may carry besides its detail. */
export interface ProblemExtra {
  /** The member, parameter or header at fault, as the request spelled it. */
  readonly member?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Numbers that say more than the detail, each under a name of its own (RFC 9457 section 3.2). */
  readonly figures?: Readonly<Record<string, number>>
}

/** The one writer of refusals outside OAuth: application/problem+json (RFC 9457 section 3). */
export function problem(status: number, detail?: string, { member, headers = {}, figures = {} }: ProblemExtra = {}): Reply {
  const content = {
    type: 'about:blank',
    title: TITLES.get(status),
    status,
    detail,
    member: member?.slice(0, LONGEST_MEMBER),
    ...figures,
  }
  return reply(status, { 'content-type': 'application/problem+json', ...headers }, `${printable(JSON.stringify(content))}\n`)
}

/** The answer to a request that met a bug of ours: it says nothing else. */
export function bareFault(): Reply {
  return problem(500)
}

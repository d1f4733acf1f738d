import { STATUS_CODES } from 'node:http'
import { printable } from '../core/printable.ts'
import { type Reply, reply } from './reply.ts'

const MAX_MEMBER_LENGTH = 64

/** What a problem may carry besides its detail. */
export interface ProblemExtra {
  /** The member, parameter or header at fault, as the request spelled it. */
  readonly member?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Numbers that explain the detail, each under a name of its own (RFC 9457 section 3.2). */
  readonly figures?: Readonly<Record<string, number>>
}

/** The one writer of error responses outside OAuth: application/problem+json (RFC 9457 section 3). */
export function problem(status: number, detail?: string, { member, headers, figures }: ProblemExtra = {}): Reply {
  // Not every Node knows the title of 413 that RFC 9110 gave it.
  const title = status === 413 ? 'Content Too Large' : STATUS_CODES[status]
  const cut = member?.slice(0, MAX_MEMBER_LENGTH)
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, member: cut, ...figures })
  return reply(status, { 'content-type': 'application/problem+json', ...headers }, `${printable(body)}\n`)
}

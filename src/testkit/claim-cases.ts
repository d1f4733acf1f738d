import { type Case, casesOf, type Kit, tokenOf } from './kit.ts'

/** Seconds. */
const HOUR = 3600
const CENTURY = 100 * 365 * 24 * HOUR

const claims = (change: (kit: Kit) => object): Case['make'] => (kit) => tokenOf(kit, {}, change(kit))

/** So many seconds from now, as a whole number. */
const inSeconds = ({ now }: Kit, length: number): number => Math.floor(now) + length
const audience = ({ claims: { aud } }: Kit): string => typeof aud === 'string' ? aud : aud[0] ?? ''
const issuer = ({ claims: { iss } }: Kit): string => iss

const expired = (kit: Kit): object => {
  const begin = inSeconds(kit, -2 * HOUR)
  return { exp: inSeconds(kit, -HOUR), iat: begin, nbf: begin }
}
const startsAt = (claim: 'nbf' | 'iat') => (kit: Kit): object =>
  ({ [claim]: inSeconds(kit, HOUR), exp: inSeconds(kit, Math.min(2 * HOUR, kit.longest ?? Infinity)) })
const otherSlash = (kit: Kit): object =>
  ({ iss: issuer(kit).endsWith('/') ? issuer(kit).slice(0, -1) : `${issuer(kit)}/` })

const TIMES = casesOf('refuse', [
  ['expired', 'expired an hour ago', 'RFC 7519 4.1.4', claims(expired)],
  ['not-yet-valid', 'valid in an hour', 'RFC 7519 4.1.5', claims(startsAt('nbf'))],
  ['issued-in-future', 'issued in an hour', 'RFC 7519 4.1.6', claims(startsAt('iat')), 'should'],
  ['exp-missing', 'no exp', 'RFC 9068 2.2', claims(() => ({ exp: undefined }))],
  ['exp-text', 'exp is a text', 'RFC 7519 4.1.4', claims((kit) => ({ exp: String(inSeconds(kit, HOUR)) }))],
  ['exp-null', 'exp is null', 'RFC 7519 4.1.4', claims(() => ({ exp: null }))],
  ['exp-negative', 'expired before 1970', 'RFC 7519 4.1.4', claims(() => ({ exp: -1 }))],
  ['exp-list', 'exp is a list', 'RFC 7519 4.1.4', claims((kit) => ({ exp: [inSeconds(kit, HOUR)] }))],
  ['exp-far', 'expires in a hundred years', 'RFC 8725 3.10',
    claims((kit) => ({ exp: inSeconds(kit, CENTURY) })), 'should'],
  ['nbf-text', 'nbf is a text', 'RFC 7519 4.1.5', claims((kit) => ({ nbf: String(inSeconds(kit, HOUR)) }))],
])

const ISSUERS = casesOf('refuse', [
  ['issuer-wrong', 'another issuer', 'RFC 8725 3.8', claims(() => ({ iss: 'https://attacker.example' }))],
  ['issuer-missing', 'no issuer', 'RFC 8725 3.8', claims(() => ({ iss: undefined }))],
  ['issuer-slash', 'the issuer with a slash too many, or without its slash', 'RFC 8725 3.8', claims(otherSlash)],
  ['issuer-case', 'the issuer in capitals', 'RFC 8725 3.8', claims((kit) => ({ iss: issuer(kit).toUpperCase() }))],
  ['issuer-suffix', 'a host that begins like the issuer', 'RFC 8725 3.8',
    claims((kit) => ({ iss: `${issuer(kit)}.attacker.example` }))],
  ['issuer-port', 'another port', 'RFC 8725 3.8', claims((kit) => ({ iss: `${issuer(kit).replace(/:\d+$/, '')}:1` }))],
  ['issuer-list', 'a list that holds the issuer', 'RFC 7519 4.1.1',
    claims((kit) => ({ iss: [issuer(kit), 'https://attacker.example'] }))],
])

const AUDIENCES = casesOf('refuse', [
  ['audience-wrong', 'for another API', 'RFC 8725 3.9', claims(() => ({ aud: 'https://other.example' }))],
  ['audience-list', 'for a list of other APIs', 'RFC 8725 3.9',
    claims(() => ({ aud: ['https://other.example', 'https://third.example'] }))],
  ['audience-missing', 'no audience', 'RFC 8725 3.9', claims(() => ({ aud: undefined }))],
  ['audience-empty', 'for an empty list', 'RFC 8725 3.9', claims(() => ({ aud: [] }))],
  ['audience-prefix', 'for an API whose name begins like this one', 'RFC 8725 3.9',
    claims((kit) => ({ aud: `${audience(kit)}.attacker.example` }))],
  ['audience-part', 'for an API whose name is a part of this one', 'RFC 8725 3.9',
    claims((kit) => ({ aud: audience(kit).slice(0, -1) }))],
  ['audience-object', 'the audience is the name of a member', 'RFC 7519 4.1.3',
    claims((kit) => ({ aud: { [audience(kit)]: true } }))],
])

/** Tokens by the right key whose claims must not be believed. */
export const CLAIM_CASES: readonly Case[] = [...TIMES, ...ISSUERS, ...AUDIENCES]

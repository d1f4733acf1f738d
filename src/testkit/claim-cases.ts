import type { Case, Kit } from './kit.ts'
import { truly } from './kit.ts'

/** Seconds. */
const HOUR = 3600
const CENTURY = 100 * 365 * 24 * HOUR

const wrong = (name: string, what: string, rule: string, claims: (kit: Kit) => object, level: Case['level'] = 'must'): Case =>
  ({ name, what, rule, expected: 'refuse', level, make: (kit) => truly(kit, {}, claims(kit)) })

const audience = ({ claims: { aud } }: Kit): string => typeof aud === 'string' ? aud : aud[0] ?? ''
const issuer = ({ claims: { iss } }: Kit): string => iss

/** Tokens by the right key whose claims must not be believed. */
export const CLAIM_CASES: readonly Case[] = [
  wrong('expired', 'expired an hour ago', 'RFC 7519 4.1.4', ({ now }) => ({ exp: Math.floor(now) - HOUR, iat: Math.floor(now) - 2 * HOUR, nbf: Math.floor(now) - 2 * HOUR })),
  wrong('not-yet-valid', 'valid in an hour', 'RFC 7519 4.1.5', ({ now }) => ({ nbf: Math.floor(now) + HOUR, exp: Math.floor(now) + 2 * HOUR })),
  wrong('issued-in-future', 'issued in an hour', 'RFC 7519 4.1.6', ({ now }) => ({ iat: Math.floor(now) + HOUR, exp: Math.floor(now) + 2 * HOUR }), 'should'),
  wrong('exp-missing', 'says nothing of its end', 'RFC 9068 2.2', () => ({ exp: undefined })),
  wrong('exp-text', 'exp is a text', 'RFC 7519 4.1.4', ({ now }) => ({ exp: String(Math.floor(now) + HOUR) })),
  wrong('exp-null', 'exp is null', 'RFC 7519 4.1.4', () => ({ exp: null })),
  wrong('exp-negative', 'ended before 1970', 'RFC 7519 4.1.4', () => ({ exp: -1 })),
  wrong('exp-list', 'exp is a list', 'RFC 7519 4.1.4', ({ now }) => ({ exp: [Math.floor(now) + HOUR] })),
  wrong('exp-far', 'good for a hundred years', 'RFC 8725 3.10', ({ now }) => ({ exp: Math.floor(now) + CENTURY }), 'should'),
  wrong('nbf-text', 'nbf is a text', 'RFC 7519 4.1.5', ({ now }) => ({ nbf: String(Math.floor(now) + HOUR) })),
  wrong('issuer-wrong', 'another issuer', 'RFC 8725 3.8', () => ({ iss: 'https://attacker.example' })),
  wrong('issuer-missing', 'no issuer', 'RFC 8725 3.8', () => ({ iss: undefined })),
  wrong('issuer-slash', 'the issuer with a slash behind it, or without the one that it has', 'RFC 8725 3.8', (kit) => ({ iss: issuer(kit).endsWith('/') ? issuer(kit).slice(0, -1) : `${issuer(kit)}/` })),
  wrong('issuer-case', 'the issuer in capitals', 'RFC 8725 3.8', (kit) => ({ iss: issuer(kit).toUpperCase() })),
  wrong('issuer-suffix', 'a host that begins like the issuer', 'RFC 8725 3.8', (kit) => ({ iss: `${issuer(kit)}.attacker.example` })),
  wrong('issuer-port', 'another port', 'RFC 8725 3.8', (kit) => ({ iss: `${issuer(kit).replace(/:\d+$/, '')}:1` })),
  wrong('issuer-list', 'a list that holds the issuer', 'RFC 7519 4.1.1', (kit) => ({ iss: [issuer(kit), 'https://attacker.example'] })),
  wrong('audience-wrong', 'for another API', 'RFC 8725 3.9', () => ({ aud: 'https://other.example' })),
  wrong('audience-list', 'for a list of other APIs', 'RFC 8725 3.9', () => ({ aud: ['https://other.example', 'https://third.example'] })),
  wrong('audience-missing', 'for nobody in particular', 'RFC 8725 3.9', () => ({ aud: undefined })),
  wrong('audience-empty', 'for an empty list', 'RFC 8725 3.9', () => ({ aud: [] })),
  wrong('audience-prefix', 'for an API whose name begins like this one', 'RFC 8725 3.9', (kit) => ({ aud: `${audience(kit)}.attacker.example` })),
  wrong('audience-part', 'for an API whose name is a part of this one', 'RFC 8725 3.9', (kit) => ({ aud: audience(kit).slice(0, -1) })),
  wrong('audience-object', 'the audience is the name of a member', 'RFC 7519 4.1.3', (kit) => ({ aud: { [audience(kit)]: true } })),
]

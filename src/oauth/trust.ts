import type { Json } from '../core/json.ts'
import type { KeyRules, Trusted, TrustedIssuer } from './client.ts'
import { readKeys } from './key-source.ts'
import { flagOf, listOf, nameOf, objectOf, optional, type Reader, subjectsOf, Wrong } from './members.ts'

const issuerOf = objectOf('issuer', 'jwks', 'jwks_uri', 'reuse')
const trustOf = objectOf('issuer', 'subjects')

/** What the keys of an issuer must keep to, and the issuer of this server. */
type IssuerRules = KeyRules & { readonly issuer?: string | undefined }

/** An issuer and its name. */
type Entry = readonly [name: string, issuer: TrustedIssuer]

/** Reads the issuers in a clients file, whose tokens some client trades in. */
export async function readIssuers(raw: Json, rules: IssuerRules): Promise<readonly Entry[]> {
  return await Promise.all(listOf((entry, at) => readIssuer(entry, at, rules))(raw, 'issuers'))
}

async function readIssuer(raw: Json | undefined, at: string, rules: IssuerRules): Promise<Entry> {
  const entry = issuerOf(raw, at)
  const name = nameOf(entry['issuer'], `${at}.issuer`)
  if (isSameIssuer(name, rules.issuer)) throw new Wrong(`${at}.issuer is this server itself; name another one`)
  return [name, {
    keys: await readKeys(entry, at, rules),
    mayReuse: optional(flagOf, false)(entry['reuse'], `${at}.reuse`),
  }]
}

/** Whether two texts would name one issuer to somebody who does not compare bytes. */
function isSameIssuer(one: string, other: string | undefined): boolean {
  const plain = (text = ''): string => text.toLowerCase().replace(/\/+$/, '')
  return plain(one) === plain(other)
}

function readTrust(raw: Json | undefined, at: string): Trusted {
  const entry = trustOf(raw, at)
  return { issuer: nameOf(entry['issuer'], `${at}.issuer`), subjects: subjectsOf(entry['subjects'], `${at}.subjects`) }
}

/** Reads what a client trusts: issuers, and of each some subjects. */
export const readTrusts: Reader<readonly Trusted[]> = listOf(readTrust)

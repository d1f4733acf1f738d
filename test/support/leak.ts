import assert from 'node:assert/strict'

/** A private member of a JWK as JSON spells it (RFC 7518 sections 6.2.2, 6.3.2 and 6.4, RFC 8037, RFC 9964). */
const PRIVATE_MEMBER = /"(?:d|p|q|dp|dq|qi|oth|k|priv)"\s*:/
/** A compact JWS: a header that starts like a JSON object, and two more parts. */
const TOKEN = /eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+/

/** Fails when the text holds a private member of a key (RFC 7517 section 9.2). */
export function assertNoPrivateMember(text: string, where: string): void {
  assert.doesNotMatch(text, PRIVATE_MEMBER, `A9: a private member in ${where}`)
}

/** Fails when a log holds a private member or a token. */
export function assertCleanLog(text: string, where: string): void {
  assertNoPrivateMember(text, where)
  assert.doesNotMatch(text, TOKEN, `a token in ${where}`)
}

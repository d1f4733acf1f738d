// @ts-ignore It is installed for the benchmark alone.
import { createLocalJWKSet, jwtVerify } from 'jose'

/** @typedef {NonNullable<import('./peers.js').Peer['mint']>} Mint */

const LIFETIME = 900

export const call = (/** @type {string} */ url, /** @type {RequestInit} */ init = {}) =>
  fetch(url, { ...init, signal: AbortSignal.timeout(5_000) })

/**
 * The jti of a token that is as it should be.
 * @param {string} token
 * @param {any} set
 * @param {{ alg: string, issuer: string }} expected
 */
async function verify(token, set, { alg, issuer }) {
  const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(set), {
    issuer, audience: 'api', subject: 'alice', algorithms: [alg], requiredClaims: ['iat', 'nbf', 'exp', 'jti'],
  })
  if (set.keys.every((/** @type {any} */ key) => key.kid !== protectedHeader.kid)) throw new Error(`the kid of the token is ${protectedHeader.kid}`)
  const lifetime = Number(payload.exp) - Number(payload.iat)
  if (lifetime !== LIFETIME) throw new Error(`it lives for ${lifetime} s`)
  if (payload.aud !== 'api') throw new Error('aud is no plain string')
  if (String(payload.jti).length < 22) throw new Error(`jti is ${payload.jti}`)
  return payload.jti
}

/**
 * Mints twice, and throws unless both tokens verify and differ.
 * @param {Mint} mint
 * @param {any} set
 * @param {{ alg: string, issuer: string }} expected
 */
export async function checkTokens({ path, headers, body, token }, set, expected) {
  const ids = new Set()
  for (let count = 0; count < 2; count += 1) {
    const response = await call(`${expected.issuer}${path}`, { method: 'POST', headers, body })
    if (response.status !== 200) throw new Error(`POST ${path} answered ${response.status}: ${await response.text()}`)
    /** @type {any} */
    const answer = await response.json()
    if (answer.expires_in !== LIFETIME) throw new Error(`expires_in is ${answer.expires_in}`)
    ids.add(await verify(token(answer), set, expected))
  }
  if (ids.size !== 2) throw new Error('two tokens have one jti')
}

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k', 'priv']

/**
 * Throws unless the set holds keys of the algorithm, and nothing private.
 * @param {any} set
 * @param {string} alg
 */
export function checkSet({ keys }, alg) {
  const isRight = keys.length > 0 && keys.some((/** @type {any} */ key) => key.alg === alg)
  if (!isRight) throw new Error(`the set is ${JSON.stringify(keys)}`)
  if (keys.some((/** @type {any} */ key) => PRIVATE.some((name) => name in key))) throw new Error('the set holds a private key')
}

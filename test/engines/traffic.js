import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLocalJWKSet, decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose'
import { ISSUER } from './replicas.js'

/** What clients and verifiers do while everything fails, and what must never be seen by them. */

const ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const TIMEOUT_MS = 12_000

/**
 * @param {readonly import('./replicas.js').Replica[]} replicas
 * @param {{ secret: string, privateKey: import('node:crypto').KeyObject }} credentials
 * @param {() => boolean} isOver
 */
export async function trade(replicas, { secret, privateKey }, isOver) {
  const counts = { tokens: 0, races: 0, uses: 0, revocations: 0, unavailable: 0 }
  /** @type {string[]} */
  const faults = []
  const kids = new Set()
  const basic = `Basic ${Buffer.from(`billing:${secret}`).toString('base64')}`
  const fault = (/** @type {string} */ text) => void faults.push(`${new Date().toISOString()} ${text}`)

  const bySecret = (/** @type {number} */ at) => post(replicas, at, '/token', { grant_type: 'client_credentials' }, basic)
  const byKey = async () => {
    const jwt = new SignJWT({}).setProtectedHeader({ alg: 'ES256', kid: 'signer' }).setIssuer('signer').setSubject('signer')
    const assertion = await jwt.setAudience(ISSUER).setJti(randomUUID()).setIssuedAt().setExpirationTime('30s').sign(privateKey)
    return { grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion: assertion }
  }

  /** Tokens of each replica, at a verifier that has the key set of another one for as long as it may, and no longer. */
  const verify = async (/** @type {number} */ at) => {
    const keys = cachedKeys(replicas, at + 1)
    while (!isOver()) {
      const { status, content } = await bySecret(at)
      if (status !== 200) counts.unavailable += 1
      else {
        const set = await keys()
        const done = set === undefined ? undefined : await jwtVerify(content.access_token, set, { issuer: ISSUER, audience: 'https://api.example' }).catch((error) => error)
        // A paused replica hands tokens out late; that one is over says that its signature holds.
        if (done instanceof Error && !(done instanceof errors.JWTExpired)) fault(`replica ${at}: ${done.message}`)
        else if (done !== undefined) {
          counts.tokens += 1
          kids.add(decodeProtectedHeader(content.access_token).kid)
        }
      }
      await sleep(10)
    }
  }

  /** One assertion at all replicas at once, and one at a single replica. */
  const use = async () => {
    while (!isOver()) {
      const form = await byKey()
      const answers = await Promise.all(replicas.map((_, at) => post(replicas, at, '/token', form)))
      const accepted = answers.filter(({ status }) => status === 200).length
      const decided = answers.every(({ status }) => status === 200 || status === 401 || status === 400)
      if (accepted > 1) fault(`an assertion was accepted ${accepted} times`)
      if (accepted === 0 && decided) fault(`an assertion was accepted by nobody: ${JSON.stringify(answers)}`)
      counts.races += 1
      const single = await post(replicas, counts.races, '/token', await byKey())
      if (single.status === 400 || single.status === 401) fault(`an honest assertion was refused: ${JSON.stringify(single)}`)
      single.status === 200 ? counts.uses += 1 : counts.unavailable += 1
      await sleep(20)
    }
  }

  /** A token of one replica that is revoked at another is not active at the third. */
  const revoke = async () => {
    for (let at = 0; !isOver(); at += 1) {
      const token = (await bySecret(at)).content.access_token
      const revoked = token === undefined ? 0 : (await post(replicas, at + 1, '/revoke', { token }, basic)).status
      if (revoked === 200) {
        const { status, content } = await post(replicas, at + 2, '/introspect', { token }, basic)
        if (status === 200 && content.active !== false) fault(`a revoked token is ${JSON.stringify(content)}`)
        status === 200 ? counts.revocations += 1 : counts.unavailable += 1
      } else counts.unavailable += 1
      await sleep(20)
    }
  }

  await Promise.all([...replicas.map((_, at) => verify(at)), use(), revoke()])
  return { counts, faults, kids }
}

/**
 * A key set of one replica for its max-age; undefined while it cannot be had.
 * @param {readonly import('./replicas.js').Replica[]} replicas
 * @param {number} first
 */
function cachedKeys(replicas, first) {
  let [at, until] = [first, 0]
  /** @type {ReturnType<typeof createLocalJWKSet> | undefined} */
  let keys
  return async () => {
    if (Date.now() < until) return keys
    keys = undefined
    const asked = Date.now()
    const answer = await fetch(`${replicas[at % replicas.length]?.url}/jwks.json`, { signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(() => undefined)
    at += 1
    if (answer?.status !== 200) return undefined
    keys = createLocalJWKSet(await answer.json())
    until = asked + Number(/max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1]) * 1000
    return keys
  }
}

/**
 * @param {readonly import('./replicas.js').Replica[]} replicas
 * @param {number} at
 * @param {string} path
 * @param {Record<string, string>} form
 * @param {string} [authorization]
 * @returns {Promise<{ status: number, content: any }>} status 0: no answer
 */
async function post(replicas, at, path, form, authorization) {
  const headers = authorization === undefined ? {} : { authorization }
  const body = new URLSearchParams(form)
  try {
    const answer = await fetch(`${replicas[at % replicas.length]?.url}${path}`, { method: 'POST', headers, body, signal: AbortSignal.timeout(TIMEOUT_MS) })
    const text = await answer.text()
    return { status: answer.status, content: text === '' ? {} : JSON.parse(text) }
  } catch {
    return { status: 0, content: {} }
  }
}

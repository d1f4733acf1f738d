import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  expressVerifier, fastJwtVerifier, joseVerifier, jwksRsaVerifier, pythonVerifier, rubyVerifier,
} from './verifiers.js'

/**
 * The built server rotates once a minute while verifiers by other people check every token it hands out: when it is
 * new, and once more when it is about to expire, which is when a key that vanished too early would be missed.
 */

const ROTATIONS = 3
const LONGEST_RUN = 330_000
const EVERY = 400
const LATE = 3_000
const AUDIENCE = 'api'
const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))

const server = spawn(process.execPath, [
  SERVER, '--preset', 'fast', '--port', '0', '--audience', AUDIENCE, '--alg', 'RS256,ES256,EdDSA',
], { stdio: ['ignore', 'pipe', 'inherit'] })

const changes = new Map()
const issuer = await new Promise((resolve, reject) => {
  server.on('exit', (code) => reject(new Error(`The server ended with exit code ${code}`)))
  createInterface({ input: server.stdout }).on('line', (line) => {
    const { event, url, alg } = JSON.parse(line)
    if (event === 'server.listening') resolve(url)
    if (event.startsWith('key.')) changes.set(`${event} ${alg}`, (changes.get(`${event} ${alg}`) ?? 0) + 1)
  })
})

const target = { issuer, audience: AUDIENCE }
const verifiers = [
  joseVerifier(target),
  jwksRsaVerifier(target),
  fastJwtVerifier(target),
  await expressVerifier(target),
  pythonVerifier(target),
  rubyVerifier(target),
]
const tallies = new Map(verifiers.map(({ name }) => [name, { accepted: 0, late: 0, expired: 0, faults: [] }]))

async function mint(query, alg) {
  const response = await fetch(`${issuer}/auth${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ sub: 'interop', alg }),
  })
  if (response.status !== 200) throw new Error(`POST /auth answered ${response.status}`)
  return await response.json()
}

async function judge(verifier, token, isGood, count) {
  const tally = tallies.get(verifier.name)
  const verdict = await verifier.verify(token).then(() => 'accepted', (error) => `refused: ${error.message}`)
  if ((verdict === 'accepted') === isGood) tally[count] += 1
  else tally.faults.push(`${new Date().toISOString()} ${count}: ${verdict}`)
}

const pending = []
const pause = (length) => new Promise((resolve) => setTimeout(resolve, length))

async function oneRound(alg, round) {
  const able = verifiers.filter(({ algs }) => algs.includes(alg))
  const { token, expiry } = await mint('', alg)
  await Promise.all(able.map((verifier) => judge(verifier, token, true, 'accepted')))
  const wait = expiry * 1000 - Date.now() - LATE
  pending.push(pause(wait).then(() => Promise.all(able.map((verifier) => judge(verifier, token, true, 'late')))))
  if (round % 10 === 0) {
    const expired = await mint('?expired=true', alg)
    await Promise.all(able.map((verifier) => judge(verifier, expired.token, false, 'expired')))
  }
}

/** The whole life of a key was seen for each algorithm, often enough. */
function isDone() {
  return ['RS256', 'ES256', 'EdDSA'].every((alg) =>
    (changes.get(`key.promoted ${alg}`) ?? 0) > ROTATIONS && (changes.get(`key.removed ${alg}`) ?? 0) >= ROTATIONS)
}

const start = Date.now()
const algs = ['RS256', 'ES256', 'RS256', 'EdDSA']
for (let round = 0; !isDone(); round += 1) {
  if (Date.now() - start > LONGEST_RUN) throw new Error(`No ${ROTATIONS} rotations within ${LONGEST_RUN / 1000} s`)
  await oneRound(algs[round % algs.length], round)
  await pause(EVERY)
}
await Promise.all(pending)
await Promise.all(verifiers.map(({ close }) => close()))
server.removeAllListeners('exit')
server.kill('SIGTERM')
const [code] = await once(server, 'exit')

let passed = 0
let failed = code === 0 ? 0 : 1
for (const [name, { accepted, late, expired, faults }] of tallies) {
  const sum = accepted + late + expired
  // A verifier that was never asked, or never shown an expired token, proves nothing.
  const isUseless = accepted === 0 || late === 0 || expired === 0
  console.log(`${name}: ${accepted} new and ${late} nearly expired tokens accepted, ${expired} expired ones refused,` +
    ` ${faults.length} failures${isUseless ? ', NOT ENOUGH TRIED' : ''}`)
  for (const fault of faults.slice(0, 5)) console.log(`    ${fault}`)
  passed += sum
  failed += faults.length + (isUseless ? 1 : 0)
}
const rotations = changes.get('key.promoted RS256') - 1
console.log(`interop: ${passed} verifications over ${rotations} rotations, server exit code ${code}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { freePort } from '../support/free-port.js'

/**
 * A verifier that fetches the key set when its copy is too old, and never sooner, goes through the restore of a ring
 * whose active key its copy lacks. Nothing fails; with --force it does, so that this shows something.
 */

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
const MAX_AGE_SECONDS = 4
/** Longer than nothing is signed after a restore. */
const TRIAL_MS = 9000
const TIMING = {
  'rotation-interval': '9s', 'lead': '7s', 'retention': '5s', 'jwks-max-age': `${MAX_AGE_SECONDS}s`, 'ttl': '2s',
  'max-ttl': '2s', 'cache-layers': '1', 'propagation': '1s', 'clock-error': '0', 'leeway': '0',
}
const options = Object.entries(TIMING).flatMap(([name, value]) => [`--${name}`, value])
const folder = mkdtempSync(join(tmpdir(), 'jwksd-restore-'))
const [ring, backup] = [join(folder, 'ring.json'), join(folder, 'backup.json')]
const store = ['--alg', 'ES256', '--store', `file:${ring}`, '--unsealed', ...options]
const port = String(await freePort())

/** Starts the server; its log goes to `seen`. */
async function start(seen = () => {}) {
  const child = spawn(process.execPath, [SERVER, '--port', port, ...store], { stdio: ['ignore', 'pipe', 'inherit'] })
  const url = await new Promise((resolve, reject) => {
    child.on('exit', (code) => reject(new Error(`The server ended with exit code ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event = JSON.parse(line)
      seen(event)
      if (event.event === 'server.listening') resolve(event.url)
    })
  })
  return { child, url }
}

async function end({ child }) {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

const mint = (url) => fetch(`${url}/auth`, { method: 'POST' })

/** One restore; answers how many tokens verified, how many did not, and how long nothing was signed. */
async function trial(more) {
  for (const path of [ring, backup]) rmSync(path, { force: true })
  let isGone = false
  let first
  const lost = await start(({ event, kid }) => {
    if (event === 'key.promoted') first ??= kid
    if (event === 'key.removed' && kid === first) isGone = true
  })
  copyFileSync(ring, backup)
  const keys = createRemoteJWKSet(new URL(`${lost.url}/jwks.json`), {
    cacheMaxAge: MAX_AGE_SECONDS * 1000, cooldownDuration: Number.MAX_SAFE_INTEGER,
  })
  const check = async (answer) => await jwtVerify((await answer.json()).token, keys, { issuer: lost.url })
  while (!isGone) {
    const answer = await mint(lost.url)
    // A busy machine may keep the server from its store for a second.
    if (answer.status === 200) await check(answer)
    await sleep(100)
  }
  // The verifier has just fetched a set that lacks the first key.
  await keys.reload()
  await end(lost)
  rmSync(ring)
  const done = spawnSync(process.execPath, [SERVER, 'restore', backup, ...store, '--reason', 'drill', ...more])
  if (done.status !== 0) throw new Error(String(done.stderr))
  const back = await start()
  const tally = { verified: 0, failed: 0, waited: 0 }
  for (const begun = Date.now(); Date.now() < begun + TRIAL_MS;) {
    const answer = await mint(back.url)
    if (answer.status === 503) tally.waited += 1
    else await check(answer).then(() => tally.verified += 1, () => tally.failed += 1)
    await sleep(100)
  }
  await end(back)
  return tally
}

const kept = await trial([])
const forced = await trial(['--force'])
rmSync(folder, { recursive: true })
console.log(`a restore: ${kept.verified} tokens verified, ${kept.failed} failed, after ${kept.waited} refusals to sign`)
console.log(`a restore with --force: ${forced.verified} tokens verified, ${forced.failed} failed`)
const verdicts = [kept.verified > 0, kept.failed === 0, kept.waited > 0, forced.failed > 0]
console.log(`${verdicts.filter(Boolean).length} passed, ${verdicts.filter((isRight) => !isRight).length} failed`)
process.exitCode = verdicts.every(Boolean) ? 0 : 1

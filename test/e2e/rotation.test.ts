import assert from 'node:assert/strict'
import { createPublicKey, type JsonWebKey, verify } from 'node:crypto'
import { describe, it } from 'node:test'
import { decodeToken, type RunningApp, startApp } from '../support/app.ts'
import { seeded } from '../support/random.ts'
import { shareOf } from '../support/share.ts'

interface Held {
  readonly token: string
  readonly expiry: number
}

interface Cached {
  readonly keys: readonly (JsonWebKey & { kid: string })[]
  readonly fetchedAt: number
}

/** Seconds of max-age in the preset that these runs use; memory keys are sent no-cache, so the test is harder on us. */
const MAX_AGE = 29

async function fetchKeys(server: RunningApp): Promise<Cached> {
  const response = await fetch(`${server.url}/jwks.json`)
  assert.equal(response.status, 200)
  return { keys: (await response.json() as { keys: (JsonWebKey & { kid: string })[] }).keys, fetchedAt: server.now() }
}

async function mint(server: RunningApp): Promise<Held> {
  const response = await fetch(`${server.url}/auth`, { method: 'POST' })
  assert.equal(response.status, 200)
  const { token, expiry } = await response.json() as Held
  return { token, expiry }
}

function isGood({ token }: Held, { keys }: Cached): boolean {
  const jwk = keys.find(({ kid }) => kid === decodeToken(token).header['kid'])
  if (jwk === undefined) return false
  const end = token.lastIndexOf('.')
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const
  return verify('sha256', Buffer.from(token.slice(0, end)), key, Buffer.from(token.slice(end + 1), 'base64url'))
}

/** How often tokens were verified, and the keys that signed them. */
interface Lived {
  readonly verified: number
  readonly kids: ReadonlySet<unknown>
}

/** Moves the clock as `steps` say, minting and verifying all along with sets as old as a cache may let them be. */
async function live(server: RunningApp, steps: number, step: () => number): Promise<Lived> {
  let held: Held[] = []
  let caches = [await fetchKeys(server)]
  let verified = 0
  const kids = new Set<unknown>()
  for (let at = 0; at < steps; at += 1) {
    await server.pass(step())
    const now = server.now()
    const minted = await mint(server)
    kids.add(decodeToken(minted.token).header['kid'])
    caches = [...caches, await fetchKeys(server)]
      .filter(({ fetchedAt }) => now - fetchedAt <= MAX_AGE && fetchedAt <= now)
    held = [...held, minted].filter(({ expiry }) => expiry > now)
    for (const token of held) {
      for (const cache of [caches[0], caches.at(-1)]) {
        assert.ok(cache !== undefined)
        assert.ok(isGood(token, cache), `after ${at} steps, with a set ${now - cache.fetchedAt} s old`)
        verified += 1
      }
    }
  }
  return { verified, kids }
}

describe('a whole server on an injected clock', () => {
  it(`never breaks a verifier through ${shareOf(50)} rotations`, async (context) => {
    const server = await startApp('--preset', 'fast', '--alg', 'ES256')
    const random = seeded(5)
    const { verified, kids } = await live(server, shareOf(1000), () => random.int(0, 6))
    context.diagnostic(`${verified} verifications, ${kids.size} keys`)
    assert.ok(kids.size >= shareOf(50) * 0.9, `${kids.size} keys`)
    const promoted = server.events.filter(({ name }) => name === 'key.promoted').length
    assert.equal(promoted, kids.size)
    await server.close()
  })

  it('never breaks a verifier when the machine is suspended now and then', async () => {
    const server = await startApp('--preset', 'fast', '--alg', 'ES256')
    const random = seeded(6)
    const step = (): number => random.chance(0.05) ? random.int(60, 1e6) : random.int(0, 5)
    const { kids } = await live(server, shareOf(300), step)
    assert.ok(kids.size > shareOf(10))
    await server.close()
  })

  it('goes on when the clock steps back, and rotates again once the time is there', async () => {
    const server = await startApp('--preset', 'fast', '--alg', 'ES256')
    await live(server, 40, () => 3)
    const { kid } = decodeToken((await mint(server)).token).header
    await server.pass(-600)
    assert.equal(decodeToken((await mint(server)).token).header['kid'], kid)
    assert.ok(isGood(await mint(server), await fetchKeys(server)))
    const { kids } = await live(server, 260, () => 3)
    assert.ok(kids.size >= 2)
    await server.close()
  })
})

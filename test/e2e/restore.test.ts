import assert from 'node:assert/strict'
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { ASSERTION, client, newParty, type Party } from '../support/oauth.ts'
import { end, run, serve, type ServerProcess } from '../support/process.ts'
import { someOf } from '../support/share.ts'

/** Right side of (1): five seconds, longer than a start takes on a busy machine. */
const TIMING = ['--preset', 'fast', '--jwks-max-age', '4s']
const AT = 'http://localhost:9'

interface History {
  readonly keys: readonly { readonly reason?: string }[]
}

/** A server's files, and how commands name them. */
interface Place {
  readonly folder: string
  readonly ring: string
  readonly backup: string
  readonly store: readonly string[]
  readonly args: readonly string[]
  readonly party: Party
}

async function newPlace(records: readonly string[] = []): Promise<Place> {
  const folder = newFolder()
  const path = (name: string): string => join(folder, name)
  newKek(folder)
  const party = newParty()
  const keeper = client('keeper', {
    token_endpoint_auth_method: 'private_key_jwt', client_secret_hashes: undefined, jwks: { keys: [party.jwk] },
  })
  writeFileSync(path('clients.json'), JSON.stringify({ clients: [keeper] }), { mode: 0o600 })
  mkdirSync(path('backup'), { mode: 0o700 })
  const named = records.map((word) => word.startsWith('--') ? word : path(word))
  const store = ['--store', `file:${path('ring.json')}`, '--kek-file', path('kek'), ...TIMING, '--alg', 'ES256', ...named]
  const args = [...store, '--issuer', AT, '--clients', path('clients.json'), '--admin', `unix:${path('admin')}`]
  return { folder, ring: path('ring.json'), backup: join(folder, 'backup', 'ring.json'), store, args, party }
}

const backUp = ({ ring, backup }: Place): void => {
  copyFileSync(ring, backup)
  cpSync(`${ring}.jti`, `${backup}.jti`, { recursive: true, preserveTimestamps: true })
}
const restore = ({ backup, store }: Place, ...more: readonly string[]): ReturnType<typeof run> =>
  run(['restore', backup, ...store, '--reason', 'disk lost', ...more])
const revoke = async ({ args }: Place, kid: string): Promise<void> => {
  const done = await run(['revoke', kid, ...args.slice(-2), '--force', '--reason', 'stolen'])
  assert.equal(done.code, 0, done.stderr)
}
const generationIn = (path: string): number =>
  (JSON.parse(readFileSync(path, 'utf8')) as { ring: { generation: number } }).ring.generation

async function kids({ url }: ServerProcess): Promise<readonly string[]> {
  const { keys } = await (await fetch(`${url}/jwks.json`)).json() as { keys: readonly { readonly kid: string }[] }
  return keys.map(({ kid }) => kid)
}

/** The kids once the next key is there too. */
async function bothKids(server: ServerProcess): Promise<readonly string[]> {
  while ((await kids(server)).length < 2) await setTimeout(20)
  return await kids(server)
}

/** Asks for a token with an assertion; answers the status. */
async function ask({ url }: ServerProcess, client_assertion: string): Promise<number> {
  const form = { grant_type: 'client_credentials', client_assertion_type: ASSERTION, client_assertion }
  return (await fetch(`${url}/token`, { method: 'POST', body: new URLSearchParams(form) })).status
}
const assertionOf = ({ party }: Place, jti: string, claims = {}): string => {
  const now = Math.floor(Date.now() / 1000)
  return party.token({}, { iss: 'keeper', sub: 'keeper', aud: AT, iat: now, exp: now + 600, jti, ...claims })
}

async function isReady(server: ServerProcess): Promise<boolean> {
  return (await fetch(`${server.url}/readyz`)).status === 200
}
async function untilReady(server: ServerProcess): Promise<void> {
  while (!await isReady(server)) await setTimeout(50)
}

describe('jwksd restore', () => {
  for (const records of someOf([['--audit', 'audit.log'], ['--witness', 'witness'], []])) {
    it(`E7 brings a lost ring back above every known one, with ${records[0] ?? 'no other record'}`, async () => {
      const place = await newPlace(records)
      const server = await serve(place.args)
      const [first = '', second = ''] = await bothKids(server)
      await ask(server, assertionOf(place, 'early'))
      backUp(place)
      await revoke(place, first)
      await end(server)
      const lost = generationIn(place.ring)
      rmSync(place.ring)
      const { code, stdout, stderr } = await restore(place)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^Restored as ring \d+: \d keys, and \d that were revoked\. Start the server\.\nNothing is signed before 2/)
      const again = await serve(place.args)
      const isKnown = records.length > 0
      // Nothing but the record knows the revocation; a standby takes the place of the key at once.
      assert.equal((await kids(again)).includes(first), !isKnown)
      assert.ok((await kids(again)).includes(second))
      if (isKnown) assert.ok(generationIn(place.ring) > lost)
      assert.equal(await isReady(again), false)
      const before = Math.floor(Date.now() / 1000) - 30
      assert.equal(await ask(again, assertionOf(place, 'before', { iat: before })), 401)
      await untilReady(again)
      assert.equal(await ask(again, assertionOf(place, 'after')), 200)
      await end(again)
      await end(await serve(place.args))
      if (records.includes('--audit')) {
        const verified = await run(['audit', 'verify', join(place.folder, 'audit.log')])
        assert.equal(verified.code, 0, verified.stderr)
        assert.match(readFileSync(join(place.folder, 'audit.log'), 'utf8'), /"action":"restore","forced":false,"reason":"disk lost"/)
      }
    })
  }

  it('E7 keeps a ring that is newer than the backup, and every revocation of either', async () => {
    const place = await newPlace()
    const server = await serve(place.args)
    const [first = ''] = await bothKids(server)
    await ask(server, assertionOf(place, 'early'))
    backUp(place)
    await revoke(place, first)
    const after = await kids(server)
    await end(server)
    assert.equal((await restore(place, '--force')).code, 0)
    // Twice: the second time nothing is left to do but to be newer.
    assert.equal((await restore(place, '--force')).code, 0)
    const again = await serve(place.args)
    assert.deepEqual(await kids(again), after)
    const history = await (await fetch(`${again.url}/.well-known/jwks-history.json`)).json() as History
    assert.deepEqual(history.keys.filter(({ reason }) => reason !== undefined).map(({ reason }) => reason), ['stolen'])
    assert.ok(await isReady(again))
    await end(again)
  })

  it('E7 refuses what was made before the restore, whose mark may be lost, and keeps the marks of either', async () => {
    const place = await newPlace()
    const server = await serve(place.args)
    const now = Math.floor(Date.now() / 1000)
    const [early, late] = [assertionOf(place, 'early'), assertionOf(place, 'late')]
    assert.equal(await ask(server, early), 200)
    backUp(place)
    assert.equal(await ask(server, late), 200)
    await end(server)
    rmSync(place.ring)
    rmSync(`${place.ring}.jti`, { recursive: true })
    assert.equal((await restore(place, '--force')).code, 0)
    assert.equal(readdirSync(`${place.ring}.jti`).filter((name) => name.startsWith('used-')).length, 1)
    const again = await serve(place.args)
    const sorry = [early, assertionOf(place, 'other', { iat: now }), assertionOf(place, 'without', { iat: undefined }), late]
    for (const one of sorry) assert.equal(await ask(again, one), 401)
    // Made later than any clock that was right enough could have made one before.
    const mark = join(`${place.ring}.jti`, 'used-x')
    writeFileSync(mark, '')
    utimesSync(mark, now + 9, now + 9)
    assert.equal((await restore(place, '--force')).code, 0)
    assert.equal(Math.round(statSync(mark).mtimeMs / 1000), now + 9)
    await end(again)
  })

  it('says what is wrong, and changes nothing', async () => {
    const [place, other] = [await newPlace(['--audit', 'audit.log']), await newPlace()]
    for (const one of [place, other]) {
      const server = await serve(one.args)
      await ask(server, assertionOf(one, 'early'))
      backUp(one)
      await end(server)
    }
    const content = readFileSync(place.ring)
    const { backup, store, ring, folder } = place
    const both = store.map((word) => word === join(folder, 'kek') ? `${word},${join(other.folder, 'kek')}` : word)
    const refusals: readonly (readonly [readonly string[], RegExp])[] = [
      [[backup, ...store], /--reason is not set/],
      [[backup, ...store, '--reason', 'x'.repeat(257)], /--reason has 257 characters but must have at most 256/],
      [[backup, '--reason', 'x'], /--store is memory:\. Name the file:PATH/],
      [[`${backup}x`, ...store, '--reason', 'x'], /There is no ring in .*ring\.jsonx\. Check the path/],
      [[join(folder, 'clients.json'), ...store, '--reason', 'x'], /clients\.json\. Name another copy, or move it away \(\w+\)/],
      [[other.backup, ...store, '--reason', 'x'], /is sealed under .*Name another copy/s],
      [[other.backup, ...both, '--reason', 'x'], /holds another ring than/],
    ]
    for (const [words, expected] of refusals) {
      const { code, stderr } = await run(['restore', ...words])
      assert.deepEqual([code, expected.test(stderr)], [78, true], stderr)
    }
    assert.deepEqual(readFileSync(ring), content)
    const running = await serve(place.args)
    const { code, stderr } = await restore(place)
    assert.deepEqual([code, /Stop the server/.test(stderr)], [78, true], stderr)
    await end(running)
    writeFileSync(ring, content.subarray(0, 100))
    const damaged = await restore(place)
    assert.deepEqual([damaged.code, /ring\.json\. Name another copy, or move it away \(damaged\)/.test(damaged.stderr)], [78, true])
    rmSync(ring)
    assert.equal((await restore(place)).code, 0)
  })
})

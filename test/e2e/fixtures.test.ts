import assert from 'node:assert/strict'
import { chmodSync, cpSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { filesBelow } from '../../scripts/setup.js'
import { decodeToken, type RunningApp, startAppAt } from '../support/app.ts'
import { newFolder } from '../support/folder.ts'
import { ASSERTION, basic } from '../support/oauth.ts'
import { run } from '../support/process.ts'

/** What the version that wrote the files served. */
interface Expected {
  /** Seconds since the epoch. */
  readonly madeAt: number
  readonly issuer: string
  readonly secret: string
  readonly sealedKids: readonly string[]
  readonly unsealedKids: readonly string[]
  readonly byRetired: string
  readonly revoked: string
  readonly live: string
  readonly assertion: string
  /** The modification time of each mark. */
  readonly marks: Readonly<Record<string, number>>
}

const FIXTURES = fileURLToPath(new URL('../fixtures/d116024', import.meta.url))

/** A copy of the files with the modes and times that git does not keep. */
function restored(): { readonly folder: string; readonly expected: Expected } {
  const folder = newFolder()
  cpSync(FIXTURES, folder, { recursive: true })
  for (const path of filesBelow(folder)) chmodSync(path, 0o600)
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected
  const marks = join(folder, 'sealed.json.jti')
  for (const [name, until] of Object.entries(expected.marks)) utimesSync(join(marks, name), until, until)
  return { folder, expected }
}

/** Starts a server on the files, a minute after they were written. */
function startOn({ issuer, madeAt }: Expected, ...args: readonly string[]): Promise<RunningApp> {
  return startAppAt(madeAt + 60, ['--alg', 'ES256', '--issuer', issuer, ...args])
}

function sealedArgs(folder: string): readonly string[] {
  return ['--store', `file:${join(folder, 'sealed.json')}`, '--kek-file', join(folder, 'ring.kek'),
    '--clients', join(folder, 'clients.json'), '--audit', join(folder, 'audit.log')]
}

async function kidsOf({ url }: RunningApp): Promise<readonly string[]> {
  const { keys } = await (await fetch(`${url}/jwks.json`)).json() as { keys: readonly { readonly kid: string }[] }
  return keys.map(({ kid }) => kid)
}

async function post(url: string, form: Readonly<Record<string, string>>, headers = {}): Promise<string> {
  return await (await fetch(url, { method: 'POST', body: new URLSearchParams(form), headers })).text()
}

describe('files that version d116024 wrote', () => {
  const { folder, expected } = restored()
  const asShop = basic('shop', expected.secret)

  it('the sealed ring: the same keys are published, and the active one signs', async () => {
    const server = await startOn(expected, ...sealedArgs(folder))
    assert.deepEqual(await kidsOf(server), expected.sealedKids)
    const minted = await post(`${server.url}/token`, { grant_type: 'client_credentials' }, asShop)
    const { access_token: token } = JSON.parse(minted) as { access_token: string }
    assert.equal(decodeToken(token).header['kid'], expected.sealedKids[0])
    await server.app.close()
    await server.close()
  })

  it('the ring without a seal: the same keys are published, and the active one signs', async () => {
    const store = `file:${join(folder, 'unsealed.json')}`
    const server = await startOn(expected, '--store', store, '--unsealed', '--open-auth')
    const [active] = expected.unsealedKids
    assert.equal((await kidsOf(server))[0], active)
    const { kid } = JSON.parse(await post(`${server.url}/auth`, {})) as { kid: string }
    assert.equal(kid, active)
    await server.close()
  })

  it('the clients and the marks: secrets and keys authenticate, what was revoked or used up stays so', async () => {
    const assertion = { client_assertion_type: ASSERTION, client_assertion: expected.assertion }
    const form = { grant_type: 'client_credentials', ...assertion }
    const [active, refused] = [/^\{"active":true/, /invalid_client/]
    const look = async (place: string, revoked: RegExp, used: RegExp): Promise<void> => {
      const server = await startOn(expected, ...sealedArgs(place))
      const introspected = (token: string): Promise<string> => post(`${server.url}/introspect`, { token }, asShop)
      assert.match(await introspected(expected.byRetired), active)
      assert.match(await introspected(expected.live), active)
      assert.match(await introspected(expected.revoked), revoked)
      assert.match(await post(`${server.url}/token`, form), used)
      await server.app.close()
      await server.close()
    }
    await look(folder, /^\{"active":false\}/, refused)
    // Without the marks both would be accepted: nothing else refuses them.
    const other = restored()
    rmSync(join(other.folder, 'sealed.json.jti'), { recursive: true })
    await look(other.folder, active, /access_token/)
  })

  it('the audit log: verifies against the published keys, and after a start of today has written on', async () => {
    const other = restored()
    const [log, keys] = [join(other.folder, 'audit.log'), join(other.folder, 'keys.json')]
    const server = await startOn(other.expected, ...sealedArgs(other.folder).slice(0, -2))
    writeFileSync(keys, await (await fetch(`${server.url}/jwks.json`)).text())
    await server.close()
    const verified = await run(['audit', 'verify', log, '--keys', keys])
    assert.equal(verified.code, 0, verified.stderr)
    assert.match(verified.stdout, /none altered, removed, inserted or moved\nsigned up to record \d+ by /)
    const writtenOn = await run(['audit', 'verify', join(folder, 'audit.log'), '--keys', keys])
    assert.equal(writtenOn.code, 0, writtenOn.stderr)
    assert.ok(readFileSync(join(folder, 'audit.log')).length > readFileSync(log).length)
  })
})

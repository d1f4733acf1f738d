import assert from 'node:assert/strict'
import { once } from 'node:events'
import { chmodSync, chownSync, lchownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { trustedSocket } from '../../src/cli/trusted-socket.ts'
import { newFolder } from '../support/folder.ts'

/** Only root can make what belongs to others. */
const skip = process.geteuid?.() === 0 ? false : 'needs root'
const [ROOT, SERVICE, EVIL] = [0, 1234, 6666] as const

const servers: Server[] = []
after(() => servers.forEach((server) => server.close()))

async function makeSocket(path: string): Promise<void> {
  servers.push(createServer().listen(path))
  await once(servers.at(-1) as Server, 'listening')
}

/** A folder on the way to a socket, or a socket: its owner and mode. */
type Place = readonly [owner: number, mode: number]

/** Makes folders in each other, and a socket in the last; returns the path of the socket. */
async function makePlaces(folders: readonly Place[], [owner, mode]: Place): Promise<string> {
  const paths = folders.map((_place, at) => join(newBase, ...Array.from({ length: at + 1 }, () => 'x')))
  const path = join(paths.at(-1) ?? newBase, 'admin')
  mkdirSync(dirname(path), { recursive: true })
  await makeSocket(path)
  chmodSync(path, mode)
  lchownSync(path, owner, owner)
  for (const [at, [uid, bits]] of folders.entries()) {
    chownSync(paths[at] ?? '', uid, uid)
    chmodSync(paths[at] ?? '', bits)
  }
  return path
}
let newBase = ''

describe('trustedSocket()', { skip }, () => {
  const trusted: readonly (readonly [string, readonly Place[], Place])[] = [
    ['of root', [[ROOT, 0o755]], [ROOT, 0o600]],
    ['of root in a folder like /tmp', [[ROOT, 0o1777]], [ROOT, 0o600]],
    ['of the user whose alone the folder is', [[SERVICE, 0o700]], [SERVICE, 0o600]],
    ['of that user, in a folder of its own', [[SERVICE, 0o755], [SERVICE, 0o700]], [SERVICE, 0o600]],
    ['of root, in the folder of a service', [[SERVICE, 0o700]], [ROOT, 0o600]],
  ]
  for (const [what, folders, socket] of trusted) {
    it(`trusts a socket ${what}`, async () => {
      newBase = newFolder()
      assert.deepEqual(trustedSocket(await makePlaces(folders, socket)), { ok: true, value: 'admin' })
    })
  }

  const planted: readonly (readonly [string, readonly Place[], Place, RegExp])[] = [
    ['of somebody else', [[ROOT, 0o755]], [EVIL, 0o600], /user 6666 made it/],
    ['of somebody else in a folder like /tmp', [[ROOT, 0o1777]], [EVIL, 0o600], /user 6666 made it/],
    ['of the owner of a folder that others can enter', [[EVIL, 0o755]], [EVIL, 0o600], /user 6666 made it/],
    ['of one user in the folder of another', [[SERVICE, 0o700]], [EVIL, 0o600], /user 6666 made it/],
    ['in a folder that others can write', [[ROOT, 0o777]], [ROOT, 0o600], /others can write the folder/],
    ['in a folder that a group can write', [[ROOT, 0o775]], [ROOT, 0o600], /others can write the folder/],
    ['in the folder of somebody else', [[EVIL, 0o755]], [ROOT, 0o600], /user 6666 owns the folder/],
    ['in a folder planted in /tmp', [[ROOT, 0o1777], [EVIL, 0o700]], [EVIL, 0o600], /others can write the folder/],
    ['below one planted in /tmp', [[ROOT, 0o1777], [EVIL, 0o755], [EVIL, 0o700]], [EVIL, 0o600], /others can write/],
    ['below a folder of a third user', [[EVIL, 0o755], [SERVICE, 0o700]], [SERVICE, 0o600], /user 6666 owns/],
    ['that others can use', [[ROOT, 0o755]], [ROOT, 0o666], /group or others can use it/],
    ['that a group can use', [[ROOT, 0o755]], [ROOT, 0o660], /group or others can use it/],
  ]
  for (const [what, folders, socket, problem] of planted) {
    it(`E18 trusts no socket ${what}`, async () => {
      newBase = newFolder()
      const path = await makePlaces(folders, socket)
      const found = trustedSocket(path)
      assert.ok(!found.ok)
      assert.match(found.error, problem)
      assert.ok(found.error.startsWith(`Cannot trust ${path}: `))
    })
  }

  it('E18 trusts nothing but a socket, and follows no link to one', async () => {
    const folder = newFolder()
    await makeSocket(join(folder, 'socket'))
    chmodSync(join(folder, 'socket'), 0o600)
    symlinkSync('socket', join(folder, 'link'))
    writeFileSync(join(folder, 'file'), '', { mode: 0o600 })
    for (const name of ['link', 'file']) {
      const found = trustedSocket(join(folder, name))
      assert.match(found.ok ? '' : found.error, /it is not a socket/)
    }
    assert.equal(trustedSocket(join(folder, 'socket')).ok, true)
  })

  it('E18 judges the folder that a link leads to', async () => {
    newBase = newFolder()
    const evil = dirname(await makePlaces([[EVIL, 0o777]], [ROOT, 0o600]))
    const link = join(newFolder(), 'run')
    symlinkSync(evil, link)
    const found = trustedSocket(join(link, 'admin'))
    assert.match(found.ok ? '' : found.error, /user 6666 owns the folder/)
  })
})

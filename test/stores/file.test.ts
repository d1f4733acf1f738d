import assert from 'node:assert/strict'
import {
  chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join, relative } from 'node:path'
import { before, describe, it } from 'node:test'
import { encodeBase64url } from '../../src/core/encoding.ts'
import type { Event } from '../../src/core/event.ts'
import { instant } from '../../src/core/time.ts'
import { ephemeralKek, importKek, type KeyEncryptionKey, unsealedKek } from '../../src/jose/kek.ts'
import { sealRing } from '../../src/keyring/envelope.ts'
import { KeyringFault } from '../../src/keyring/fault.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { rekey } from '../../src/keyring/rekey.ts'
import type { Ring } from '../../src/keyring/ring.ts'
import { type RingStore, StoreUnavailable } from '../../src/keyring/store.ts'
import { fileStore } from '../../src/stores/file.ts'
import { newFolder } from '../support/folder.ts'
import { bench, opened, randomBytes, ringIn } from '../support/keyring.ts'
import { policyOf } from '../support/keys.ts'
import { storeOfProcesses } from '../support/processes.ts'
import { seeded } from '../support/random.ts'
import { ringStoreContract } from './contract.ts'
import { shareOf, someOf } from '../support/share.ts'

const POLICY = policyOf({
  interval: 1000, lead: 400, retention: 300, maxTtl: 100, cacheLayers: 1, maxAge: 100, propagation: 10, clockError: 0,
  leeway: 0,
})

function storeAt(path: string, allowShared = false): RingStore {
  return fileStore({ path, allowShared, randomBytes })
}

function newPath(): string {
  return join(newFolder(), 'ring.json')
}

/** What lies in a folder, without the locks. */
function namesIn(folder: string): readonly string[] {
  return readdirSync(folder).filter((name) => !name.endsWith('.lock')).toSorted()
}

/** The code of the fault with which a keyring over the file does not open. */
async function faultOf(path: string, kek: KeyEncryptionKey): Promise<string> {
  const result = await Keyring.open((await bench(storeAt(path), POLICY, kek)).deps)
  assert.ok(!result.ok, 'the file was used')
  return result.error.code
}

function failuresIn(events: readonly Event[]): readonly string[] {
  return events.flatMap((event) => event.name === 'store.failed' ? [event.code] : [])
}

async function rejection(task: Promise<unknown>): Promise<Error & { code?: string }> {
  const [outcome] = await Promise.allSettled([task])
  assert.equal(outcome?.status, 'rejected')
  return (outcome as PromiseRejectedResult).reason as Error & { code?: string }
}

ringStoreContract('fileStore()', async () => storeAt(newPath()))
for (const kind of ['child processes', 'workers'] as const) {
  const shared = storeOfProcesses(kind)
  ringStoreContract(`E1 fileStore() in three ${kind}`, async () => shared(newPath()))
}

describe('fileStore()', () => {
  it('writes a file that its owner alone can read, and leaves no other behind', async () => {
    const path = newPath()
    const first = await storeAt(path).replace('{"a":1}', undefined)
    assert.ok(first.ok)
    await storeAt(path).replace('{"a":2}', first.value)
    assert.equal(statSync(path).mode & 0o777, 0o600)
    assert.equal(readFileSync(path, 'utf8'), '{"a":2}')
    assert.deepEqual(namesIn(join(path, '..')), ['ring.json'])
  })

  it('leaves the file to the user who has it, whoever replaces it', { skip: process.getuid?.() !== 0 }, async () => {
    const path = newPath()
    const first = await storeAt(path).replace('{"a":1}', undefined)
    chownSync(path, 65_534, 65_534)
    chownSync(join(path, '..'), 65_534, 65_534)
    assert.ok(first.ok)
    await storeAt(path).replace('{"a":2}', first.value)
    const { uid, gid, mode } = statSync(path)
    assert.deepEqual([uid, gid, mode & 0o777], [65_534, 65_534, 0o600])
  })

  it('sweeps what it has left behind itself, and not what its neighbour is writing', async () => {
    const folder = newFolder()
    const [own, other] = ['ring.0123456789abcdef.tmp', 'ring.json.0123456789abcdef.tmp']
    for (const name of [own, other]) writeFileSync(join(folder, name), 'x')
    await storeAt(join(folder, 'ring')).replace('{"a":1}', undefined)
    assert.deepEqual(namesIn(folder), ['ring', other])
  })

  it('is as it was after a start that is refused, whatever that start would have changed', async () => {
    const path = newPath()
    const [old, next] = [await ephemeralKek(randomBytes), await ephemeralKek(randomBytes)]
    const world = await bench(storeAt(path), POLICY, old)
    await opened(world)
    // The ring is sealed anew with its next commit; the key that signs is still sealed under the old one.
    const both = await bench(storeAt(path), POLICY, old)
    both.now = instant(both.now + 300)
    const longer = policyOf({ ...POLICY.timing, maxTtl: 110, retention: 310 })
    await opened({ ...both, deps: { ...both.deps, keks: [next, old], policy: () => longer } })
    const before = readFileSync(path)
    const strict = await bench(storeAt(path), POLICY, next)
    const other = policyOf({ ...POLICY.timing, maxTtl: 9000, retention: 90_000 })
    const refused = await Keyring.open({ ...strict.deps, policy: () => other })
    assert.equal(!refused.ok && refused.error.code, 'cannot_unseal')
    assert.match(refused.ok ? '' : refused.error.message, new RegExp(`sealed under ${old.id}`))
    assert.deepEqual(readFileSync(path), before)
  })

  it('is one store under every spelling of its path', async () => {
    const path = newPath()
    symlinkSync(join(path, '..'), `${join(path, '..')}-link`)
    const spellings = [path, relative(process.cwd(), path), join(`${join(path, '..')}-link`, 'ring.json')]
    const writers = spellings.map((spelling, at) => storeAt(spelling).replace(`{"at":${at}}`, undefined))
    const race = await Promise.all(writers)
    rmSync(`${join(path, '..')}-link`)
    assert.equal(race.filter(({ ok }) => ok).length, 1)
  })

  it('refuses a file that group or others can reach, unless told otherwise', async () => {
    const path = newPath()
    await storeAt(path).replace('{}', undefined)
    for (const mode of [0o604, 0o601, 0o644, 0o666]) {
      chmodSync(path, mode)
      const error = await rejection(storeAt(path).load())
      assert.ok(error instanceof KeyringFault && error.code === 'unreadable', mode.toString(8))
      assert.match(error.message, /chmod 600/)
      assert.equal((await storeAt(path, true).load())?.document, '{}')
    }
  })

  it('closes a file that Kubernetes has opened to a group of the pod, and says so', async () => {
    const path = newPath()
    const events: Event[] = []
    const store = fileStore({ path, allowShared: false, randomBytes, emit: (event) => void events.push(event) })
    const first = await store.replace('{}', undefined)
    assert.ok(first.ok)
    chmodSync(path, 0o660)
    assert.equal((await store.load())?.document, '{}')
    assert.equal((await store.replace('{"a":1}', first.value)).ok, true)
    assert.deepEqual(events, [{ name: 'store.mode_restored', path, mode: '0660' }])
    assert.equal(statSync(path).mode & 0o777, 0o600)
  })

  it('E19 E10 is not used in a folder where others could make its files first', async () => {
    const path = newPath()
    chmodSync(join(path, '..'), 0o1777)
    for (const task of [storeAt(path).load(), storeAt(path).replace('{}', undefined)]) {
      const error = await rejection(task)
      assert.ok(error instanceof KeyringFault && error.code === 'unreadable')
      assert.match(error.message, /others can write the folder/)
    }
    assert.deepEqual(readdirSync(join(path, '..')), [])
  })

  it('E19 names a folder of its lock that somebody else has made', async () => {
    const path = newPath()
    writeFileSync(`${path}.lock`, '')
    const error = await rejection(storeAt(path).replace('{}', undefined))
    assert.ok(error instanceof KeyringFault && error.code === 'unreadable')
    assert.match(error.message, /ring\.json\.lock is not a folder that only user \d+ can enter\. Remove it/)
  })

  it('says what stands where the file should be', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'folder'))
    writeFileSync(join(folder, 'plain'), '{}', { mode: 0o600 })
    symlinkSync(join(folder, 'plain'), join(folder, 'link'))
    const socket = createServer().listen(join(folder, 'socket'))
    const cases: readonly (readonly [string, RegExp])[] = [
      ['folder', /not a regular file/], ['link', /symbolic link/], ['plain/ring.json', /no folder/],
      ['nowhere/ring.json', /folder does not exist/],
    ]
    for (const [name, message] of cases) {
      const error = await rejection(storeAt(join(folder, name)).load())
      assert.ok(error instanceof KeyringFault && error.code === 'unreadable', `${name}: ${error.message}`)
      assert.match(error.message, message)
    }
    assert.ok((await rejection(storeAt(join(folder, 'socket')).load())) instanceof StoreUnavailable)
    socket.close()
  })

  it('takes no bytes that are not UTF-8', async () => {
    const path = newPath()
    writeFileSync(path, Buffer.from([0x7b, 0xff, 0x7d]), { mode: 0o600 })
    assert.equal((await rejection(storeAt(path).load())).code, 'damaged')
  })

  it('sweeps away what killed writers left, and nothing else', async () => {
    const path = newPath()
    const folder = join(path, '..')
    const others = ['other.json.0123456789abcdef.tmp', 'ring.json.backup', 'ring.json.mine.tmp']
    for (const name of ['ring.json.0123456789abcdef.tmp', ...others]) writeFileSync(join(folder, name), 'x')
    await storeAt(path).replace('{}', undefined)
    assert.deepEqual(namesIn(folder), [...others, 'ring.json'].toSorted())
  })

  it('sweeps again after a write that failed: a disk that became read-only lets nothing be removed', async () => {
    const path = newPath()
    let isBroken = false
    const store = fileStore({ path, allowShared: false, randomBytes: (length) => {
      if (isBroken) throw Object.assign(new Error('EROFS'), { code: 'EROFS' })
      return randomBytes(length)
    } })
    const first = await store.replace('{"n":1}', undefined)
    assert.ok(first.ok)
    isBroken = true
    await rejection(store.replace('{"n":2}', first.value))
    writeFileSync(`${path}.0123456789abcdef.tmp`, 'x')
    isBroken = false
    assert.ok((await store.replace('{"n":3}', first.value)).ok)
    assert.deepEqual(namesIn(join(path, '..')), ['ring.json'])
  })

  it('waits for a writer of another process, and gives up in the end', async () => {
    const path = newPath()
    const store = storeAt(path)
    const first = await store.replace('{"n":1}', undefined)
    assert.ok(first.ok)
    const { dev, ino } = statSync(join(path, '..'))
    const { sha256 } = await import('../../src/jose/digest.ts')
    const holder = createServer().listen(`\0jwksd-${sha256(`${dev}/${ino}/ring.json`).slice(0, 32)}`)
    const waiting = store.replace('{"n":2}', first.value)
    setTimeout(() => holder.close(), 200)
    assert.equal((await waiting).ok, true)
  })

  it('reports a folder that takes no new file, and keeps the old one', async () => {
    if (process.getuid?.() === 0) return
    const path = newPath()
    const first = await storeAt(path).replace('{"n":1}', undefined)
    assert.ok(first.ok)
    chmodSync(join(path, '..'), 0o500)
    assert.ok((await rejection(storeAt(path).replace('{"n":2}', first.value))) instanceof StoreUnavailable)
    chmodSync(join(path, '..'), 0o700)
    assert.equal(readFileSync(path, 'utf8'), '{"n":1}')
  })
})

describe('a keyring over a file', () => {
  let kek: KeyEncryptionKey
  let path: string
  let whole: string
  let ring: Ring
  before(async () => {
    kek = await ephemeralKek(randomBytes)
    path = newPath()
    const world = await bench(storeAt(path), POLICY, kek)
    const keyring = await opened(world)
    ring = keyring.lastSeen().ring
    whole = readFileSync(path, 'utf8')
  })

  it('says that it made a new file, and not when it found one', async () => {
    const fresh = newPath()
    const first = await bench(storeAt(fresh), POLICY, kek)
    await opened(first)
    assert.ok(first.events.some(({ name }) => name === 'store.created'))
    const second = await bench(storeAt(fresh), POLICY, kek)
    await opened(second)
    assert.ok(!second.events.some(({ name }) => name === 'store.created'))
  })

  it('goes on with the same keys after a restart', async () => {
    const again = await opened(await bench(storeAt(path), POLICY, kek))
    assert.deepEqual(again.lastSeen().ring, ring)
    assert.equal(readFileSync(path, 'utf8'), whole)
  })

  it('refuses the file cut at every byte, and leaves it as it is', async () => {
    let refused = 0
    for (const length of someOf([...whole.slice(0, -1)].map((_character, at) => at))) {
      writeFileSync(path, whole.slice(0, length))
      assert.equal(await faultOf(path, kek), 'damaged', `${length}`)
      assert.equal(readFileSync(path, 'utf8'), whole.slice(0, length))
      refused += 1
    }
    assert.ok(refused > shareOf(1000))
    writeFileSync(path, whole)
  })

  it('refuses the file with any single byte changed, and leaves it as it is', async () => {
    const random = seeded(3)
    for (const at of someOf([...whole.slice(0, -1)].map((_character, at) => at))) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] as number) ^ (1 << random.int(0, 6))
      writeFileSync(path, bytes)
      const code = await faultOf(path, kek)
      assert.ok(['damaged', 'altered', 'cannot_unseal', 'newer_format'].includes(code), `${at}: ${code}`)
      assert.deepEqual(readFileSync(path), bytes)
    }
    writeFileSync(path, whole)
    assert.deepEqual(namesIn(join(path, '..')), ['ring.json'])
  })

  it('refuses an edit that leaves every record in shape', async () => {
    const edits: readonly (readonly [string, (root: any) => void])[] = [
      ['a stamp', (root) => root.ring.keys[0].activeAt += 1],
      ['a mark', (root) => root.ring.marks.maxTtl = 1],
      ['the generation', (root) => root.ring.generation += 1],
      ['a state', ({ ring: edited }) => {
        const [, standby] = edited.keys
        edited.keys = [{ ...standby, state: 'active', activeAt: standby.publishedAt }]
      }],
      ['a key less', (root) => root.ring.keys.pop()],
      ['the order', (root) => root.ring.keys.reverse()],
      ['a forged past', ({ ring: { history, keys } }) => {
        history.push({ ...keys.pop(), sealed: undefined, state: undefined, removedAt: 1, why: 'retired' })
      }],
    ]
    for (const [what, edit] of edits) {
      const root = JSON.parse(whole)
      edit(root)
      writeFileSync(path, JSON.stringify(root))
      assert.equal(await faultOf(path, kek), 'altered', what)
    }
    // What says the same is the same: a file that a tool has laid out anew is not damaged.
    writeFileSync(path, JSON.stringify(JSON.parse(whole), undefined, 2))
    await opened(await bench(storeAt(path), POLICY, kek))
    writeFileSync(path, whole)
  })

  it('names an unknown key-encryption key, a missing --unsealed, and a newer format', async () => {
    assert.equal(await faultOf(path, await ephemeralKek(randomBytes)), 'cannot_unseal')
    const open = newPath()
    await opened(await bench(storeAt(open), POLICY, await unsealedKek()))
    const result = await Keyring.open((await bench(storeAt(open), POLICY, kek)).deps)
    assert.ok(!result.ok && result.error.code === 'cannot_unseal')
    assert.match(result.error.message, /--unsealed is not given/)
    writeFileSync(path, whole.replace('"format":1', '"format":4'))
    assert.equal(await faultOf(path, kek), 'newer_format')
    writeFileSync(path, whole)
  })

  it('holds no private member, and no bytes of a key-encryption key', async () => {
    const bytes = randomBytes(32)
    const text = encodeBase64url(bytes)
    const sealed = newPath()
    await opened(await bench(storeAt(sealed), policyOf({}, ['ES256', 'EdDSA']), await importKek(bytes)))
    const content = readFileSync(sealed, 'utf8')
    assert.doesNotMatch(content, /"(?:d|p|q|dp|dq|qi|oth|k|priv)"\s*:/)
    assert.ok(!content.includes(text))
    assert.deepEqual([...bytes], new Array(32).fill(0), 'the bytes were wiped')
  })

  it('notices a file that was put back to an older one while it runs, and serves neither', async () => {
    const place = newPath()
    const world = await bench(storeAt(place), POLICY, kek)
    const keyring = await opened(world)
    const older = readFileSync(place, 'utf8')
    world.now = (world.now + 1000) as typeof world.now
    await keyring.tick()
    const kid = keyring.lastSeen().signers.get(undefined)?.kid
    writeFileSync(place, older)
    await keyring.tick()
    assert.equal(world.events.findLast(({ name }) => name === 'store.failed' )?.name, 'store.failed')
    assert.deepEqual(failuresIn(world.events), ['rolled_back'])
    assert.equal(keyring.lastSeen().signers.get(undefined)?.kid, kid)
    assert.equal(readFileSync(place, 'utf8'), older)
  })

  it('notices a file that vanished while it runs, and makes no new one', async () => {
    const place = newPath()
    const world = await bench(storeAt(place), POLICY, kek)
    const keyring = await opened(world)
    rmSync(place)
    await keyring.tick()
    assert.deepEqual(failuresIn(world.events), ['ring_vanished'])
    assert.ok(!existsSync(place))
  })
})

describe('rekey()', () => {
  it('seals everything under the first key-encryption key, while a server that has both runs on', async () => {
    const path = newPath()
    const [old, next] = [await ephemeralKek(randomBytes), await ephemeralKek(randomBytes)]
    const world = await bench(storeAt(path), POLICY, old)
    const both = { ...world, deps: { ...world.deps, keks: [old, next] as const } }
    const keyring = await opened(both)
    const before = keyring.lastSeen().ring
    const count = await rekey({ ...world.deps, store: storeAt(path), keks: [next, old] })
    assert.equal(count, 2)
    const after = ringIn(readFileSync(path, 'utf8'))
    const statesOf = ({ keys }: Ring): unknown => keys.map(({ jwk, state }) => [jwk.kid, state])
    assert.deepEqual(statesOf(after), statesOf(before))
    assert.ok(!readFileSync(path, 'utf8').includes(old.id))
    await keyring.tick()
    assert.equal(keyring.health().inStep, true)
    const alone = await opened(await bench(storeAt(path), POLICY, next))
    assert.equal(alone.lastSeen().signers.get(undefined)?.kid, keyring.lastSeen().signers.get(undefined)?.kid)
    assert.equal(await faultOf(path, old), 'cannot_unseal')
  })

  it('turns an unsealed file into a sealed one', async () => {
    const path = newPath()
    const [open, kek] = [await unsealedKek(), await ephemeralKek(randomBytes)]
    await opened(await bench(storeAt(path), POLICY, open))
    const world = await bench(storeAt(path), POLICY, kek)
    await rekey({ ...world.deps, store: storeAt(path), keks: [kek, open] })
    assert.doesNotMatch(readFileSync(path, 'utf8'), /unsealed/)
    await opened(world)
  })

  it('has nothing to do in an empty store', async () => {
    const kek = await ephemeralKek(randomBytes)
    const { deps } = await bench(storeAt(newPath()), POLICY)
    assert.equal(await rekey({ ...deps, store: storeAt(newPath()), keks: [kek] }), undefined)
  })

  it('stops at a private half that it cannot open, and changes nothing', async () => {
    const path = newPath()
    const [kek, stranger] = [await ephemeralKek(randomBytes), await ephemeralKek(randomBytes)]
    const world = await bench(storeAt(path), POLICY, stranger)
    const { ring } = (await opened(world)).lastSeen()
    const document = await sealRing(ring, [kek], randomBytes)
    writeFileSync(path, document)
    const error = await rejection(rekey({ ...world.deps, store: storeAt(path), keks: [kek] }))
    assert.equal(error.code, 'cannot_unseal')
    assert.equal(readFileSync(path, 'utf8'), document)
  })
})

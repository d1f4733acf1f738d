import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { parseConfig } from '../../src/config/config.ts'
import { seconds } from '../../src/core/time.ts'
import type { RingStore, Version } from '../../src/keyring/store.ts'
import type { JtiStore } from '../../src/oauth/jti-store.ts'
import { gateway } from '../../src/stores/etcd/gateway.ts'
import { etcdMarks } from '../../src/stores/etcd/marks.ts'
import { etcdRing } from '../../src/stores/etcd/ring.ts'
import { spaceOf } from '../../src/stores/etcd/space.ts'
import { plainAgent } from '../../src/stores/agents.ts'
import { openStores } from '../../src/stores/open.ts'
import type { Stores } from '../../src/stores/stores.ts'
import { assertOneRing } from './one-ring.ts'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { randomBytes } from '../support/keyring.ts'
import { run } from '../support/process.ts'
import { ringStoreContract } from '../stores/contract.ts'
import { clock, jtiContract, of } from '../stores/jti-contract.ts'
import { addUsers, type Cluster, startCluster, whyNoEtcd } from './etcd.js'

const MOST = 100
const none = whyNoEtcd()
const clusters: Cluster[] = []
after(async () => void await Promise.all(clusters.map((cluster) => cluster.end())))

async function started(options: Parameters<typeof startCluster>[0] = {}): Promise<Cluster> {
  const cluster = await startCluster(options)
  clusters.push(cluster)
  return cluster
}

/** The stores of a configuration, as the server opens them. */
async function storesOf(args: readonly string[], mayCreate = true): Promise<Stores> {
  const parsed = parseConfig({ args: [...args, '--unsealed'], env: {}, inFile: () => [] })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return await openStores(parsed.value.config, { randomBytes, mayCreate })
}

let spaces = 0
const newPrefix = (): string => `jwksd/${spaces += 1}`

/** The options by which a cluster with TLS and users is reached. */
function optionsOf({ hosts, folder }: Cluster, { user = 'jwksd', password = 'right', cert = 'client' } = {}): string[] {
  const file = join(folder, `${user}-${password}`)
  writeFileSync(file, `${password}\n`, { mode: 0o600 })
  for (const name of ['client', 'named']) chmodSync(join(folder, `${name}.key`), 0o600)
  return [
    '--store', `etcds://${hosts}/${newPrefix()}`, '--store-ca', join(folder, 'ca.crt'),
    '--store-cert', join(folder, `${cert}.crt`), '--store-key', join(folder, `${cert}.key`),
    '--store-user', user, '--store-password-file', file,
  ]
}

async function problemOf(task: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([task])
  assert.equal(outcome?.status, 'rejected')
  const { name, message } = (outcome as PromiseRejectedResult).reason as Error
  assert.equal(name, 'StoreUnavailable', message)
  return message
}

const clocks = { now: clock, clockError: seconds(1) }

if (none !== undefined) it('etcd', { skip: none }, () => {})
else {
  const one = await started()
  const many = await started({ size: 3, tls: true })
  await addUsers(many)
  const plain = (): string[] => ['--store', `etcd://${one.hosts}/${newPrefix()}`]

  ringStoreContract('one etcd without TLS', async () => (await storesOf(plain())).ring)
  ringStoreContract('three etcd with TLS and users', async () => (await storesOf(optionsOf(many))).ring)

  const call = gateway({ urls: [new URL(`http://${one.hosts}`)], agent: plainAgent(), login: undefined })
  const marks = (prefix: string): JtiStore => etcdMarks(spaceOf(call, prefix, randomBytes), clocks, MOST)
  jtiContract('etcd', () => marks(newPrefix()), MOST)

  describe('the marks of several replicas on etcd', () => {
    it('let one of six that race for an identifier have it', async () => {
      const prefix = newPrefix()
      const replicas = Array.from({ length: 6 }, () => marks(prefix))
      for (let round = 0; round < 20; round += 1) {
        const done = await Promise.all(replicas.map((store) => store.use(of(`id ${round}`))))
        assert.deepEqual(done.toSorted(), [...Array<string>(5).fill('known'), 'new'])
      }
    })

    it('are revoked for all of them', async () => {
      const prefix = newPrefix()
      const [first, second] = [marks(prefix), marks(prefix)]
      await first.revoke(of('token'))
      assert.equal(await second.isRevoked([{ client: 'client', id: 'token' }], 0), true)
    })

    it('end by a lease for each minute, that outlasts the slowest clock', async () => {
      const prefix = newPrefix()
      const store = marks(prefix)
      await Promise.all(['a', 'b', 'c'].map((id) => store.use(of(id, 600))))
      const leases = await Promise.all(['a', 'b', 'c'].map(async (id) => {
        const key = Buffer.from(`${prefix}/marks/used-${id}`).toString('base64')
        return (await one.call('/v3/kv/range', { key })).kvs[0].lease as string
      }))
      assert.equal(new Set(leases).size, 1)
      const { grantedTTL } = await one.call('/v3/lease/timetolive', { ID: leases[0] })
      assert.ok(Number(grantedTTL) >= 600 + 2 && Number(grantedTTL) <= 600 + 60 + 60 + 2, grantedTTL)
      await one.call('/v3/lease/revoke', { ID: leases[0] })
      assert.equal(await store.use(of('d', 600)), 'new', 'a lease that is gone is granted anew')
    })
  })

  describe('a write to etcd whose answer is lost', () => {
    /** Passes requests on, and cuts the connection in place of the next answer when it is told to. */
    const startCutter = async (): Promise<{ readonly url: URL; readonly cut: () => void; readonly cuts: () => number }> => {
      let [cutting, cuts] = [false, 0]
      const [host = '', port = ''] = one.hosts.split(':')
      const server = createServer((client) => {
        const upstream = connect(Number(port), host)
        client.pipe(upstream)
        upstream.on('data', (chunk) => {
          if (!cutting) return void client.write(chunk)
          cutting = false
          cuts += 1
          client.destroy()
          upstream.destroy()
        })
        for (const socket of [client, upstream]) socket.on('error', () => {}).unref()
      })
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
      server.unref()
      const address = server.address() as { readonly port: number }
      return { url: new URL(`http://127.0.0.1:${address.port}`), cut: () => void (cutting = true), cuts: () => cuts }
    }

    const through = (url: URL, prefix: string): readonly [RingStore, JtiStore] => {
      const space = spaceOf(gateway({ urls: [url], agent: plainAgent(), login: undefined }), prefix, randomBytes)
      return [etcdRing(space, 'etcd', true), etcdMarks(space, clocks)]
    }

    it('is found to have won when it had', async () => {
      const { url, cut, cuts } = await startCutter()
      const [ring, jtis] = through(url, newPrefix())
      await ring.load()
      cut()
      const replaced = await ring.replace('one', undefined)
      assert.equal(cuts(), 1)
      assert.ok(replaced.ok, 'its own document was taken for that of another writer')
      assert.deepEqual(await ring.load(), { document: 'one', version: replaced.value })
      await jtis.use(of('before', 600))
      cut()
      assert.equal(await jtis.use(of('honest', 600)), 'new', 'an honest client was told that it repeats itself')
      assert.equal(cuts(), 2)
      assert.equal(await jtis.use(of('honest', 600)), 'known')
    })

    it('is found to have lost when another writer was faster', async () => {
      const { url, cut } = await startCutter()
      const prefix = newPrefix()
      const [ring] = through(url, prefix)
      const [other] = through(new URL(`http://${one.hosts}`), prefix)
      assert.ok((await other.replace('theirs', undefined)).ok)
      cut()
      assert.deepEqual(await ring.replace('ours', undefined), { ok: false, error: 'conflict' })
      assert.equal((await ring.load())?.document, 'theirs')
    })
  })

  describe('a cluster of three', () => {
    it('answers thirty calls at once while the member that they ask first is paused', async () => {
      const { ring, openJtis } = await storesOf(optionsOf(many))
      await ring.load()
      const jtis = await openJtis(clocks)
      // The member that answered last is asked first: that is this one.
      const paused = many.members[0]
      paused?.pause()
      try {
        const uses = Array.from({ length: 30 }, (_none, at) => jtis.use(of(`again ${at}`, 600)))
        assert.deepEqual(new Set(await Promise.all(uses)), new Set(['new']))
      } finally {
        paused?.resume()
      }
    })

    it('is logged into again when its users change', async () => {
      const { ring } = await storesOf(optionsOf(many))
      await ring.load()
      const { token } = await many.call('/v3/auth/authenticate', { name: 'root', password: 'root' })
      assert.equal(typeof token, 'string')
      const args = ['-sS', '--cacert', join(many.folder, 'ca.crt'), '--cert', join(many.folder, 'client.crt'), '--key', join(many.folder, 'client.key')]
      const body = JSON.stringify({ name: 'third', password: 'right' })
      execFileSync('curl', [...args, '-H', `Authorization: ${token}`, '-d', body, `${many.members[0]?.url}/v3/auth/user/add`])
      assert.equal(await ring.load(), undefined)
    })
  })

  describe('an etcd that cannot be used', () => {
    it('is named with what to mend', async () => {
      const load = async (args: string[]): Promise<string> => await problemOf((await storesOf(args)).ring.load())
      const secure = optionsOf(many)
      const without = (option: string, args = secure): string[] => args.filter((_, at) => args[at - 1] !== option && args[at] !== option)
      const nobody = without('--store-user', without('--store-password-file'))
      const unknown = [...without('--store-ca')]
      const cases: readonly (readonly [string, string[], RegExp])[] = [
        ['a wrong password', optionsOf(many, { password: 'wrong' }), /refuses --store-user with the password/],
        ['no user', nobody, /denies to read and write .* Set --store-user/],
        ['a user without rights', optionsOf(many, { user: 'other' }), /denies to read and write .* grant it a role/],
        ['a certificate with a common name', optionsOf(many, { cert: 'named' }), /with a common name \(CN\)/],
        ['a user where there are none', [...plain(), ...secure.slice(-4)], /has no users\. Leave out --store-user/],
        ['an unknown authority', unknown, /UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
        ['a missing file', [...without('--store-ca'), '--store-ca', '/nowhere/ca.crt'], /\/nowhere\/ca\.crt: the system says ENOENT/],
      ]
      await Promise.all(cases.map(async ([what, args, problem]) => assert.match(await load(args), problem, what)))
    })

    it('is out of space', async () => {
      const small = await started({ flags: ['--quota-backend-bytes', '200000'] })
      const { ring } = await storesOf(['--store', `etcd://${small.hosts}/jwksd`])
      const fill = async (): Promise<void> => {
        let version: Version | undefined
        // etcd looks at the size of its file after each batch, up to 100 ms later.
        for (let round = 0; round < 200; round += 1) {
          await setTimeout(10)
          const replaced = await ring.replace(`${round}${'x'.repeat(100_000)}`, version)
          version = replaced.ok ? replaced.value : assert.fail('a writer alone met a conflict')
        }
      }
      assert.match(await problemOf(fill()), /no space left \(alarm NOSPACE\)/)
    })

    it('is filled by a server alone on this machine, without TLS and at a fast pace', async () => {
      const trial = await storesOf([...plain(), '--preset', 'fast'], false)
      assert.equal(await trial.ring.load(), undefined)
      const port = one.hosts.split(':')[1]
      // The address leads here on Linux, but it is none of this machine alone.
      const other = ['--store', `etcd://0.0.0.0:${port}/${newPrefix()}`, '--allow-plain-store', '--preset', 'fast']
      assert.match(await problemOf((await storesOf(other, false)).ring.load()), /it holds no ring/)
      assert.match(await problemOf((await storesOf(plain(), false)).ring.load()), /it holds no ring/)
    })

    it('is no etcd', async () => {
      const other = createHttpServer((_request, response) => response.end('{}')).listen(0, '127.0.0.1')
      await once(other, 'listening')
      const { port } = other.address() as { readonly port: number }
      const { ring } = await storesOf(['--store', `etcd://127.0.0.1:${port}/jwksd`])
      assert.match(await problemOf(ring.load()), /is not the JSON gateway of an etcd/)
      other.close().closeAllConnections()
    })

    it('is another cluster than before', async () => {
      const [first, second] = [await started(), await started()]
      const urls = [first, second].map(({ hosts }) => new URL(`http://${hosts}`))
      const ring = etcdRing(spaceOf(gateway({ urls, agent: plainAgent(), login: undefined }), 'p', randomBytes), 'etcd', true)
      assert.ok((await ring.replace('one', undefined)).ok)
      await first.members[0]?.kill()
      assert.match(await problemOf(ring.load()), /Another cluster answers/)
    })
  })

  describe('servers on etcd', () => {
    it('start on a ring that an operator made, sign with the same keys, and never fill an empty cluster', async () => {
      const folder = newFolder()
      const args = [...plain(), '--kek-file', newKek(folder), '--alg', 'ES256']
      const empty = await run(['serve', '--port', '0', ...args])
      assert.equal(empty.code, 69)
      assert.match(empty.stderr, /it holds no ring\. .*jwksd ring create --store etcd:/)
      const unsafe = await run(['ring', 'create', ...args.slice(2), '--store-user', 'a', '--store', 'etcd://10.0.0.1/x'])
      assert.equal(unsafe.code, 78)
      assert.match(unsafe.stderr, /anyone on the way can replace .* --allow-plain-store\n.*--store-user and --store-password-file go together/)
      await assertOneRing(args)
    })
  })
}

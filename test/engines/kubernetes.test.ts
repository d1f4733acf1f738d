import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { root } from '../../scripts/setup.js'
import { parseConfig } from '../../src/config/config.ts'
import { instant, seconds } from '../../src/core/time.ts'
import type { JtiStore } from '../../src/oauth/jti-store.ts'
import { tlsAgent } from '../../src/stores/agents.ts'
import { type Api, apiOf } from '../../src/stores/kubernetes/api.ts'
import { kubernetesMarks } from '../../src/stores/kubernetes/marks.ts'
import { kubernetesRing } from '../../src/stores/kubernetes/ring.ts'
import { secretOf } from '../../src/stores/kubernetes/secret.ts'
import { openStores } from '../../src/stores/open.ts'
import { secretIn } from '../../src/stores/agents.ts'
import type { Stores } from '../../src/stores/stores.ts'
import { assertOneRing } from './one-ring.ts'
import { newFolder } from '../support/folder.ts'
import { newKek } from '../support/kek.ts'
import { randomBytes } from '../support/keyring.ts'
import { end, run, serve, SERVER } from '../support/process.ts'
import { ringStoreContract } from '../stores/contract.ts'
import { clock, jtiContract, of, START } from '../stores/jti-contract.ts'
import { type Kubernetes, kubernetesOptions, startKubernetes, whyNoKubernetes } from './kubernetes.js'

const MOST = 100
const SECRETS = '/api/v1/namespaces/jwksd/secrets'
const none = whyNoKubernetes()

async function problemOf(task: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([task])
  assert.equal(outcome?.status, 'rejected')
  const { name, message } = (outcome as PromiseRejectedResult).reason as Error
  assert.equal(name, 'StoreUnavailable', message)
  return message
}

/** The stores of a configuration, as the server opens them. */
async function storesOf(args: readonly string[], mayCreate = true): Promise<Stores> {
  const parsed = parseConfig({ args: [...args, '--unsealed'], env: {}, inFile: () => [] })
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return await openStores(parsed.value.config, { randomBytes, mayCreate })
}

const clocks = { now: clock, clockError: seconds(1) }

if (none !== undefined) it('Kubernetes', { skip: none }, () => {})
else {
  const cluster: Kubernetes = await startKubernetes(2)
  after(() => cluster.end())
  const names = Array.from({ length: 40 }, (_none, at) => `ring-${at}`)
  const token = await cluster.makeAccount('keys', names)
  await Promise.all(names.map((name) => cluster.makeSecrets(name)))
  let taken = 0
  const newName = (): string => names[taken++] ?? assert.fail('more names are needed')
  const optionsOf = (name = newName(), tokenFile = token): readonly string[] => kubernetesOptions(cluster, name, tokenFile)
  const edit = async (name: string, change: (secret: Record<string, unknown>) => object): Promise<void> => {
    const { content } = await cluster.call('GET', `${SECRETS}/${name}`)
    const { status } = await cluster.call('PUT', `${SECRETS}/${name}`, change(content))
    assert.equal(status, 200)
  }

  ringStoreContract('two API servers of Kubernetes', async () => (await storesOf(optionsOf())).ring)

  const apiAt = (urls: readonly URL[]): Api => {
    const agent = tlsAgent({ storeCa: join(cluster.folder, 'ca.crt'), storeCert: undefined, storeKey: undefined, allowShared: false })
    return apiOf({ urls, namespace: 'jwksd', agent, token: () => secretIn(token, false) })
  }
  const api = apiAt(cluster.urls.split(',').map((url) => new URL(url)))
  const marksIn = async (name: string, by = api, now = clock): Promise<JtiStore> => {
    const secret = (end: string) => [secretOf(by, `${name}${end}`, randomBytes), `${name}${end}`] as const
    return await kubernetesMarks({ clocks: { ...clocks, now }, randomBytes, secret }, MOST)
  }
  const made = await Promise.all(Array.from({ length: 4 }, () => marksIn(newName())))
  jtiContract('Kubernetes', () => made.pop() ?? assert.fail('more stores are needed'), MOST)

  describe('the marks of several replicas on Kubernetes', () => {
    it('let one of six that race for an identifier have it', async () => {
      const name = newName()
      const replicas = await Promise.all(Array.from({ length: 6 }, () => marksIn(name)))
      for (let round = 0; round < 10; round += 1) {
        const ids = Array.from({ length: 20 }, (_none, at) => `id ${round} ${at}`)
        await Promise.all(ids.map(async (id) => {
          const done = await Promise.all(replicas.map((store) => store.use(of(id))))
          assert.deepEqual(done.toSorted(), [...Array<string>(5).fill('known'), 'new'])
        }))
      }
    })

    it('are revoked for all of them', async () => {
      const name = newName()
      const [first, second] = [await marksIn(name), await marksIn(name)]
      await first.revoke(of('token'))
      assert.equal(await second.isRevoked([{ client: 'client', id: 'token' }], 0), true)
    })

    it('are dropped by the next write when they are over by the slowest clock, and not before', async () => {
      const name = newName()
      let now = instant(START)
      const store = await marksIn(name, api, () => now)
      const revoke = async (id: string): Promise<number> => {
        await store.revoke(of(id, 60 + now - START))
        const { content } = await cluster.call('GET', `${SECRETS}/${name}-revoked`)
        return Buffer.from(content.data.value, 'base64').toString().trimEnd().split('\n').length
      }
      assert.equal(await revoke('first'), 1)
      // Its minute ends at most 120 s after the start; it is kept for 60 s and twice the error of a clock more.
      now = instant(START + 60 + 60 + 1)
      assert.equal(await revoke('second'), 2)
      now = instant(START + 120 + 60 + 3)
      assert.equal(await revoke('third'), 2)
    })

    it('are refused, not forgotten, when a Secret is full', async () => {
      const name = newName()
      const lines = Array.from({ length: 13_000 }, (_none, at) => `${String(at).padStart(22, '0')} ${START + 600} 12345678\n`)
      const value = Buffer.from(lines.join('')).toString('base64')
      await edit(`${name}-revoked`, (secret) => ({ ...secret, data: { value } }))
      assert.match(await problemOf((await marksIn(name)).revoke(of('token'))), /ring-\d+-revoked is full: more than 524288 bytes/)
    })
  })

  describe('a write to Kubernetes whose answer is lost', () => {
    /** Passes connections on; told to, it cuts the next one as soon as the whole request is through, and its answer is due. */
    const startCutter = async (): Promise<{ readonly url: URL; readonly cut: () => void; readonly cuts: () => number }> => {
      let [cutting, cuts] = [false, 0]
      const { hostname, port } = new URL(cluster.urls.split(',')[0] ?? '')
      const server = createServer((client) => {
        let asked = 0
        const upstream = connect(Number(port), hostname)
        client.on('data', (chunk) => {
          asked += chunk.length
          upstream.write(chunk)
        })
        upstream.on('data', (chunk) => {
          // An answer, not a part of the handshake, comes after what is larger than one.
          if (!cutting || asked < 1500) return void client.write(chunk)
          cutting = false
          cuts += 1
          client.destroy()
          upstream.destroy()
        })
        for (const socket of [client, upstream]) socket.on('error', () => {}).on('close', () => [client, upstream].map((one) => one.destroy())).unref()
      })
      await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
      server.unref()
      return { url: new URL(`https://127.0.0.1:${(server.address() as { readonly port: number }).port}`), cut: () => void (cutting = true), cuts: () => cuts }
    }

    it('is found to have won when it had, or to have lost when another writer was faster', async () => {
      const { url, cut, cuts } = await startCutter()
      const name = newName()
      const ring = kubernetesRing(secretOf(apiAt([url]), name, randomBytes), name, true)
      assert.equal(await ring.load(), undefined)
      const first = await ring.replace('one', undefined)
      assert.ok(first.ok)
      cut()
      const second = await ring.replace('two', first.value)
      assert.equal(cuts(), 1)
      assert.ok(second.ok, 'its own document was taken for that of another writer')
      assert.deepEqual(await ring.load(), { document: 'two', version: second.value })
      const other = kubernetesRing(secretOf(api, name, randomBytes), name, true)
      assert.ok((await other.replace('theirs', (await other.load())?.version)).ok)
      cut()
      assert.deepEqual(await ring.replace('ours', second.value), { ok: false, error: 'conflict' })
      assert.equal((await ring.load())?.document, 'theirs')
    })

    it('refuses no honest identifier, even where another writer came between', async () => {
      const name = newName()
      const other = await marksIn(name)
      for (const between of [async () => {}, async () => void await other.revoke(of('theirs', 600))]) {
        let losses = 1
        // The answer to the first write is lost, and the very same is sent again.
        const losing: Api = async (secret, method, body) => {
          const answer = await api(secret, method, body)
          if (method === 'GET' || answer.status === 409 || losses === 0) return answer
          losses -= 1
          await between()
          return await api(secret, method, body)
        }
        const store = await marksIn(name, losing)
        const id = `honest ${between}`
        assert.equal(await store.revoke(of(id, 600)), 'new', 'an honest client was told that it repeats itself')
        assert.equal(losses, 0)
        assert.equal(await store.revoke(of(id, 600)), 'known')
      }
    })
  })

  describe('a Secret, and what is wrong with it, in one line', () => {
    const load = async (args: readonly string[]): Promise<string> => await problemOf((await storesOf(args)).ring.load())

    it('is out of reach', async () => {
      const [name, bad] = [newName(), join(newFolder(), 'bad')]
      writeFileSync(bad, 'rubbish\n', { mode: 0o600 })
      const reader = await cluster.makeAccount('reader', names, ['get'])
      const writer = await cluster.makeAccount('writer', names, ['update'])
      const gone = await cluster.makeAccount('gone', ['nowhere'])
      const cases: readonly (readonly [string, readonly string[], RegExp])[] = [
        ['no right to read', optionsOf(name, writer), new RegExp(`denies to get Secret ${name} in namespace jwksd\\. Grant that in a Role`)],
        ['no right to write', optionsOf(name, reader), new RegExp(`denies to update Secret ${name} in namespace jwksd\\.`)],
        ['a wrong token', optionsOf(name, bad), /does not accept the token\. Check --kube-token-file/],
        ['a missing Secret', optionsOf('nowhere', gone), /Secret nowhere is missing\. Make it empty: kubectl create secret generic nowhere/],
        ['a missing token', optionsOf(name, '/nowhere/token'), /Cannot read \/nowhere\/token/],
        ['an unknown authority', optionsOf(name).slice(0, -2), /The API server does not answer: .*UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
        ['no pod', ['--store', 'kubernetes:jwksd/ring'], /This is no pod\. Set --kube-api/],
        ['half an address', optionsOf(name).slice(0, 4), /--kube-api and --kube-token-file go together/],
      ]
      await Promise.all(cases.map(async ([what, args, problem]) => assert.match(await problemOf(storesOf(args).then(({ ring }) => ring.load())), problem, what)))
    })

    it('is immutable', async () => {
      const name = newName()
      await edit(name, (secret) => ({ ...secret, immutable: true }))
      assert.match(await load(optionsOf(name)), /is immutable\. Make it anew/)
    })

    it('lacks the marks: the start says which', async () => {
      const name = newName()
      await cluster.call('DELETE', `${SECRETS}/${name}-marks-3`)
      const { openJtis } = await storesOf(optionsOf(name))
      assert.match(await problemOf(openJtis(clocks)), new RegExp(`Secret ${name}-marks-3 is missing`))
    })

    it('was emptied, or deleted and made again', async () => {
      const name = newName()
      const { ring, openJtis } = await storesOf(optionsOf(name))
      assert.ok((await ring.replace('one', undefined)).ok)
      const server = await storesOf(optionsOf(name), false)
      assert.equal((await server.ring.load())?.document, 'one')
      const jtis = await openJtis(clocks)
      await jtis.revoke(of('token'))
      for (const end of ['', '-revoked']) await edit(`${name}${end}`, ({ data: _gone, ...secret }) => secret)
      assert.match(await problemOf(server.ring.load()), /it holds no ring\. .*jwksd ring create --store kubernetes:jwksd\//)
      assert.match(await problemOf(jtis.isRevoked([{ client: 'client', id: 'token' }], 0)), /-revoked was emptied/)
      await cluster.call('DELETE', `${SECRETS}/${name}`)
      assert.match(await problemOf(server.ring.load()), /is missing/)
      await cluster.makeSecrets(name)
      assert.match(await problemOf(server.ring.load()), /was deleted and made again/)
      assert.match(await problemOf((await storesOf(optionsOf(name), false)).ring.load()), /it holds no ring/)
    })

    it('keeps what others wrote beside its data', async () => {
      const name = newName()
      await edit(name, (secret) => ({ ...secret, metadata: { ...secret['metadata'] as object, labels: { team: 'keys' } }, data: { note: 'bm90ZQ==' } }))
      const { ring } = await storesOf(optionsOf(name))
      assert.ok((await ring.replace('one', undefined)).ok)
      const { content } = await cluster.call('GET', `${SECRETS}/${name}`)
      assert.deepEqual([content.metadata.labels, content.data.note], [{ team: 'keys' }, 'bm90ZQ=='])
    })
  })

  describe('the manifests in docs/deploy/kubernetes', () => {
    const textOf = (file: string): string => readFileSync(join(root, 'docs', 'deploy', 'kubernetes', file), 'utf8')
    /** Where objects of a kind are made. */
    const places: Readonly<Record<string, string>> = {
      ServiceAccount: '/api/v1/namespaces/jwksd/serviceaccounts', Secret: SECRETS, Service: '/api/v1/namespaces/jwksd/services',
      Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/jwksd/roles', Job: '/apis/batch/v1/namespaces/jwksd/jobs',
      RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/jwksd/rolebindings', Deployment: '/apis/apps/v1/namespaces/jwksd/deployments',
      PodDisruptionBudget: '/apis/policy/v1beta1/namespaces/jwksd/poddisruptionbudgets',
    }
    /** Makes the objects of a file, of which this old API server knows one only by an older version. */
    const create = async (file: string): Promise<readonly Record<string, any>[]> => {
      const documents = textOf(file).split('\n---\n').map((text) => text.replace('policy/v1\n', 'policy/v1beta1\n'))
      return await Promise.all(documents.map(async (text) => {
        const kind = /^kind: (\w+)$/m.exec(text)?.[1] ?? ''
        const { status, content } = await cluster.call('POST', places[kind] ?? assert.fail(kind), text)
        assert.equal(status, 201, `${kind}: ${JSON.stringify(content)}`)
        return content
      }))
    }
    /** Every member that a text of YAML names, in an object. */
    const hasAll = (value: unknown, text: string): void => {
      const known = JSON.stringify(value)
      const named = [...text.matchAll(/^[ -]*([A-Za-z]+):/gm)].map(([, name = '']) => name)
      assert.deepEqual(named.filter((name) => !known.includes(`"${name}":`)), [], 'the API server dropped a member that it does not know')
    }

    it('are accepted whole, and with the rights in them a pod makes the ring and serves', { skip: process.getuid?.() === 0 ? false : 'needs root' }, async () => {
      await cluster.call('DELETE', `${SECRETS}/ring`)
      const [account] = await create('rights.yaml')
      await create('secrets.yaml')
      const [job] = await create('ring.yaml')
      const objects = await create('server.yaml')
      hasAll(job, textOf('ring.yaml'))
      hasAll(objects, textOf('server.yaml'))
      assert.equal(account?.['metadata'].name, 'jwksd')
      await cluster.renew('jwksd')
      // What a pod finds: files of the cluster behind links, and two variables.
      const folder = newFolder()
      const credentials = '/var/run/secrets/kubernetes.io/serviceaccount'
      const enter = [
        'mount -t tmpfs tmpfs /run', `mkdir -p ${credentials}/..data`, `cp ${join(cluster.folder, 'jwksd.token')} ${credentials}/..data/token`,
        `cp ${join(cluster.folder, 'ca.crt')} ${credentials}/..data/ca.crt`, `chmod 644 ${credentials}/..data/*`,
        `ln -s ..data/token ${credentials}/token`, `ln -s ..data/ca.crt ${credentials}/ca.crt`, 'exec "$@"',
      ]
      const by = ['unshare', '-m', 'sh', '-ec', enter.join('; '), 'sh']
      const { hostname, port } = new URL(cluster.urls.split(',')[0] ?? '')
      const env = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port }
      const kek = newKek(folder)
      writeFileSync(join(folder, 'clients.json'), '{"clients":[]}', { mode: 0o600 })
      const argsOf = (object: any): readonly string[] => (object.spec.template.spec.containers[0].args as readonly string[])
        .map((word) => word.replace('/etc/jwksd/kek/ring.kek', kek).replace('/etc/jwksd/clients', folder).replace('--port=8080', '--port=0'))
      const [program = '', ...rest] = [...by, process.execPath, SERVER, ...argsOf(job)]
      const made = spawnSync(program, rest, { env: { ...process.env, ...env }, encoding: 'utf8' })
      assert.match(made.stdout, /^Made a ring in kubernetes:jwksd\/ring: /, made.stderr)
      const server = await serve(argsOf(objects[0]).filter((word) => !/^--(?:audit|drain|port)=/.test(word)), env, by)
      assert.equal((await fetch(`http://127.0.0.1:${server.port}/readyz`)).status, 200)
      await end(server)
    })
  })

  describe('servers on Kubernetes', () => {
    it('start on a ring that an operator made, sign with the same keys, and never fill an empty Secret', async () => {
      const args = [...optionsOf(), '--kek-file', newKek(newFolder()), '--alg', 'ES256']
      const empty = await run(['serve', '--port', '0', ...args])
      assert.equal(empty.code, 69)
      assert.match(empty.stderr, /it holds no ring\. .*jwksd ring create --store kubernetes:/)
      await assertOneRing(args)
    })

    it('go on when the token and the API server that they ask first are replaced', async () => {
      const { ring } = await storesOf(optionsOf(undefined, token))
      assert.ok((await ring.replace('one', undefined)).ok)
      writeFileSync(token, 'rubbish', { mode: 0o600 })
      assert.match(await problemOf(ring.load()), /does not accept the token/)
      await cluster.renew('keys')
      assert.equal((await ring.load())?.document, 'one')
      await cluster.members[0]?.kill()
      assert.equal((await ring.load())?.document, 'one')
      await cluster.members[0]?.start()
    })
  })
}

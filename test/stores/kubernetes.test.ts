import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { seconds } from '../../src/core/time.ts'
import type { Api } from '../../src/stores/kubernetes/api.ts'
import { marksText } from '../../src/stores/kubernetes/bounds.ts'
import { kubernetesMarks } from '../../src/stores/kubernetes/marks.ts'
import { type Secret, secretOf } from '../../src/stores/kubernetes/secret.ts'
import { clusterOf } from '../../src/system/pod.ts'
import { randomBytes } from '../support/keyring.ts'
import { clock, jtiContract, of } from './jti-contract.ts'

/** What needs no API server; test/engines/kubernetes.test.ts asks a real one. */

interface Written {
  readonly metadata: { readonly resourceVersion?: string }
}

/** One Secret as an API server keeps it, and what was sent; `compares` says whether it minds versions. */
function fakeApi({ compares = true, object = {} }: { readonly compares?: boolean; readonly object?: object } = {}) {
  let version = 7
  let held: object = { kind: 'Secret', metadata: { uid: 'one' }, ...object }
  const sent: Written[] = []
  let lost = 0
  const api: Api = async (_name, method, body = '') => {
    const answer = (status: number) => ({ status, headers: {}, body: Buffer.from(JSON.stringify(shown())) })
    const shown = () => ({ ...held, metadata: { ...(held as { metadata: object }).metadata, resourceVersion: String(version) } })
    if (method === 'GET') return answer(200)
    const written = JSON.parse(body) as Written
    sent.push(written)
    if (compares && written.metadata.resourceVersion !== String(version)) return answer(409)
    held = written
    version += 1
    if (lost === 0) return answer(200)
    lost -= 1
    // The client sends the very same again.
    return await api(_name, method, body)
  }
  return { api, sent, lose: (): void => void (lost += 1), change: (to: object): void => void (held = { ...held, ...to }) }
}

async function problemOf(task: Promise<unknown>): Promise<string> {
  const [outcome] = await Promise.allSettled([task])
  assert.equal(outcome?.status, 'rejected')
  return ((outcome as PromiseRejectedResult).reason as Error).message
}

describe('a Secret of Kubernetes', () => {
  it('is not used where a write that must fail does not', async () => {
    const { api } = fakeApi({ compares: false })
    assert.match(await problemOf(secretOf(api, 'ring', randomBytes).read()), /is replaced without comparing versions/)
  })

  it('is never written without the version that it must have', async () => {
    const { api, sent } = fakeApi()
    const secret = secretOf(api, 'ring', randomBytes)
    const { version } = await secret.read()
    const next = await secret.replace('one', version)
    assert.equal(await secret.replace('two', version), undefined)
    assert.notEqual(await secret.replace('two', next ?? ''), undefined)
    assert.deepEqual(sent.map(({ metadata }) => typeof metadata.resourceVersion), ['string', 'string', 'string'])
  })

  it('knows its own write when the answer to it was lost', async () => {
    const { api, lose } = fakeApi()
    const secret = secretOf(api, 'ring', randomBytes)
    const { version } = await secret.read()
    lose()
    assert.notEqual(await secret.replace('one', version), undefined)
    assert.equal((await secret.read()).value, 'one')
  })

  it('is refused when it is immutable, another one than before, or none', async () => {
    assert.match(await problemOf(secretOf(fakeApi({ object: { immutable: true } }).api, 'ring', randomBytes).read()), /immutable/)
    assert.match(await problemOf(secretOf(fakeApi({ object: { kind: 'Status' } }).api, 'ring', randomBytes).read()), /no API server/)
    const { api, change } = fakeApi()
    const secret = secretOf(api, 'ring', randomBytes)
    await secret.read()
    change({ metadata: { uid: 'two' } })
    assert.match(await problemOf(secret.read()), /was deleted and made again/)
  })
})

const MOST = 100
const secrets = new Map<string, Secret>()
const inMemory = async (): ReturnType<typeof kubernetesMarks> => {
  const place = secrets.size
  const secret = (end: string) => {
    const name = `${place}${end}`
    const one = secrets.get(name) ?? secretOf(fakeApi().api, name, randomBytes)
    secrets.set(name, one)
    return [one, name] as const
  }
  return await kubernetesMarks({ clocks: { now: clock, clockError: seconds(1) }, randomBytes, secret }, MOST)
}
const made = [await inMemory(), await inMemory(), await inMemory(), await inMemory()]
jtiContract('Secrets in memory', () => made.pop() ?? assert.fail('more stores are needed'), MOST)

describe('the marks in Secrets', () => {
  it('of many at once are a few writes', async () => {
    const { api, sent } = fakeApi()
    const secret = (end: string) => [secretOf(end === '-revoked' ? api : fakeApi().api, end, randomBytes), end] as const
    const store = await kubernetesMarks({ clocks: { now: clock, clockError: seconds(1) }, randomBytes, secret })
    const done = await Promise.all(Array.from({ length: 500 }, (_none, at) => store.revoke(of(`${at}`))))
    assert.deepEqual(new Set(done), new Set(['new']))
    assert.ok(sent.length <= 5, `${sent.length} writes`)
  })

  it('have bounds that `check` prints', () => {
    assert.match(marksText({ clockError: seconds(60), maxTtl: seconds(3600) }), /^marks <= 97536 used and 12192 revoked/)
    assert.match(marksText({ clockError: seconds(60), maxTtl: seconds(3600) }), /second: 330 that live for 60 s, 25 .*: 3\.2$/m)
  })
})

describe('clusterOf()', () => {
  it('finds the API server of a pod, by IPv6 too, and none elsewhere', () => {
    const found = (host: string): readonly string[] | undefined => clusterOf({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: '6443' })?.urls
    assert.deepEqual([found('10.0.0.1'), found('fd00::1')], [['https://10.0.0.1:6443'], ['https://[fd00::1]:6443']])
    assert.equal(clusterOf({}), undefined)
  })
})

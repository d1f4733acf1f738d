import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort } from '../support/free-port.js'
import { makeCertificates, memberOf, startCluster, whyNoEtcd } from './etcd.js'

/** Real API servers of Kubernetes over one etcd, with RBAC on; scripts/kube-apiserver.sh builds the program. A body that is a text is YAML. */

const PROGRAM = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'jwksd', 'kube-apiserver')
const NAMESPACE = 'jwksd'
/** The Secrets of a ring: the first one holds it, the others used and revoked identifiers. */
const ENDS = ['', '-revoked', ...Array.from({ length: 8 }, (_, at) => `-marks-${at}`)]

/**
 * @typedef {{ status: number, content: any }} Answer
 * @typedef {{
 *   folder: string, urls: string, members: import('./etcd.js').Member[], etcd: import('./etcd.js').Cluster,
 *   call: (method: string, path: string, body?: object | string, at?: number) => Promise<Answer>, 
 *   makeSecrets: (name: string) => Promise<void>, makeAccount: (name: string, names: readonly string[], verbs?: readonly string[]) => Promise<string>,
 *   renew: (account: string) => Promise<void>, end: () => Promise<void>,
 * }} Kubernetes
 */

/** Why no API server can be started here; undefined if one can. */
export function whyNoKubernetes() {
  return whyNoEtcd() ?? (existsSync(PROGRAM) ? undefined : 'there is no kube-apiserver (scripts/kube-apiserver.sh builds it)')
}

/**
 * Starts so many API servers, and waits until they answer.
 * @returns {Promise<Kubernetes>}
 */
export async function startKubernetes(size = 1) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-kubernetes-'))
  makeCertificates(folder, [])
  const etcd = await startCluster()
  const key = join(folder, 'accounts.key')
  spawnSync('openssl', ['genrsa', '-out', key, '2048'])
  writeFileSync(join(folder, 'tokens.csv'), 'root-token,root,root,system:masters\n', { mode: 0o600 })
  /** @type {string[]} */
  const urls = []
  for (let at = 0; at < size; at += 1) urls.push(`https://127.0.0.1:${await freePort()}`)
  const members = urls.map((url) => memberOf(url, [
    PROGRAM, '--etcd-servers', `http://${etcd.hosts}`, '--bind-address', '127.0.0.1', '--secure-port', new URL(url).port,
    '--advertise-address', '10.0.0.1', '--endpoint-reconciler-type', 'none', '--service-cluster-ip-range', '10.1.0.0/24',
    '--tls-cert-file', join(folder, 'server.crt'), '--tls-private-key-file', join(folder, 'server.key'),
    '--authorization-mode', 'RBAC', '--token-auth-file', join(folder, 'tokens.csv'), '--anonymous-auth=false',
    '--service-account-issuer', 'https://kubernetes.example', '--service-account-key-file', key, '--service-account-signing-key-file', key,
    '--api-audiences', 'https://kubernetes.example', '--cert-dir', folder,
  ]))
  await Promise.all(members.map((member) => member.start()))
  const ca = readFileSync(join(folder, 'ca.crt'))
  const call = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {object | string | undefined} */ body = undefined, at = 0) =>
    await send(`${urls[at]}${path}`, method, { ca, body })
  for (const at of urls.keys()) {
    for (let tries = 0; tries < 300 && (await call('GET', '/readyz', undefined, at).catch(() => undefined))?.status !== 200; tries += 1) await pause(200)
  }
  await call('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } })
  /** @type {Kubernetes} */
  const kubernetes = {
    folder, urls: urls.join(','), members, etcd, call,
    makeSecrets: async (name) => {
      for (const end of ENDS) await call('POST', `/api/v1/namespaces/${NAMESPACE}/secrets`, { metadata: { name: `${name}${end}` }, type: 'Opaque' })
    },
    makeAccount: async (name, names, verbs = ['get', 'update']) => {
      const rights = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`
      const resourceNames = names.flatMap((one) => ENDS.map((end) => `${one}${end}`))
      await call('POST', `/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, { metadata: { name } })
      await call('POST', `${rights}/roles`, { metadata: { name }, rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames, verbs }] })
      const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name }
      await call('POST', `${rights}/rolebindings`, { metadata: { name }, roleRef, subjects: [{ kind: 'ServiceAccount', name, namespace: NAMESPACE }] })
      await kubernetes.renew(name)
      return join(folder, `${name}.token`)
    },
    renew: async (account) => {
      for (const at of urls.keys()) {
        const path = `/api/v1/namespaces/${NAMESPACE}/serviceaccounts/${account}/token`
        const answer = await call('POST', path, { spec: { expirationSeconds: 600 } }, at).catch(() => undefined)
        if (answer?.status === 201) return writeFileSync(join(folder, `${account}.token`), answer.content.status.token, { mode: 0o600 })
      }
    },
    end: async () => {
      await Promise.all(members.map((member) => member.kill()))
      await etcd.end()
      rmSync(folder, { recursive: true, force: true })
    },
  }
  return kubernetes
}

/**
 * The options by which a ring is reached.
 * @param {Kubernetes} kubernetes
 * @param {string} name
 * @param {string} tokenFile
 */
export function kubernetesOptions({ urls, folder }, name, tokenFile) {
  return ['--store', `kubernetes:${NAMESPACE}/${name}`, '--kube-api', urls, '--kube-token-file', tokenFile, '--store-ca', join(folder, 'ca.crt')]
}

/** @param {string} url @param {string} method @param {{ ca: Buffer, body: object | string | undefined }} options @returns {Promise<Answer>} */
function send(url, method, { ca, body }) {
  return new Promise((resolve, reject) => {
    const kind = typeof body === 'string' ? 'yaml' : 'json'
    const headers = { authorization: 'Bearer root-token', 'content-type': `application/${kind}` }
    const asked = request(url, { method, headers, ca, timeout: 5000 }, async (response) => {
      const text = (await response.toArray()).join('')
      resolve({ status: response.statusCode ?? 0, content: text.startsWith('{') ? JSON.parse(text) : text })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer')))
    asked.on('error', reject)
    asked.end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body))
  })
}

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { exportJWK, generateKeyPair } from 'jose'

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'

/** What every client of the run may have. */
const COMMON = { audiences: ['https://api.example', 'https://other.example'], scope: 'read write' }

/** Starts the built server on a free port, and answers where it is and how it ends. */
async function start(args) {
  const child = spawn(process.execPath, [SERVER, '--port', '0', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const issuer = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`The server ended with exit code ${code}`)))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { event, url } = JSON.parse(line)
      if (event === 'server.listening') resolve(url)
    })
  })
  child.removeAllListeners('exit')
  return { issuer, end: () => { child.kill('SIGTERM'); return once(child, 'exit') } }
}

function add(file, name, ...options) {
  const args = [SERVER, 'client', 'add', name, '--clients', file, '--audience', COMMON.audiences.join(','), '--scope', COMMON.scope, ...options]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  const secret = /client_secret: (\S+)/.exec(stdout)?.[1]
  if (secret === undefined) throw new Error(stderr)
  return secret
}

/**
 * A token service with a client of each kind, made as an operator makes them, and a second server that the first one
 * trusts: a workload's own issuer.
 */
export async function startServers() {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-clients-'))
  const platform = await start(['--alg', 'RS256,ES256'])
  const [es256, rs256] = await Promise.all(['ES256', 'RS256'].map((alg) => generateKeyPair(alg, { extractable: true })))
  const file = join(folder, 'clients.json')
  const clients = [
    { client_id: 'keeper', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...await exportJWK(es256.publicKey), kid: 'es' }] } },
    { client_id: 'keeper-rsa', token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ ...await exportJWK(rs256.publicKey), kid: 'rs' }] } },
    { client_id: 'job', token_endpoint_auth_method: 'none', grant_types: [BEARER], trusts: [{ issuer: platform.issuer, subjects: ['repo:*'] }] },
    { client_id: 'bound', token_endpoint_auth_method: 'none', grant_types: [BEARER], dpop_bound_access_tokens: true, trusts: [{ issuer: platform.issuer, subjects: ['repo:*'] }] },
  ].map((client) => ({ ...COMMON, ...client }))
  const issuers = [{ issuer: platform.issuer, jwks_uri: `${platform.issuer}/jwks.json` }]
  writeFileSync(file, JSON.stringify({ clients, issuers }), { mode: 0o600 })
  const secrets = {
    basic: add(file, 'basic'),
    post: add(file, 'post', '--auth', 'client_secret_post'),
    // A name that HTTP Basic cannot carry as it is.
    'odd:name+%': add(file, 'odd:name+%'),
    exchanger: add(file, 'exchanger', '--grant', EXCHANGE),
  }
  // Development tokens too, for the APIs to refuse.
  const admin = join(folder, 'admin')
  const service = await start(['--alg', 'RS256,ES256', '--clients', file, '--open-auth', '--admin', `unix:${admin}`])
  return {
    issuer: service.issuer,
    admin,
    secrets,
    keys: { es256: es256.privateKey, rs256: rs256.privateKey },
    audience: COMMON.audiences[0],
    other: COMMON.audiences[1],
    folder,
    /** A token for the client with a secret. */
    obtain: async (form) => {
      const headers = { authorization: `Basic ${Buffer.from(`basic:${secrets.basic}`).toString('base64')}` }
      const body = new URLSearchParams({ grant_type: 'client_credentials', ...form })
      return (await (await fetch(`${service.issuer}/token`, { method: 'POST', headers, body })).json()).access_token
    },
    /** A token as the platform of a workload hands it out. */
    workloadToken: async (sub) => {
      const body = JSON.stringify({ sub, aud: service.issuer })
      const reply = await fetch(`${platform.issuer}/auth`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
      return (await reply.json()).token
    },
    end: async () => {
      await Promise.all([service.end(), platform.end()])
      rmSync(folder, { recursive: true })
    },
  }
}

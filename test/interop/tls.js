import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import {
  expressVerifier, fastJwtVerifier, joseVerifier, jwksRsaVerifier, pythonVerifier, rubyVerifier,
} from './verifiers.js'

/** Verifiers that trust a private authority alone fetch the key set from a server that speaks TLS by itself. */

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
const OWN = fileURLToPath(import.meta.url)
const AUDIENCE = 'api'
/** Made for the process that is started with the authority as its own: Node reads that at its start. */
const folder = process.env.INTEROP_FOLDER

/** Makes an authority, and a certificate of it. */
function certify(place) {
  const openssl = (...args) => execFileSync('openssl', args, { cwd: place, stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  openssl('req', '-x509', ...newKey, '-subj', '/CN=private authority', '-keyout', 'ca.key', '-out', 'ca.crt')
  openssl('req', '-new', ...newKey, '-subj', '/CN=localhost', '-keyout', 'tls.key', '-out', 'tls.csr')
  writeFileSync(join(place, 'names'), 'subjectAltName=DNS:localhost\n')
  const by = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
  openssl('x509', '-req', '-in', 'tls.csr', '-out', 'tls.crt', ...by)
}

async function tryAll() {
  const files = ['--tls-cert', join(folder, 'tls.crt'), '--tls-key', join(folder, 'tls.key')]
  const options = ['--port', '0', '--host', 'localhost', '--alg', 'RS256,ES256,EdDSA', '--audience', AUDIENCE]
  const server = spawn(process.execPath, [SERVER, ...options, ...files], { stdio: ['ignore', 'pipe', 'inherit'] })
  const issuer = await new Promise((resolve, reject) => {
    server.on('exit', (code) => reject(new Error(`The server ended with exit code ${code}`)))
    createInterface({ input: server.stdout }).on('line', (line) => {
      const { event, url } = JSON.parse(line)
      if (event === 'server.listening') resolve(url)
    })
  })
  const target = { issuer, audience: AUDIENCE }
  const verifiers = [
    joseVerifier(target), jwksRsaVerifier(target), fastJwtVerifier(target), await expressVerifier(target),
    pythonVerifier(target), rubyVerifier(target),
  ]
  for (const { name, algs, verify, close } of verifiers) {
    for (const alg of algs) {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(`${issuer}/auth`, { method: 'POST', headers, body: JSON.stringify({ alg }) })
      const verdict = await verify((await answer.json()).token).then(() => 'accepted', ({ message }) => `refused: ${message}`)
      if (verdict !== 'accepted') process.exitCode = 1
      console.log(`${name} over TLS, ${alg}: ${verdict}`)
    }
    await close()
  }
  const exit = once(server, 'exit')
  server.kill('SIGTERM')
  await exit
}

if (folder === undefined) {
  const made = mkdtempSync(join(tmpdir(), 'jwksd-tls-'))
  certify(made)
  const authority = join(made, 'ca.crt')
  const env = { ...process.env, INTEROP_FOLDER: made, NODE_EXTRA_CA_CERTS: authority, SSL_CERT_FILE: authority }
  const { status } = spawnSync(process.execPath, [OWN], { stdio: 'inherit', env })
  rmSync(made, { recursive: true })
  process.exitCode = status ?? 1
} else {
  await tryAll()
}

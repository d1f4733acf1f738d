import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createSecureServer } from 'node:https'
import { join } from 'node:path'
import { decodeJwt, decodeProtectedHeader, generateKeyPair, SignJWT } from 'jose'
import { same } from './checks.js'
import { freePort } from '../support/free-port.js'

const APACHE = '/usr/sbin/apache2'
const MODULES = '/usr/lib/apache2/modules'
const LOADED = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir']

/** Starts Debian's Apache with a page behind mod_oauth2, which checks access tokens by the key set of an issuer; `options` are its own. */
export function startApache(folder, issuer, audience, options = []) {
  return start(folder, 'oauth2', '', `
  OAuth2TokenVerify jwks_uri ${issuer}/jwks.json ${['jwks_uri.ssl_verify=false', ...options].join('&')}
  AuthType oauth2
  <RequireAll>
    Require oauth2_claim iss:${issuer}
    Require oauth2_claim aud:${audience}
  </RequireAll>`)
}

/** The same with mod_auth_openidc, which takes keys by https alone: something that speaks TLS stands before the issuer. */
export async function startOpenidc(folder, issuer, audience) {
  const proxy = await startProxy(folder, issuer)
  const apache = await start(folder, 'auth_openidc', `
OIDCOAuthVerifyJwksUri ${proxy.url}/jwks.json
OIDCOAuthSSLValidateServer Off
OIDCJWKSRefreshInterval 300`, `
  AuthType oauth20
  <RequireAll>
    Require claim iss:${issuer}
    Require claim aud:${audience}
  </RequireAll>`)
  return { url: apache.url, end: () => apache.end().then(proxy.end) }
}

/** Answers what the issuer answers, under a certificate that nobody has signed. */
async function startProxy(folder, issuer) {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => join(folder, name))
  spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost', '-keyout', key, '-out', cert])
  const server = createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    fetch(`${issuer}${request.url}`).then(async (answer) => response.writeHead(answer.status).end(await answer.text()), () => response.writeHead(502).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `https://127.0.0.1:${server.address().port}`, end: () => server.close().closeAllConnections() }
}

/** Starts an Apache with one module more than it needs, whose directives go before and around a page. */
async function start(folder, module, server, around) {
  const root = join(folder, 'apache')
  mkdirSync(join(root, 'pages'), { recursive: true })
  writeFileSync(join(root, 'pages', 'index.html'), 'protected')
  const port = await freePort()
  writeFileSync(join(root, 'apache.conf'), `
ServerRoot ${root}
PidFile ${root}/pid
Listen 127.0.0.1:${port}
ServerName localhost
ErrorLog ${root}/error.log
LogLevel warn
Mutex file:${root}
${process.getuid() === 0 ? 'User www-data\nGroup www-data' : ''}
${[...LOADED, module].map((name) => `LoadModule ${name}_module ${MODULES}/mod_${name}.so`).join('\n')}
DocumentRoot ${root}/pages
DirectoryIndex index.html
${server}
<Directory ${root}/pages>
${around}
</Directory>
`)
  // Its workers run as another user.
  spawnSync('chmod', ['-R', 'go+rX', folder])
  spawnSync('chmod', ['777', root])
  const child = spawn(APACHE, ['-X', '-f', join(root, 'apache.conf')], { stdio: 'inherit' })
  const exited = once(child, 'exit')
  const url = `http://127.0.0.1:${port}/`
  const end = () => { child.kill('SIGTERM'); return exited }
  await reachable(() => fetch(url))
  return { url, end }
}

/** A page of Apache, for tokens of ours alone. */
export async function tryApache(checks, world) {
  const { url, end } = await startApache(world.folder, world.issuer, world.audience)
  const get = (token) => fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  const that = (what, check) => checks.that('Apache with mod_oauth2', what, check)
  await that('a token of ours opens the page', async () => {
    const answer = await get(await world.obtain({ resource: world.audience }))
    same(answer.status, 200, 'status')
    same(await answer.text(), 'protected', 'page')
  })
  await that('no token is refused', async () => same((await get()).status, 401, 'status'))
  await that('a token by the key of somebody else is refused', async () => {
    const token = await world.obtain({ resource: world.audience })
    const { privateKey } = await generateKeyPair('RS256')
    const { kid } = decodeProtectedHeader(token)
    const forged = await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256', kid, typ: 'at+jwt' }).sign(privateKey)
    same((await get(forged)).status, 401, 'status')
  })
  await that('a token for another API is refused', async () => same((await get(await world.obtain({ resource: world.other }))).status, 401, 'status'))
  await end()
}

async function reachable(get) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (await get().then(() => true, () => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error('Apache does not answer')
}

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { exportPKCS8 } from 'jose'
import { same } from './checks.js'

const at = (name) => fileURLToPath(new URL(`../../docs/examples/${name}`, import.meta.url))

/** The examples of the README, as it runs them. */
export async function tryExamples(checks, { issuer, audience, other, keys, folder, obtain }) {
  const that = (what, check) => checks.that('the examples', what, check)
  const pem = join(folder, 'shop.pem')
  writeFileSync(pem, await exportPKCS8(keys.es256), { mode: 0o600 })
  const byAssertion = async () => {
    const { stdout, stderr } = spawnSync(process.execPath, [at('assertion.js'), issuer, 'keeper', pem], { encoding: 'utf8' })
    if (stderr !== '') throw new Error(stderr)
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: stdout.trim(),
    })
    return (await (await fetch(`${issuer}/token`, { method: 'POST', body })).json()).access_token
  }
  const api = spawn(process.execPath, [at('api.js'), issuer, audience, '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [line] = await once(createInterface({ input: api.stdout }), 'line')
  const url = /http:\S+/.exec(line)[0]
  const status = async (token) => (await fetch(url, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })).status
  await that('a token by client assertion opens the API', async () => same(await status(await byAssertion()), 200, 'status'))
  await that('a token by secret opens the API', async () => same(await status(await obtain({ scope: 'read' })), 200, 'status'))
  await that('no token is refused', async () => same(await status(), 401, 'status'))
  await that('a token for another API is refused', async () => same(await status(await obtain({ resource: other })), 401, 'status'))
  await that('a token without the scope is refused', async () => same(await status(await obtain({ scope: 'write' })), 403, 'status'))
  api.kill('SIGTERM')
  await once(api, 'exit')
}

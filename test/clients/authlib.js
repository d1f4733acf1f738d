import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { exportPKCS8 } from 'jose'
import { same } from './checks.js'

const PROGRAM = fileURLToPath(new URL('authlib_client.py', import.meta.url))
const PYTHON = '/usr/bin/python3'

/** Authlib of Debian, over requests. */
export async function tryAuthlib(checks, { issuer, secrets, keys, folder }) {
  const version = String(spawnSync(PYTHON, ['-c', 'import authlib; print(authlib.__version__)']).stdout).trim()
  const that = (what, check) => checks.that(`Authlib ${version}`, what, check)
  const pem = join(folder, 'keeper.pem')
  writeFileSync(pem, await exportPKCS8(keys.es256), { mode: 0o600 })
  const ask = (...args) => {
    const { stdout, stderr } = spawnSync(PYTHON, [PROGRAM, issuer, ...args], { encoding: 'utf8', env: { ...process.env, AUTHLIB_INSECURE_TRANSPORT: '1' } })
    if (stdout === '') throw new Error(stderr)
    return JSON.parse(stdout)
  }
  const ways = [['basic', 'client_secret_basic', secrets.basic], ['post', 'client_secret_post', secrets.post], ['keeper', 'private_key_jwt', pem]]
  for (const [client, method, secret] of ways) {
    await that(`client_credentials, introspection and revocation by ${method}`, () => {
      const told = ask(client, method, secret)
      same(JSON.stringify(told), JSON.stringify({ type: 'Bearer', before: true, client, revoked: 200, after: false }), 'outcome')
    })
  }
  await that('a wrong secret is refused', () => same(ask('basic', 'client_secret_basic', 'wrong').error, 'invalid_client', 'error'))
}

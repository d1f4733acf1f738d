import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/**
 * `npm run verifiers`: judges verifiers by other people with the probe, and makes the table in docs/verifiers.md anew;
 * `-- --check` only judges.
 */

const folder = join(root, 'test', 'interop')

install()
build()
install(folder)
install(join(root, 'test', 'clients'))

const runs = (/** @type {string} */ command, /** @type {string[]} */ ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0
const modules = ['oauth2', 'auth_openidc'].map((name) => `/usr/lib/apache2/modules/mod_${name}.so`)
if (!runs('/usr/bin/python3', '-c', 'import jwt') || !runs('ruby', '-rjwt', '-e', '') || !runs('openssl', 'version') || !modules.every(existsSync)) {
  console.error('verifiers: on Debian they need: apt-get install python3-jwt python3-cryptography ruby ruby-jwt openssl' +
    ' apache2 libapache2-mod-oauth2 libapache2-mod-auth-openidc')
  process.exit(1)
}

const file = process.argv.includes('--check') ? [] : [join(root, 'docs', 'verifiers.md')]
const { status } = spawnSync(process.execPath, [join(folder, 'judge.js'), ...file], { stdio: 'inherit' })
process.exitCode = status ?? 1

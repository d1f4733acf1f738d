import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run clients`: the token service before clients and resource servers by other people. */

const folder = join(root, 'test', 'clients')

install()
build()
install(folder)
install(join(root, 'docs', 'examples'))

const hasPython = spawnSync('/usr/bin/python3', ['-c', 'import authlib, requests, prometheus_client'], { stdio: 'ignore' }).status === 0
if (!hasPython || !existsSync('/usr/lib/apache2/modules/mod_oauth2.so')) {
  console.error('clients: Authlib, prometheus_client or Apache with mod_oauth2 is missing; on Debian:' +
    ' apt-get install python3-authlib python3-requests python3-prometheus-client apache2 libapache2-mod-oauth2')
  process.exit(1)
}

const { status } = spawnSync(process.execPath, [join(folder, 'run.js')], { stdio: 'inherit' })
process.exitCode = status ?? 1

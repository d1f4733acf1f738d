import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run front`: the built server behind nginx, HAProxy and Varnish, with forged headers, over a socket and TLS, a restart and a cache. */

install()
build()

for (const path of ['/usr/sbin/nginx', '/usr/sbin/haproxy', '/usr/sbin/varnishd']) {
  if (!existsSync(path)) {
    console.error(`front: ${path} is missing; on Debian: apt-get install nginx haproxy varnish`)
    process.exit(1)
  }
}

const { status } = spawnSync(process.execPath, [join(root, 'test', 'front', 'run.js')], { stdio: 'inherit' })
process.exitCode = status ?? 1

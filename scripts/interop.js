import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { build } from './build.js'
import { install, root } from './setup.js'

/** `npm run interop`: the built server before verifiers by other people, over TLS, through a restore and at least three rotations. */

const folder = join(root, 'test', 'interop')

build()
install(folder)

for (const [command, args] of [['/usr/bin/python3', ['-c', 'import jwt']], ['ruby', ['-rjwt', '-e', '']]]) {
  if (spawnSync(String(command), /** @type {string[]} */ (args), { stdio: 'ignore' }).status !== 0) {
    console.error(`interop: ${command} with its JWT library is missing; on Debian:` +
      ' apt-get install python3-jwt python3-cryptography ruby ruby-jwt')
    process.exit(1)
  }
}

for (const file of ['restore.js', 'tls.js', 'run.js']) {
  const { status } = spawnSync(process.execPath, [join(folder, file)], { stdio: 'inherit' })
  process.exitCode ||= status ?? 1
}

import { readFileSync } from 'node:fs'
import { tryApache } from './apache.js'
import { tryAuthlib } from './authlib.js'
import { Checks } from './checks.js'
import { tryExamples } from './examples.js'
import { tryExpress } from './express.js'
import { tryOauth4webapi } from './oauth4webapi.js'
import { tryOpenidClient } from './openid-client.js'
import { tryPrometheus } from './prometheus.js'
import { startServers } from './server.js'

/** The built server before clients and resource servers by other people, as their own documentation sets them up. */

const checks = new Checks()
for (const [name] of Object.entries(JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')).dependencies)) {
  const { version } = JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8'))
  console.log(`${name} ${version}`)
}
const world = await startServers()
try {
  await tryOpenidClient(checks, world)
  await tryOauth4webapi(checks, world)
  await tryExpress(checks, world)
  await tryAuthlib(checks, world)
  await tryApache(checks, world)
  await tryExamples(checks, world)
  await tryPrometheus(checks, world)
} finally {
  await world.end()
}
console.log(`${checks.passed} passed, ${checks.failed} failed`)
process.exitCode = checks.failed === 0 && checks.passed > 0 ? 0 : 1

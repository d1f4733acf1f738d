import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * The built server, whole, under a policy that rotates several times a second. `worker.js DIST ...` runs the server
 * in DIST; what follows are its own options.
 */

const [dist = '', ...args] = process.argv.slice(2)
/** @param {string} path */
const load = (path) => import(pathToFileURL(join(dist, path)).href)
const { parseConfig } = await load('config/config.js')
const { serve } = await load('serve/serve.js')

/** Seconds; (1) 0.12 >= 0.05, (2) 2.1 >= 2.05, (3) 0.25 >= 0.17. */
const timing = {
  interval: 0.25, lead: 0.12, retention: 2.1, maxAge: 0, ttl: 2, maxTtl: 2,
  cacheLayers: 1, propagation: 0.05, clockError: 0, leeway: 0,
}
const parsed = parseConfig({ args: ['--port', '0', '--alg', 'ES256,Ed25519', ...args], env: {}, inFile: () => [] })
if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
const { config } = parsed.value
const policy = () => ({ ...config.policy({ maxTtl: 0, maxAge: 0 }), timing })
// A file of the audit log holds some hundred records here, so that servers are killed while they begin one.
await serve({ ...parsed.value, config: { ...config, policy, auditSize: 1 / 32 } })

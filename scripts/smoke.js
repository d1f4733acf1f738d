import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/**
 * `node scripts/smoke.js ENTRY`: starts the server of that file under the Node.js that runs this script, reads the
 * key set, mints, ends it with SIGTERM, and prints how long the first answer took from the start of the process.
 */

const [entry = 'dist/server.js'] = process.argv.slice(2)
const started = performance.now()
const server = spawn(process.execPath, [entry, '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
const timer = setTimeout(() => server.kill('SIGKILL'), 30_000)

const url = await new Promise((resolve, reject) => {
  server.once('exit', (code) => reject(new Error(`${entry} ended with ${code}`)))
  createInterface({ input: server.stdout }).on('line', (line) => {
    const { event, url } = JSON.parse(line)
    if (event === 'server.listening') resolve(url)
  })
})
const keys = await fetch(`${url}/jwks.json`)
const first = performance.now() - started
/** @type {any} */
const set = await keys.json()
/** @type {any} */
const minted = await (await fetch(`${url}/auth`, { method: 'POST' })).json()
const isPublished = set.keys.some((/** @type {{ kid: string }} */ { kid }) => kid === minted.kid)
server.kill('SIGTERM')
const [code] = await once(server, 'exit')
clearTimeout(timer)
if (keys.status !== 200 || !isPublished || code !== 0) {
  console.error(`${entry} on ${process.version}: keys ${keys.status}, token kid published: ${isPublished}, exit ${code}`)
  process.exit(1)
}
console.log(`${entry} on ${process.version}: first answer after ${Math.round(first)} ms, minted, exit 0`)

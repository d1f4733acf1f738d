import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { newSite, type Server, type Site, startServer } from './price-servers.ts'
import { isEntry, root } from './setup.js'

/** Counts the files of ours that one request runs through, as Node's precise coverage tells. */

/** A request on a running server, and how many files it may pass: three quarters of those at commit d116024. */
interface Walk {
  readonly name: string
  readonly kind: 'plain' | 'dpop'
  readonly ask: keyof Site['asks']
  readonly bar: number
}

const WALKS: readonly Walk[] = [
  { name: 'GET /jwks.json', kind: 'plain', ask: 'jwks', bar: 9 },
  { name: 'POST /token with a secret', kind: 'plain', ask: 'secret', bar: 25 },
  { name: 'POST /token with assertion and DPoP', kind: 'dpop', ask: 'dpop', bar: 32 },
]
const OPTIONS = ['--alg', 'ES256', '--host', '0.0.0.0', '--issuer', 'https://issuer.example', '--store', 'file:data/ring.json',
  '--kek-file', 'data/ring.kek', '--clients']

async function filesOf({ kind, ask }: Walk): Promise<readonly string[]> {
  const site = newSite()
  const written = join(site.folder, 'walk.json')
  const hook = ['--import', join(root, 'scripts', 'walk-hook.js')]
  const server = await startServer([...OPTIONS, site.clients(kind)], site, hook, { WALK_FILE: written })
  await site.asks[ask](server)
  // The standby is published by now, and the next look at the store is more than a second away.
  await setTimeout(1000)
  // This request makes what later ones find made, of the ring that has the standby.
  await site.asks[ask](server)
  await signal(server, 'walk.counting')
  await site.asks[ask](server)
  await signal(server, 'walk.counted')
  await server.end()
  const urls = JSON.parse(readFileSync(written, 'utf8')) as readonly string[]
  site.remove()
  const dist = pathToFileURL(join(root, 'dist/')).href
  return urls.filter((url) => url.startsWith(dist)).map((url) => url.slice(dist.length)).toSorted()
}

async function signal({ pid, heard }: Server, event: string): Promise<void> {
  const done = heard(event)
  process.kill(pid, 'SIGUSR2')
  await done
}

if (isEntry(import.meta.url)) {
  for (const walk of WALKS) {
    const files = await filesOf(walk)
    console.log(`${walk.name}: ${files.length} files, at most ${walk.bar}: ${files.join(' ')}`)
    if (files.length > walk.bar) process.exitCode = 1
  }
}

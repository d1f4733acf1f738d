import { install, root } from '../setup.js'
import { join } from 'node:path'

/**
 * `node scripts/bench/check-peers.js [NAME...]`: starts each peer for each algorithm, reads its key set and verifies two
 * of its tokens with jose; exits with 1 if one fails. Peers whose programs are not installed are named.
 */

install(join(root, 'scripts', 'bench'))
const { peers } = await import('./peers.js')
const { World } = await import('./world.js')

const world = new World()
const names = process.argv.slice(2)
for (const peer of peers.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const reason = peer.missing()
  console.log(`${peer.name}: ${reason === undefined ? peer.versions() : `left out, ${reason}`}`)
  for (const alg of reason !== undefined ? [] : peer.algs.length === 0 ? ['RS256'] : peer.algs) {
    try {
      const { mint, server } = await world.peer(peer, alg)
      await world.end([server])
      console.log(`  ${alg} ok: ${mint === undefined ? 'key set read; it mints nothing' : 'key set read, tokens verified'}`)
    } catch (error) {
      console.log(`  FAILED: ${error instanceof Error ? error.message : error}`)
      process.exitCode = 1
    }
  }
}
await world.end()
process.exit()

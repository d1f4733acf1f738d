import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const RACER = fileURLToPath(new URL('lock-racer.js', import.meta.url))
const RACERS = 4
/** Milliseconds: the longest life of a process after its first count, and within which the next one must count. */
const [LONGEST, LATE] = [60, 5000]

/**
 * Kills processes that count in one file under its lock: no count may be lost, and no kill may hold up the others.
 * @param {{ dist: string, kills: number }} order
 */
export async function killHolders({ dist, kills }) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-locks-'))
  const path = join(folder, 'count')
  writeFileSync(path, '0')
  /** @type {string[]} */
  const faults = []
  let counted = 0
  const start = () => {
    const child = spawn(process.execPath, [RACER, dist, path], { stdio: ['ignore', 'pipe', 'pipe'] })
    let stderr = ''
    child.stdout.on('data', (chunk) => counted += chunk.length)
    child.stderr.on('data', (chunk) => stderr += chunk)
    const gone = once(child, 'close').then(([, signal]) => {
      if (signal !== 'SIGKILL') faults.push(`a process ended by itself: ${stderr.slice(0, 300)}`)
    })
    return { child, gone, first: once(child.stdout, 'data', { signal: AbortSignal.timeout(LATE) }) }
  }
  const racers = Array.from({ length: RACERS }, start)
  let killed = 0
  try {
    for (; killed < kills && faults.length === 0; killed += 1) {
      const at = killed % RACERS
      const { child, gone, first } = /** @type {ReturnType<typeof start>} */ (racers[at])
      await first.catch(() => faults.push('a process waited for the lock too long'))
      await new Promise((resolve) => setTimeout(resolve, Math.random() * LONGEST))
      child.kill('SIGKILL')
      await gone
      racers[at] = start()
    }
    for (const { child, gone, first } of racers) {
      first.catch(() => {})
      child.kill('SIGKILL')
      await gone
    }
    const stored = Number(readFileSync(path, 'utf8'))
    // A process that is killed between its write and its print has counted once more.
    if (stored < counted || stored > counted + killed + RACERS) faults.push(`${stored} stored, ${counted} counted, ${killed} kills`)
    const left = readdirSync(`${path}.lock`).length
    if (left > 2 * RACERS) faults.push(`${left} sockets are left`)
    return { kills: killed, counted, faults }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

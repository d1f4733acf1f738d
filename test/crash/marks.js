import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { confinement } from './confined.js'
import { Disk } from './mount.js'

const MARKER = fileURLToPath(new URL('marker.js', import.meta.url))
/** Milliseconds that a process marks identifiers at most before the power fails. */
const LONGEST = 400
/** An identifier that is none of those that are tried again. */
const FAR = 1_000_000

/**
 * Cuts the power of a process that marks identifiers as used: each that it has acknowledged is used afterwards too.
 * @param {{ dist: string, count: number, kind: import('./mount.js').Kind, isConfined?: boolean }} order
 */
export async function cutMarks({ dist, count, kind, isConfined = false }) {
  const { jtiFolder, timeOf } = await import(pathToFileURL(join(dist, 'stores', 'jti-folder.js')).href)
  const disk = new Disk('32M', kind)
  /** @type {string[]} */
  const faults = []
  let marks = 0
  try {
    const flags = isConfined ? confinement(dist, disk.folder) : []
    const folder = join(disk.folder, 'ring.json.jti')
    for (let cut = 0; cut < count && faults.length === 0; cut += 1) {
      const child = spawn(process.execPath, [...flags, MARKER, dist, folder, `${cut * FAR}`], { stdio: ['ignore', 'pipe', 'inherit'] })
      const gone = once(child, 'close')
      /** @type {string[]} */
      const used = []
      createInterface({ input: child.stdout }).on('line', (id) => used.push(id))
      while (used.length === 0 && child.exitCode === null) await pause(5)
      await pause(Math.random() * LONGEST)
      child.kill('SIGKILL')
      await gone
      disk.cutPower()
      const kept = jtiFolder(folder, () => Date.now() / 1000)
      for (const id of used) {
        if (await kept.use({ client: id, id, until: 0 }) !== 'known') faults.push(`${kind}: ${id} of ${used.length} is not used any more`)
        else if (!(await timeOf(join(folder, `used-${id}`)) > Date.now() / 1000)) faults.push(`${kind}: ${id} has lost its expiry`)
      }
      if (used.length === 0) faults.push('no identifier was marked')
      marks += used.length
    }
    return { cuts: count, marks, faults }
  } finally {
    disk.remove()
  }
}

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Disk } from './mount.js'
import { Witness } from './witness.js'

/** Milliseconds to wait for an event. */
const PATIENCE = 10_000

/** @typedef {{ break: (disk: Disk) => void, mend: (disk: Disk) => void, isAudited: boolean, isReadOnly?: boolean }} Trouble */

/** What befalls a disk, and how it ends. A file that is open for writing, as the audit log is, keeps a disk writable. @type {Record<string, Trouble>} */
const TROUBLES = {
  'full disk': {
    break: ({ folder }) => fill(join(folder, 'filler')),
    mend: ({ folder }) => rmSync(join(folder, 'filler')),
    isAudited: true,
  },
  'read-only remount': {
    break: (disk) => disk.remount('ro'),
    mend: (disk) => disk.remount('rw'),
    isAudited: false,
    isReadOnly: true,
  },
}

/** Puts a running server through each trouble. @param {{ dist: string }} order */
export async function troubleDisks({ dist }) {
  /** @type {string[]} */
  const faults = []
  for (const [name, trouble] of Object.entries(TROUBLES)) {
    const disk = new Disk('8M')
    try {
      for (const fault of await troubleOne(dist, disk, trouble)) faults.push(`${name}: ${fault}`)
    } finally {
      disk.remove()
    }
  }
  return { troubles: Object.keys(TROUBLES).length, faults }
}

/** @param {string} dist @param {Disk} disk @param {Trouble} trouble */
async function troubleOne(dist, disk, trouble) {
  const { isAudited } = trouble
  const witness = new Witness({ dist, folder: disk.folder, isAudited })
  const started = witness.start()
  try {
    await troubleServer(witness, started, disk, trouble)
  } finally {
    // What fails in between must not leave the disk in use.
    await witness.stop()
  }
  if (isAudited) witness.checkAudit()
  return witness.faults
}

/** @param {Witness} witness @param {ReturnType<Witness['start']>} started @param {Disk} disk @param {Trouble} trouble */
async function troubleServer(witness, { served, child, exited }, disk, trouble) {
  const { isAudited } = trouble
  const server = await served
  if (server === undefined) return
  const until = async (/** @type {string} */ event) => {
    for (let waited = 0; !witness.events.includes(event); waited += 10) {
      if (waited > PATIENCE) return void witness.faults.push(`there was no ${event}`)
      await pause(10)
    }
  }
  const using = witness.use(server)
  await until('key.promoted')
  await pause(500)
  trouble.break(disk)
  await until('store.failed')
  if (isAudited) await until('audit.failed')
  const ring = join(disk.folder, 'ring.json')
  const held = readFileSync(ring, 'utf8')
  await pause(500)
  if (readFileSync(ring, 'utf8') !== held) witness.faults.push('the file has changed')
  if (!trouble.isReadOnly && await hasLeftovers(disk.folder)) witness.faults.push('a temporary file is left')
  witness.events.length = 0
  trouble.mend(disk)
  await until('store.recovered')
  if (isAudited) await until('audit.recovered')
  await until('key.promoted')
  // From a read-only disk nothing can be removed: it is swept before the first write that follows.
  if (await hasLeftovers(disk.folder)) witness.faults.push('a temporary file is left in the end')
  await witness.inspect(server)
  child.kill('SIGTERM')
  await Promise.all([exited, using])
}

/** Whether a temporary file stays; one that the server is about to write and remove again does not. @param {string} folder */
async function hasLeftovers(folder) {
  const temporary = () => readdirSync(folder).filter((name) => name.endsWith('.tmp'))
  const before = temporary()
  await pause(2000)
  return temporary().some((name) => before.includes(name))
}

/** Writes until nothing fits any more, not even a byte. @param {string} path */
function fill(path) {
  for (let length = 1 << 20; length >= 1; length >>= 1) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(length), { flag: 'a' })
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOSPC') throw error
    }
  }
}

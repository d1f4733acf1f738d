import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'

/** Waits for the lock of version 0.1: a name in Linux's abstract socket space, which every user can see and bind. */

const RETRY_MS = 2
const ATTEMPTS = 2500
/** A commit of an old version is done within so many attempts, as a rule; then we ask who holds the lock. */
const PATIENCE = 50
/** A user who binds the name over and over is gone before we can ask whose process it was. */
const MAX_UNKNOWN = 5
const ROOT = 0

type Release = () => Promise<void>

/**
 * Takes the old lock once it is free. We do not wait for a process of another user than `owner` or root; undefined
 * while a process of theirs holds it all the time.
 */
export async function waitForOld(
  take: () => Promise<Release | undefined>,
  name: string,
  owner: number,
): Promise<Release | undefined> {
  let unknown = 0
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    await setTimeout(RETRY_MS)
    const release = await take()
    if (release !== undefined) return release
    if (attempt % PATIENCE > 0) continue
    const holder = await holderOf(name, owner)
    if (holder === 'unknown') unknown += 1
    if (holder === 'stranger' || unknown === MAX_UNKNOWN) return async () => {}
  }
  return undefined
}

/**
 * Whose process has the abstract socket of this name: one of `owner` or root, as far as we can see, or a stranger's;
 * `unknown` when another process has it now. A process that may not read /proc takes every holder for a stranger.
 */
async function holderOf(name: string, owner: number): Promise<'ours' | 'stranger' | 'unknown'> {
  try {
    const inode = await inodeOf(name)
    for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
      if (await isOpenIn(join('/proc', pid), `socket:[${inode}]`, owner)) return 'ours'
    }
    return inode === await inodeOf(name) && inode !== undefined ? 'stranger' : 'unknown'
  } catch {
    return 'stranger'
  }
}

async function inodeOf(name: string): Promise<string | undefined> {
  const lines = (await readFile('/proc/net/unix', 'utf8')).split('\n')
  // Zero bytes, shown as @, pad the name on Node.js 20.
  return lines.find((line) => line.replace(/@+$/, '').endsWith(` @${name}`))?.trim().split(/\s+/)[6]
}

async function isOpenIn(process: string, socket: string, owner: number): Promise<boolean> {
  try {
    const { uid } = await stat(process)
    if (uid !== owner && uid !== ROOT) return false
    const files = await readdir(join(process, 'fd'))
    const targets = await Promise.all(files.map((file) => readlink(join(process, 'fd', file)).catch(() => '')))
    return targets.includes(socket)
  } catch {
    // It has ended, or belongs to somebody else.
    return false
  }
}

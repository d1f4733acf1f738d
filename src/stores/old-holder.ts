import { readdir, readFile, readlink, stat } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = 0

/**
 * Whose process has the abstract socket of this name: one of `owner` or root, as far as we can see, or a stranger's;
 * `unknown` when another process has it now. A process that may not read /proc takes every holder for a stranger.
 */
export async function holderOf(name: string, owner: number): Promise<'ours' | 'stranger' | 'unknown'> {
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

import { constants } from 'node:fs'
import { open } from 'node:fs/promises'

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_SYNC, O_WRONLY } = constants

/** Appends lines to a file, which is made with mode 0600, and returns when they are on the disk. */
export async function appendLines(path: string, lines: readonly string[]): Promise<void> {
  const file = await open(path, O_APPEND | O_CREAT | O_SYNC | O_NOFOLLOW | O_NONBLOCK | O_WRONLY, 0o600)
  try {
    if (!(await file.stat()).isFile()) throw new Error(`${path} is not a file`)
    // The empty line ends a line that a crash cut off.
    await file.writeFile(`\n${lines.join('\n')}\n`)
  } finally {
    await file.close()
  }
}

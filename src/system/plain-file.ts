import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'

const { O_NONBLOCK, O_RDONLY } = constants
const OTHERS_WRITE = 0o002
const ROOT = 0

/** Reads the file of a configuration at the start; throws when it is a pipe, or another user could have written it. */
export function readPlain(path: string): string {
  const file = openSync(path, O_RDONLY | O_NONBLOCK)
  try {
    const { uid, mode } = fstatSync(file)
    const user = process.geteuid?.() ?? ROOT
    const isOurs = user === ROOT || uid === ROOT || uid === user
    if (!isOurs || (mode & OTHERS_WRITE) !== 0 || !fstatSync(file).isFile()) throw new Error('not a file of ours')
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

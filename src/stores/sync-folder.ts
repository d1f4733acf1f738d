import { closeSync, constants, fsyncSync, openSync } from 'node:fs'

/** Makes new and changed names in a folder outlive a power cut; throws the error of the system. */
export function syncFolder(path: string): void {
  const folder = openSync(path, constants.O_RDONLY)
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

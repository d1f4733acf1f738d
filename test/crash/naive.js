import { copyFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The built server. */
export const dist = fileURLToPath(new URL('../../dist', import.meta.url))

/**
 * Runs a task on a copy of the built server whose file store is the naive one.
 * @template Result
 * @param {(dist: string) => Promise<Result>} task
 */
export async function withNaiveStore(task) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-naive-'))
  try {
    cpSync(dist, join(folder, 'dist'), { recursive: true })
    copyFileSync(join(dist, '..', 'package.json'), join(folder, 'package.json'))
    copyFileSync(fileURLToPath(new URL('naive-store.js', import.meta.url)), join(folder, 'dist', 'stores', 'file.js'))
    return await task(join(folder, 'dist'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'

/**
 * What a file store looks like when nobody has thought of crashes. It takes the place of the real one in a copy of
 * `dist`, to show that the loops find what it loses.
 */

/** @param {{ path: string }} deps */
export function fileStore({ path }) {
  /** @param {string} document */
  const versionOf = (document) => createHash('sha256').update(document).digest('base64url')
  const load = async () => {
    const document = await readFile(path, 'utf8').catch((error) => {
      if (error.code === 'ENOENT') return undefined
      throw error
    })
    return document === undefined ? undefined : { document, version: versionOf(document) }
  }
  return {
    durable: true,
    load,
    /** @param {string} document @param {string | undefined} expected */
    replace: async (document, expected) => {
      if ((await load())?.version !== expected) return { ok: false, error: 'conflict' }
      await writeFile(path, document, { mode: 0o600 })
      return { ok: true, value: versionOf(document) }
    },
  }
}

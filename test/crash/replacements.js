import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Disk } from './mount.js'

/**
 * Cuts the power right after a file was replaced, with nothing else written meanwhile: the new content is there.
 * @param {{ dist: string, count: number, kind: import('./mount.js').Kind }} order
 */
export async function cutReplacements({ dist, count, kind }) {
  const { replaceFile } = await import(pathToFileURL(join(dist, 'system', 'replace-file.js')).href)
  const disk = new Disk('32M', kind)
  /** @type {string[]} */
  const faults = []
  try {
    const path = join(disk.folder, 'file')
    for (let cut = 1; cut <= count; cut += 1) {
      for (const content of [`before ${cut}`, `after ${cut}`]) await replaceFile({ path, content, randomBytes })
      disk.cutPower()
      const held = readFileSync(path, 'utf8')
      if (held !== `after ${cut}`) faults.push(`${kind}: the file holds "${held}" after cut ${cut}`)
    }
    return { cuts: count, faults }
  } finally {
    disk.remove()
  }
}

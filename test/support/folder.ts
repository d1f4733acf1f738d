import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'

const made: string[] = []
after(() => {
  for (const folder of made) rmSync(folder, { recursive: true, force: true })
})

/** A new, empty folder of the test, gone with its file. */
export function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-test-'))
  made.push(folder)
  return folder
}

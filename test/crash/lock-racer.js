import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** One of several processes that count in one file under its lock: `lock-racer.js DIST FILE`. It prints each count. */

const [dist = '', path = ''] = process.argv.slice(2)
const { takeLock } = await import(pathToFileURL(join(dist, 'stores', 'lock.js')).href)
for (;;) {
  const release = await takeLock({ path, oldName: `jwksd-race-${process.pid}` })
  if (release === undefined) throw new Error('Another process held the lock all the time')
  const next = Number(readFileSync(path, 'utf8')) + 1
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 2))
  writeFileSync(`${path}.${process.pid}`, String(next))
  renameSync(`${path}.${process.pid}`, path)
  process.stdout.write('.')
  await release()
}

import { readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { readPrivate } from '../system/private-file.ts'

const REVOKED = /"event":"key\.revoked","kid":"([^"]+)"/g

/** The keys that an audit log names as revoked, in every file of it that is still beside it. */
export async function revokedIn(place: string | undefined): Promise<readonly string[]> {
  if (place === undefined) return []
  const path = place.slice(place.indexOf(':') + 1)
  const names = (await readdir(dirname(path))).filter((name) => name.startsWith(basename(path)))
  const kids: string[] = []
  for (const name of names) {
    const rules = { othersMay: 'read', allowShared: true, followsLinks: false, maxBytes: Infinity } as const
    const read = await readPrivate(join(dirname(path), name), rules)
    const found = read.ok ? [...read.value.toString('latin1').matchAll(REVOKED)] : []
    kids.push(...found.flatMap(([, kid]) => kid ?? []))
  }
  return kids
}

import type { Config } from '../config/config.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { readSecret } from '../system/private-file.ts'

const TOKEN = /^[\x21-\x7e]{32,512}$/

/** The bearer token of the admin listener; undefined when none is configured. */
export async function loadAdminToken(config: Config): Promise<Result<string | undefined, string>> {
  const { adminTokenFile, allowShared } = config
  if (adminTokenFile === undefined) return ok(undefined)
  const read = await readSecret(adminTokenFile, allowShared)
  if (!read.ok) return read
  const token = read.value.toString('latin1').trim()
  if (TOKEN.test(token)) return ok(token)
  return fail(`Cannot use the token in ${adminTokenFile}: it must be 32 to 512 visible ASCII characters`)
}

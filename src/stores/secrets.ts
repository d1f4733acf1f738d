import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { decodeBase64url } from '../core/base64url.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { ephemeralKek, importKek, KEK_BYTES, type Keks, unsealedKek } from '../jose/kek.ts'

const LARGEST = 4096
const OTHERS = 0o077
const TOKEN = /^[\x21-\x7e]{32,512}$/

/** The key-encryption keys of a configuration, or why there are none, as a sentence for the operator. */
export async function loadKeks({ keks, store, allowShared }: Config, randomBytes: RandomBytes): Promise<Result<Keks, string>> {
  const bytes: Uint8Array[] = []
  for (const path of keks.files) {
    const read = readSecret(path, allowShared)
    if (!read.ok) return read
    const kek = kekOf(read.value)
    if (kek === undefined) return fail(`Cannot use the key-encryption key in ${path}: it must be ${KEK_BYTES} bytes, raw or in base64url`)
    bytes.push(kek)
  }
  const own = await Promise.all([...bytes, ...keks.given].map((kek) => importKek(kek)))
  const all = keks.unsealed ? [...own, await unsealedKek()] : own
  const [first, ...others] = all.length === 0 && store === 'memory:' ? [await ephemeralKek(randomBytes)] : all
  return first === undefined ? fail('Cannot seal the keys: no key-encryption key is given') : ok([first, ...others])
}

/** The bearer token of the admin listener; undefined when none is configured. */
export function loadAdminToken({ adminTokenFile, allowShared }: Config): Result<string | undefined, string> {
  if (adminTokenFile === undefined) return ok(undefined)
  const read = readSecret(adminTokenFile, allowShared)
  if (!read.ok) return read
  const token = Buffer.from(read.value).toString('latin1').trim()
  return TOKEN.test(token) ? ok(token) : fail(`Cannot use the token in ${adminTokenFile}: it must be 32 to 512 visible ASCII characters`)
}

function kekOf(content: Uint8Array): Uint8Array | undefined {
  const bytes = content.length === KEK_BYTES ? content : decodeBase64url(Buffer.from(content).toString('latin1').trim())
  return bytes?.length === KEK_BYTES ? bytes : undefined
}

/** Reads a small file that nobody else may read. */
function readSecret(path: string, allowShared: boolean): Result<Uint8Array, string> {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    try {
      const isShared = (fstatSync(file).mode & OTHERS) !== 0
      if (isShared && !allowShared) return fail(`Cannot trust ${path}: group or others can reach it; chmod 600, or --allow-shared-files`)
      const buffer = new Uint8Array(LARGEST)
      return ok(buffer.slice(0, readSync(file, buffer)))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    return fail(`Cannot read ${path}: the system says ${(error as NodeJS.ErrnoException).code ?? 'unknown'}`)
  }
}

import type { Config } from '../config/config.ts'
import { decodeBase64url } from '../core/encoding.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { ephemeralKek, importKek, KEK_BYTES, type Keks, unsealedKek } from '../jose/kek.ts'

/** The key-encryption keys of a configuration, or why there are none, as a sentence for the operator. */
export async function loadKeks(config: Config, randomBytes: RandomBytes): Promise<Result<Keks, string>> {
  const { kekFiles = [], keks = [], unsealed, store, allowShared } = config
  const bytes: Uint8Array[] = []
  for (const path of kekFiles) {
    const { readSecret } = await import('../system/private-file.ts')
    const read = await readSecret(path, allowShared)
    if (!read.ok) return read
    const kek = kekOf(read.value)
    const wanted = `it must be ${KEK_BYTES} bytes, raw or in base64url. \`jwksd kek\` makes one`
    if (kek === undefined) return fail(`Cannot use the key-encryption key in ${path}: ${wanted}`)
    bytes.push(kek)
  }
  const own = await Promise.all([...bytes, ...keks].map((kek) => importKek(kek)))
  const all = unsealed ? [...own, await unsealedKek()] : own
  const [first, ...others] = all.length === 0 && store === 'memory:' ? [await ephemeralKek(randomBytes)] : all
  if (first === undefined) return fail('Cannot encrypt the keys: there is no key-encryption key. Set --kek-file')
  return ok([first, ...others])
}

function kekOf(content: Buffer): Uint8Array | undefined {
  const bytes = content.length === KEK_BYTES ? content : decodeBase64url(content.toString('latin1').trim())
  return bytes?.length === KEK_BYTES ? bytes : undefined
}

import type { Config } from '../config/config.ts'
import { decodeBase64url } from '../core/encoding.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import { ephemeralKek, importKek, KEK_BYTES, type Keks, unsealedKek } from '../jose/kek.ts'

const HEX = /^[0-9a-f]{64}$/i
const BASE64 = /^[\w+/]{43}=$/
const MIN_DISTINCT_BYTES = 8
const CHANGE = 'Name one that `jwksd kek` makes before it, and run `jwksd rekey`'

/** The key-encryption keys of a configuration, or why there are none, as a sentence for the operator. */
export async function loadKeks(config: Config, randomBytes: RandomBytes): Promise<Result<Keks, string>> {
  const { kekFiles = [], keks = [], unsealed, store, allowShared } = config
  const bytes: Uint8Array[] = []
  for (const path of kekFiles) {
    const { readSecret } = await import('../system/private-file.ts')
    const read = await readSecret(path, allowShared)
    if (!read.ok) return read
    const kek = kekOf(read.value)
    const wanted = `it must be ${KEK_BYTES} bytes, raw or in base64url, base64 or hex. \`jwksd kek\` makes one`
    if (kek === undefined) return fail(`Cannot use the key-encryption key in ${path}: ${wanted}`)
    bytes.push(kek)
  }
  const weak = weaknessOf([...bytes, ...keks][0])
  if (weak !== undefined) return fail(`Cannot use the first key-encryption key: ${weak}. ${CHANGE}`)
  const own = await Promise.all([...bytes, ...keks].map((kek) => importKek(kek)))
  const all = unsealed ? [...own, await unsealedKek()] : own
  const [first, ...others] = all.length === 0 && store === 'memory:' ? [await ephemeralKek(randomBytes)] : all
  if (first === undefined) return fail('Cannot encrypt the keys: there is no key-encryption key. Set --kek-file')
  return ok([first, ...others])
}

/** Raw bytes, or text as `jwksd kek`, `openssl rand -base64 32` and `openssl rand -hex 32` print it. */
function kekOf(content: Buffer): Uint8Array | undefined {
  if (content.length === KEK_BYTES) return content
  const text = content.toString('latin1').trim()
  const bytes = HEX.test(text) ? Buffer.from(text, 'hex')
    : decodeBase64url(BASE64.test(text) ? Buffer.from(text, 'base64').toString('base64url') : text)
  return bytes?.length === KEK_BYTES ? bytes : undefined
}

/** What shows that nobody drew the bytes at random: this happens to one random key in 10 to the 13th at most. */
function weaknessOf(kek: Uint8Array | undefined): string | undefined {
  if (kek === undefined) return undefined
  if (new Set(kek).size < MIN_DISTINCT_BYTES) return `it has fewer than ${MIN_DISTINCT_BYTES} different bytes`
  return kek.every((byte) => byte >= 0x20 && byte <= 0x7e) ? 'it is a text and not random bytes' : undefined
}

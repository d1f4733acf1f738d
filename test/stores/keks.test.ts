import assert from 'node:assert/strict'
import { randomBytes as randomOf } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Config } from '../../src/config/config.ts'
import { sha256 } from '../../src/jose/digest.ts'
import { loadKeks } from '../../src/stores/keks.ts'
import { newFolder } from '../support/folder.ts'
import { randomBytes } from '../support/keyring.ts'

const STRONG = randomOf(32)
const idOf = (bytes: Uint8Array): string => sha256(bytes).slice(0, 16)

/** The ids of the keys in these files, or why they are refused. */
async function load(contents: readonly (string | Uint8Array)[], more: Partial<Config> = {}): Promise<unknown> {
  const folder = newFolder()
  const kekFiles = contents.map((content, at) => {
    writeFileSync(join(folder, `${at}`), content, { mode: 0o600 })
    return join(folder, `${at}`)
  })
  const files = kekFiles.length === 0 ? {} : { kekFiles }
  const config = { store: 'file:x', unsealed: false, allowShared: false, ...files, ...more } as Config
  const keks = await loadKeks(config, randomBytes)
  return keks.ok ? keks.value.map(({ id }) => id) : keks.error
}

describe('loadKeks()', () => {
  it('reads raw bytes, and text as `jwksd kek` and `openssl rand` print it', async () => {
    // Base64 of this key has + and /.
    const bytes = Buffer.from('fb'.repeat(4) + 'ff'.repeat(4) + STRONG.toString('hex').slice(16), 'hex')
    const texts = ['base64url', 'base64', 'hex'].map((encoding) => bytes.toString(encoding as BufferEncoding))
    for (const content of [bytes, ...texts, ...texts.map((text) => `${text}\n`), texts[2]?.toUpperCase() ?? '']) {
      assert.deepEqual(await load([content]), [idOf(bytes)], String(content))
    }
  })

  it('refuses what is not 32 bytes, or could be read in two ways', async () => {
    const [url, base64, hex] = ['base64url', 'base64', 'hex'].map((encoding) => STRONG.toString(encoding as BufferEncoding))
    const bad = ['', 'abc', `${url}=x`, `${base64}=`, hex?.slice(2) ?? '', `0x${hex}`, `${url}A`, STRONG.subarray(1)]
    for (const content of bad) {
      assert.match(String(await load([content])), /it must be 32 bytes, raw or in base64url, base64 or hex\. `jwksd kek`/)
    }
  })

  it('E23 refuses a key that nobody drew at random, by name', async () => {
    const few = Buffer.from('00010203040506'.repeat(5).slice(0, 64), 'hex')
    const weak: readonly (readonly [string | Uint8Array, RegExp])[] = [
      [new Uint8Array(32), /fewer than 8 different bytes/], ['a'.repeat(32), /fewer than 8 different bytes/],
      [few, /fewer than 8 different bytes/], [few.toString('base64url'), /fewer than 8 different bytes/],
      [`${'0'.repeat(63)}1`, /fewer than 8 different bytes/],
      ['correct horse battery staple 1234', /it must be 32 bytes/],
      ['correct horse battery staple 123', /it is a text and not random bytes/],
      [randomOf(16).toString('hex'), /it is a text and not random bytes/],
    ]
    for (const [content, problem] of weak) assert.match(String(await load([content])), problem)
    const read = await load([], { keks: [new Uint8Array(32)] })
    assert.match(String(read), /Cannot use the first key-encryption key: .*Name one that `jwksd kek` makes before it/)
  })

  it('still decrypts with a weak key behind a good one, so that `jwksd rekey` can leave it', async () => {
    const weak = Buffer.alloc(32, 7)
    assert.deepEqual(await load([STRONG, weak]), [idOf(STRONG), idOf(weak)])
  })
})

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { banner } from '../../src/serve/banner.ts'
import { help } from '../../src/cli/help.ts'
import { refusalLines } from '../../src/config/refusal.ts'
import { parseConfig } from '../../src/config/config.ts'
import { NO_MARKS, proof } from '../../src/keyring/policy.ts'
import { optionTexts } from '../../src/config/options.ts'
import { VERSION } from '../../src/config/version.ts'

function bannerFor(...args: readonly string[]): string {
  const parsed = parseConfig({ args, env: {}, readFile: () => '' })
  assert.ok(parsed.ok && 'config' in parsed.value)
  const { config } = parsed.value
  const policy = config.policy(NO_MARKS)
  return banner({ config, policy, lines: proof(policy.timing, NO_MARKS), url: 'http://127.0.0.1:8080', issuer: 'https://a.example', admin: 'off', isDurable: false, isUnsealed: false })
}

describe('the banner', () => {
  it('shows what to paste, how keys rotate, and the proof', () => {
    const text = bannerFor()
    for (const wanted of [
      'curl http://127.0.0.1:8080/jwks.json', "curl -X POST 'http://127.0.0.1:8080/auth?expired=true'", 'issuer    https://a.example',
      'every 7d, published 2d before signing, kept 1d after', '(1) lead 172800 >= ', 'they die with this process',
    ]) assert.ok(text.includes(wanted), wanted)
  })

  it('shows no way to mint where there is none', () => {
    assert.doesNotMatch(bannerFor('--host', '0.0.0.0', '--issuer', 'https://a.example'), /POST/)
  })
})

describe('the help', () => {
  it('explains each option with its default', () => {
    for (const { heading, standard } of optionTexts()) {
      assert.ok(help().includes(`  ${heading}\n`), heading)
      assert.ok(help().includes(standard.replaceAll('`', '')))
    }
  })
})

describe('the version', () => {
  it('is the one in package.json', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
    assert.equal(VERSION, version)
  })
})

describe('a refusal', () => {
  it('says what would be right', () => {
    const [line] = refusalLines({ code: 'algorithm_missing', algs: ['ML-DSA-44'] })
    assert.match(line ?? '', /has no ML-DSA-44; ML-DSA needs Node\.js 24\.7/)
  })
})

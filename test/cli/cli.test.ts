import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { banner } from '../../src/serve/banner.ts'
import { COMMANDS } from '../../src/cli/commands.ts'
import { keyTable } from '../../src/cli/key-table.ts'
import { commandHelp, help } from '../../src/cli/help.ts'
import { type Plan, planOf } from '../../src/cli/main.ts'
import { faultText, refusalLines } from '../../src/config/refusal.ts'
import { parseConfig } from '../../src/config/config.ts'
import { NO_MARKS } from '../../src/keyring/policy.ts'
import { proof, proofText } from '../../src/keyring/proof.ts'
import { startsServer } from '../../src/config/flags.ts'
import { optionTexts } from '../../src/config/option-texts.ts'
import { VERSION } from '../../src/config/version.ts'

function bannerFor(...args: readonly string[]): string {
  const parsed = parseConfig({ args, env: {}, inFile: () => [] })
  assert.ok(parsed.ok)
  const { config } = parsed.value
  const policy = config.policy(NO_MARKS)
  const app = { keyring: { policy }, issuerAt: () => 'https://a.example', isDurable: false, isUnsealed: false }
  const lines = proof(policy.timing, NO_MARKS).map(proofText)
  return banner(config, app, { url: 'http://127.0.0.1:8080', admin: 'off', metrics: 'off', lines })
}

describe('the banner', () => {
  it('shows what to paste, how keys rotate, and the proof', () => {
    const text = bannerFor()
    for (const wanted of [
      'curl http://127.0.0.1:8080/jwks.json',
      "curl -X POST 'http://127.0.0.1:8080/auth?expired=true'",
      'issuer    https://a.example',
      'every 7d, published 2d before signing, kept 1d after', '(1) lead 172800 >= ', 'they die with this process',
    ]) assert.ok(text.includes(wanted), wanted)
  })

  it('shows no way to mint where there is none', () => {
    assert.doesNotMatch(bannerFor('--host', '0.0.0.0', '--issuer', 'https://a.example'), /POST/)
  })
})

const plan = (...args: readonly string[]): Plan => planOf({ args, env: {}, inFile: () => [] })

describe('planOf()', () => {
  const faults = (...args: readonly string[]): string => {
    const found = plan(...args)
    assert.ok('faults' in found, 'the command line was accepted')
    return found.faults.map(faultText).join('\n')
  }

  const faulty: readonly (readonly [string, readonly string[], RegExp])[] = [
    ['an unknown command', ['dance'], /^"dance" is not a command\. Use one of serve, check, /],
    ['a misspelt command', ['rotat'], /^"rotat" is not a command\. Did you mean rotate\?$/],
    ['a word too many', ['serve', 'now'], /^"now" is not expected here\. Write: jwksd serve$/],
    ['a word too few', ['revoke'], /^revoke needs KID\. Write: jwksd revoke KID$/],
    [
      'another word than the one that stands for itself', ['client', 'list', 'a'],
      /^client needs add NAME\. Write: jwksd client add NAME$/,
    ],
    ['a flag of another command', ['keys', '--head', 'x'], /^--head is not an option\./],
    ['the value of an unknown option for a command', ['--worker', 'keys'], /^--worker is not an option\./],
  ]
  for (const [what, args, expected] of faulty) it(`refuses ${what}`, () => assert.match(faults(...args), expected))

  it('finds the command behind options, with its words and flags', () => {
    const found = plan('--audience', 'keys', 'revoke', '--reason', 'lost', 'abc', '--admin', 'unix:a')
    assert.ok('command' in found)
    assert.equal(found.command, COMMANDS.get('revoke'))
    assert.deepEqual([found.line.words, found.line.own], [['abc'], { reason: 'lost' }])
    assert.equal(found.line.config.admin, 'a')
  })

  it('takes a kid that begins with a dash for a word, not for options', () => {
    for (const kid of [`-V${'h'.repeat(41)}`, `--${'a'.repeat(41)}`]) {
      const found = plan('revoke', kid, '--reason', 'lost')
      assert.ok('command' in found, JSON.stringify(found))
      assert.deepEqual([found.line.words, found.line.own], [[kid], { reason: 'lost' }])
    }
  })

  it('answers help and version before it judges anything else', () => {
    const textFor = (args: readonly string[]): string => {
      const found = plan(...args)
      assert.ok('text' in found)
      return found.text
    }
    for (const args of [['--nonsense', '--help'], ['-h'], ['help'], ['help', 'help']]) assert.equal(textFor(args), help(COMMANDS))
    for (const args of [['--version'], ['version'], ['-V']]) assert.equal(textFor(args), `jwksd ${VERSION}\n`)
    for (const args of [['help', 'keys'], ['keys', '--help']]) assert.match(textFor(args), /^usage: jwksd keys/)
  })

  it('names the command that was meant when help is asked for one that there is not', () => {
    for (const args of [['help', 'rotat'], ['rotat', '--help']]) {
      const found = plan(...args)
      assert.ok('faults' in found)
      assert.deepEqual(found.faults.map(({ problem }) => problem), ['is not a command. Did you mean rotate?'])
    }
  })
})

describe('startsServer()', () => {
  it('is true without a word or for serve, whatever the options hold', () => {
    const servers = [[], ['serve'], ['--store', 'keys', '--unsealed'], ['--nonsense'], ['--port=1', 'serve']]
    const others = [['keys'], ['--help'], ['-h'], ['--version'], ['serve', 'now'], ['--worker', '2']]
    for (const args of servers) assert.ok(startsServer(args))
    for (const args of others) assert.ok(!startsServer(args))
  })
})

describe('the help', () => {
  it('explains each option with its default', () => {
    const text = help(COMMANDS).replace(/\n +/g, ' ')
    for (const { heading, initial } of optionTexts()) {
      assert.ok(text.includes(` ${heading} `), heading)
      assert.ok(text.includes(initial.replaceAll('`', '')), initial)
    }
  })

  it('fits 80 columns, and a screen for each command', () => {
    const screens = [...COMMANDS].map(([name, command]) => commandHelp(name, command))
    for (const text of screens) assert.ok(text.split('\n').length <= 60)
    for (const line of [help(COMMANDS), ...screens].join('\n').split('\n')) assert.ok(line.length <= 80, line)
  })
})

describe('the version', () => {
  it('is the one in package.json', () => {
    const path = new URL('../../package.json', import.meta.url)
    const { version } = JSON.parse(readFileSync(path, 'utf8')) as { readonly version: string }
    assert.equal(VERSION, version)
  })
})

describe('a refusal', () => {
  it('says what would be right', () => {
    const [line] = refusalLines({ code: 'algorithm_missing', algs: ['ML-DSA-44'] })
    assert.match(line ?? '', /^--alg names ML-DSA-44, which this .* lacks\. .* ML-DSA needs Node\.js 24\.7/)
  })
})

describe('the table of keys', () => {
  it('marks a time that lies ahead of the clock of the server, and says what that means', () => {
    const key = { kid: 'k', alg: 'ES256', state: 'standby', since: 1_800_000_000, next: 'active' }
    const table = keyTable({ keys: [{ ...key, ahead: 86_400 }, key] })
    assert.match(table, /^k +ES256 +standby +2027-01-15T08:00:00Z ! +active/m)
    assert.match(table, /^k +ES256 +standby +2027-01-15T08:00:00Z +active/m)
    assert.match(table, /^! This time lies ahead of the clock of the server\. Set the clock, or wait/m)
    assert.doesNotMatch(keyTable({ keys: [key] }), /!/)
  })
})

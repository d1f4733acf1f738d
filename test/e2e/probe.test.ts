import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SET_CASES } from '../../src/testkit/set-cases.ts'
import { startApi } from '../support/verifiers.ts'
import { end, run, serve } from '../support/process.ts'
import { freePort } from '../support/free-port.js'
import { someOf } from '../support/share.ts'

/** The flaws that it finds, and its formats, are in test/testkit/probe.test.ts. */

interface Report {
  readonly findings: readonly { readonly name: string; readonly verdict: string }[]
}

describe('jwksd probe', () => {
  it('finds nothing wrong with an API that is right', async () => {
    const port = await freePort()
    const api = await startApi(() => `http://127.0.0.1:${port}`, [])
    const { code, stdout, stderr } = await run(['probe', api.url, '--port', String(port), '--alg', 'ES256'])
    api.close()
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /tokens tried, \d\d of them bad: all of the bad ones refused, all of the good ones accepted/)
    assert.match(stderr, /^Sending \d+ tokens to GET http:.* Nothing else is contacted\.\n$/)
  })

  it('lets a running server make the tokens', async () => {
    const server = await serve(['--alg', 'ES256,RS256'])
    const api = await startApi(() => server.url, ['ignores aud'])
    const { stdout, code } = await run(['probe', api.url, '--via', server.url, '--format', 'json'])
    const { findings } = JSON.parse(stdout) as Report
    assert.equal(code, 1)
    const holes = findings.filter(({ verdict }) => verdict === 'HOLE').map(({ name }) => name)
    assert.deepEqual(holes, [
      'audience-wrong', 'audience-list', 'audience-missing', 'audience-empty', 'audience-prefix', 'audience-part',
      'audience-object',
    ])
    const wrong = await run(['probe', api.url, '--via', api.url])
    assert.deepEqual([wrong.code, /auth\?case=good-plain answers 401/.test(wrong.stderr)], [69, true], wrong.stderr)
    api.close()
    await end(server)
  })

  it('tries every unusual key set, and finds who cannot read it', async () => {
    const flawsOf = async (name: string, flaws: Parameters<typeof startApi>[1]): Promise<readonly string[]> => {
      const port = await freePort()
      const api = await startApi(() => `http://127.0.0.1:${port}/sets/${name}`, flaws)
      const args = ['--port', String(port), '--alg', 'ES256', '--format', 'json', '--set', name]
      const { stdout, stderr } = await run(['probe', api.url, ...args])
      api.close()
      assert.match(stderr, new RegExp(`^Sending 3 tokens to GET .* trust the issuer http://127\\.0\\.0\\.1:${port}/sets/${name} `))
      const { findings } = JSON.parse(stdout) as Report
      assert.equal(findings.length, 2)
      return findings.filter(({ verdict }) => verdict !== 'ok').map(({ verdict }) => verdict)
    }
    for (const name of someOf([...SET_CASES.keys()])) assert.deepEqual(await flawsOf(name, ['caches for ever']), [], name)
    // Who keeps no copy fails with the issuer, and who checks no signature accepts a stranger.
    assert.deepEqual(await flawsOf('unavailable', []), ['TOO STRICT'])
    assert.deepEqual(await flawsOf('many', ['tries every key', 'does not check the signature']), ['HOLE'])
    assert.match((await run(['probe', 'http://127.0.0.1:1/', '--set', 'x'])).stderr, /--set must be one of unknown-kty, /)
  })

  it('says why it cannot begin', async () => {
    const refused: readonly (readonly [readonly string[], RegExp, number])[] = [
      [['not a url'], /^jwksd: URL must be/, 78],
      [['http://127.0.0.1:1/', '--port', '0'], /does not answer/, 69],
    ]
    for (const [args, message, expected] of refused) {
      const { code, stderr } = await run(['probe', ...args])
      assert.deepEqual([code, message.test(stderr)], [expected, true], stderr)
    }
    const port = await freePort()
    const api = await startApi(() => `http://127.0.0.1:${port}`, [])
    const { code, stderr } = await run(['probe', api.url, '--port', String(port), '--accept', '200-401'])
    api.close()
    assert.deepEqual([code, /without a token\. Name an endpoint/.test(stderr)], [1, true], stderr)
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { type Flaw, startApi } from '../support/verifiers.ts'
import { end, run, serve } from '../support/process.ts'

interface Report {
  readonly sound: boolean
  readonly findings: readonly { readonly name: string; readonly verdict: string; readonly level: string }[]
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return port
}

/** Probes an API with these flaws. */
async function probed(flaws: readonly Flaw[], ...args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const port = await freePort()
  const api = await startApi(() => `http://127.0.0.1:${port}`, flaws)
  try {
    return await run(['probe', api.url, '--port', String(port), '--alg', 'ES256', ...args])
  } finally {
    api.close()
  }
}

/** What the probe must name, at least, for each flaw; and nothing that has no part in it. */
const FLAWS: readonly (readonly [Flaw, readonly string[]])[] = [
  ['ignores exp', ['expired', 'exp-missing', 'exp-text', 'exp-null', 'exp-negative', 'exp-list']],
  ['takes exp as a text', ['exp-text', 'exp-list']],
  ['ignores nbf', ['not-yet-valid', 'nbf-text']],
  ['ignores iss', ['issuer-wrong', 'issuer-missing', 'issuer-slash', 'issuer-case', 'issuer-suffix', 'issuer-port', 'issuer-list']],
  ['takes an issuer by its beginning', ['issuer-slash', 'issuer-suffix', 'issuer-list']],
  ['ignores aud', ['audience-wrong', 'audience-list', 'audience-missing', 'audience-empty', 'audience-prefix', 'audience-part', 'audience-object']],
  ['takes an audience by its beginning', ['audience-prefix']],
  ['accepts none', ['alg-none', 'alg-none-capital', 'alg-none-capitals', 'alg-none-mixed', 'alg-none-signed']],
  ['accepts none in small letters alone', ['alg-none', 'alg-none-signed']],
  ['trusts the alg of the header', ['alg-hmac-pem']],
  ['uses the key in the header', ['jwk-embedded', 'jwk-embedded-named']],
  ['takes the certificate in the header', ['x5c-embedded']],
  ['follows jku', ['jku-followed']],
  ['does not check the signature', ['key-unknown', 'key-forged', 'alg-none', 'signature-empty', 'signature-flipped', 'payload-swapped', 'ecdsa-zero']],
  ['checks no empty signature', ['signature-empty', 'alg-none']],
  ['ignores crit', ['crit-unknown', 'crit-empty', 'b64-false']],
  ['tries every key', ['key-confused']],
  ['takes DER', ['ecdsa-der']],
  ['refuses lists of audiences', ['good-audience-list']],
  ['falls over', ['header-text', 'claims-text', 'claims-null']],
]
/** A flaw that lets everything through shows in every case. */
const BROAD: ReadonlySet<Flaw> = new Set(['does not check the signature', 'checks no empty signature', 'falls over', 'ignores exp'])

describe('jwksd probe', () => {
  it('finds nothing wrong with an API that is right', async () => {
    const { code, stdout, stderr } = await probed([])
    assert.equal(code, 0, stdout + stderr)
    assert.match(stdout, /tokens tried, \d\d of them bad: all of the bad ones refused, all of the good ones accepted/)
    assert.match(stderr, /^Sending \d+ tokens to GET http:.* Nothing else is contacted\.\n$/)
  })

  for (const [flaw, names] of FLAWS) {
    it(`names the fault of an API that ${flaw}`, async () => {
      const { code, stdout } = await probed([flaw], '--format', 'json')
      const { sound, findings } = JSON.parse(stdout) as Report
      assert.deepEqual([code, sound], [1, false])
      const named = findings.filter(({ verdict }) => ['HOLE', 'TOO STRICT', 'CRASH'].includes(verdict)).map(({ name }) => name)
      for (const name of names) assert.ok(named.includes(name), `${name} is not among ${named.join(', ')}`)
      if (!BROAD.has(flaw)) assert.deepEqual(named.filter((name) => !names.includes(name)), [])
    })
  }

  it('sees a rotation through the eyes of the API', { timeout: 30_000 }, async () => {
    const good = await probed([], '--rotation', '2')
    assert.equal(good.code, 0, good.stdout)
    for (const name of ['old-key', 'new-key', 'removed-key']) assert.match(good.stdout, new RegExp(`rotation-${name} .* ok\n`))
    const stale = await probed(['caches for ever'], '--rotation', '2')
    assert.equal(stale.code, 1)
    assert.match(stale.stdout, /rotation-new-key +accept +401 +TOO STRICT/)
    assert.match(stale.stdout, /rotation-removed-key +refuse +200 +note/)
  })

  it('lets a running server make the tokens', async () => {
    const server = await serve(['--alg', 'ES256,RS256'])
    const api = await startApi(() => server.url, ['ignores aud'])
    const { stdout, code } = await run(['probe', api.url, '--via', server.url, '--format', 'json'])
    const { findings } = JSON.parse(stdout) as Report
    assert.equal(code, 1)
    const holes = findings.filter(({ verdict }) => verdict === 'HOLE').map(({ name }) => name)
    assert.deepEqual(holes, ['audience-wrong', 'audience-list', 'audience-missing', 'audience-empty', 'audience-prefix', 'audience-part', 'audience-object'])
    const wrong = await run(['probe', api.url, '--via', api.url])
    assert.deepEqual([wrong.code, /auth\?case=good-plain answers 401/.test(wrong.stderr)], [69, true], wrong.stderr)
    api.close()
    await end(server)
  })

  it('writes TAP and JUnit', async () => {
    const tap = await probed(['ignores aud'], '--format', 'tap')
    assert.match(tap.stdout, /^TAP version 13\n1\.\.\d+\nok 1 - good-plain/)
    assert.match(tap.stdout, /\nnot ok \d+ - audience-wrong: .*HOLE\n/)
    const junit = await probed(['ignores aud'], '--format', 'junit')
    assert.match(junit.stdout, /^<\?xml version="1\.0" encoding="UTF-8"\?>\n<testsuite name="http:[^"]*" tests="\d+" failures="7">\n/)
    assert.match(junit.stdout, /name="audience-wrong"><failure message="HOLE: for another API/)
  })

  it('says why it cannot begin', async () => {
    const refused: readonly (readonly [readonly string[], RegExp, number])[] = [
      [['not a url'], /URL: must be/, 78],
      [['ftp://127.0.0.1/'], /URL: must be/, 78],
      [['http://127.0.0.1:1/', '--port', '0'], /does not answer/, 69],
      [['http://127.0.0.1:1/', '--method', 'get'], /method: must be/, 78],
      [['http://127.0.0.1:1/', '--accept', 'yes'], /accept: must be/, 78],
      [['http://127.0.0.1:1/', '--format', 'xml'], /format: must be/, 78],
      [['http://127.0.0.1:1/', '--claims', '[]'], /claims: must be/, 78],
      [['http://127.0.0.1:1/', '--header', 'x'], /header: must be/, 78],
      [['http://127.0.0.1:1/', '--concurrency', '0'], /concurrency: must be/, 78],
      [['http://127.0.0.1:1/', '--rotation', 'x'], /rotation: must be/, 78],
      [['http://127.0.0.1:1/', '--via', 'http://127.0.0.1:2', '--typ', 'x'], /via: goes neither/, 78],
    ]
    for (const [args, message, expected] of refused) {
      const { code, stderr } = await run(['probe', ...args])
      assert.deepEqual([code, message.test(stderr)], [expected, true], stderr)
    }
    assert.match((await probed(['refuses lists of audiences'], '--audience', 'api2')).stderr, /answers 401 to a right token: does it trust/)
    assert.match((await probed([], '--accept', '200-401')).stderr, /without any token: it is not protected/)
  })
})

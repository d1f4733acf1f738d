import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import { type Config, parseConfig } from '../../src/config/config.ts'
import type { Result } from '../../src/core/result.ts'
import { CATALOGUE } from '../../src/testkit/catalogue.ts'
import type { Case } from '../../src/testkit/kit.ts'
import { planOf } from '../../src/testkit/probe/plan.ts'
import { probe, type Unfit } from '../../src/testkit/probe/probe.ts'
import { report } from '../../src/testkit/probe/report.ts'
import { type Source, sourceOf } from '../../src/testkit/probe/source.ts'
import { type Finding, findingOf, isSound } from '../../src/testkit/probe/verdict.ts'
import { type Flaw, startApi } from '../support/verifiers.ts'

type Flags = Readonly<Record<string, string>>
type Found = Result<readonly Finding[], Unfit>

function configOf(...args: readonly string[]): Config {
  const parsed = parseConfig({ args: ['--port', '0', '--alg', 'ES256', ...args], env: {}, inFile: () => [] })
  assert.ok(parsed.ok)
  return parsed.value.config
}

const open: Source[] = []
after(() => Promise.all(open.map(({ close }) => close())))

/** Probes an API with these flaws, all in this process. */
async function probed(flaws: readonly Flaw[], flags: Flags = {}, config = configOf()): Promise<Found> {
  let source: Source | undefined
  const api = await startApi(() => source?.issuer ?? '', flaws)
  const plan = planOf(api.url, flags)
  assert.ok(plan.ok, JSON.stringify(plan))
  source = await sourceOf(plan.value, config)
  open.push(source)
  try {
    return await probe({ plan: plan.value, source, say: () => {}, onProgress: () => {} })
  } finally {
    api.close()
  }
}

async function findingsOf(flaws: readonly Flaw[], flags: Flags = {}): Promise<readonly Finding[]> {
  const found = await probed(flaws, flags)
  assert.ok(found.ok, JSON.stringify(found))
  return found.value
}

/** What the probe must name, at least, for each flaw; and nothing that has no part in it. */
const FLAWS: readonly (readonly [Flaw, readonly string[]])[] = [
  ['ignores exp', ['expired', 'exp-missing', 'exp-text', 'exp-null', 'exp-negative', 'exp-list']],
  ['takes exp as a text', ['exp-text', 'exp-list']],
  ['ignores nbf', ['not-yet-valid', 'nbf-text']],
  ['ignores iss', [
    'issuer-wrong', 'issuer-missing', 'issuer-slash', 'issuer-case', 'issuer-suffix', 'issuer-port', 'issuer-list',
  ]],
  ['takes an issuer by its beginning', ['issuer-slash', 'issuer-suffix', 'issuer-list']],
  ['ignores aud', [
    'audience-wrong', 'audience-list', 'audience-missing', 'audience-empty', 'audience-prefix', 'audience-part',
    'audience-object',
  ]],
  ['takes an audience by its beginning', ['audience-prefix']],
  ['accepts none', ['alg-none', 'alg-none-capital', 'alg-none-capitals', 'alg-none-mixed', 'alg-none-signed']],
  ['accepts none in small letters alone', ['alg-none', 'alg-none-signed']],
  ['trusts the alg of the header', ['alg-hmac-pem']],
  ['uses the key in the header', ['jwk-embedded', 'jwk-embedded-named']],
  ['takes the certificate in the header', ['x5c-embedded']],
  ['follows jku', ['jku-followed']],
  ['does not check the signature', [
    'key-unknown', 'key-forged', 'alg-none', 'signature-empty', 'signature-flipped', 'payload-swapped', 'ecdsa-zero',
  ]],
  ['checks no empty signature', ['signature-empty', 'alg-none']],
  ['ignores crit', ['crit-unknown', 'crit-empty', 'b64-false']],
  ['tries every key', ['key-confused']],
  ['takes DER', ['ecdsa-der']],
  ['refuses lists of audiences', ['good-audience-list']],
  ['falls over', ['header-text', 'claims-text', 'claims-null']],
]
/** A flaw that lets everything through shows in every case. */
const BROAD: ReadonlySet<Flaw> = new Set([
  'does not check the signature', 'checks no empty signature', 'falls over', 'ignores exp',
])

describe('probe()', () => {
  for (const [flaw, names] of FLAWS) {
    it(`names the fault of an API that ${flaw}`, async () => {
      const findings = await findingsOf([flaw])
      assert.equal(isSound(findings), false)
      const named = findings.filter((finding) => !isSound([finding])).map(({ of }) => of.name)
      for (const name of names) assert.ok(named.includes(name), `${name} is not among ${named.join(', ')}`)
      if (!BROAD.has(flaw)) assert.deepEqual(named.filter((name) => !names.includes(name)), [])
    })
  }

  it('tries every case of the catalogue, in its order, and finds nothing wrong with an API that is right', async () => {
    const findings = await findingsOf([])
    assert.deepEqual(findings.map(({ of }) => of.name), [...CATALOGUE.keys()])
    assert.ok(isSound(findings))
  })

  it('sees a rotation through the eyes of the API', async () => {
    const rotationOf = async (...flaws: readonly Flaw[]): Promise<readonly unknown[]> => {
      const findings = await findingsOf(flaws, { rotation: '1' })
      return findings.slice(CATALOGUE.size).map(({ of, got, verdict }) => [of.name, got, verdict])
    }
    assert.deepEqual(await rotationOf(), [
      ['rotation-old-key', 200, 'ok'], ['rotation-new-key', 200, 'ok'], ['rotation-removed-key', 401, 'ok'],
    ])
    assert.deepEqual(await rotationOf('caches for ever'), [
      ['rotation-old-key', 200, 'ok'], ['rotation-new-key', 401, 'TOO STRICT'], ['rotation-removed-key', 200, 'note'],
    ])
  })

  it('does not begin with an API that refuses right tokens, or accepts a request without one', async () => {
    const problemOf = (found: Found): string => found.ok ? '' : found.error.problem
    const other = configOf('--audience', 'api2')
    assert.match(problemOf(await probed([], {}, other)), /answers 401 to a right token. Let the API trust .* api2$/)
    assert.match(problemOf(await probed([], { accept: '200-401' })), /answers 401 without a token/)
  })
})

describe('planOf()', () => {
  const refused: readonly (readonly [string, Flags, RegExp])[] = [
    ['not a url', {}, /^URL must be/],
    ['ftp://127.0.0.1/', {}, /^URL must be/],
    ['http://a.example/', { method: 'get' }, /^--method must be/],
    ['http://a.example/', { accept: 'yes' }, /^--accept must be/],
    ['http://a.example/', { format: 'xml' }, /^--format must be/],
    ['http://a.example/', { claims: '[]' }, /^--claims must be/],
    ['http://a.example/', { header: 'x' }, /^--header must be/],
    ['http://a.example/', { concurrency: '0' }, /^--concurrency must be/],
    ['http://a.example/', { rotation: 'x' }, /^--rotation must be/],
    ['http://a.example/', { via: 'x' }, /^--via must be/],
    ['http://a.example/', { via: 'http://b.example', typ: 'x' }, /^--via cannot be combined/],
    ['http://a.example/', { via: 'http://b.example', rotation: '1' }, /^--via cannot be combined/],
  ]
  for (const [url, flags, message] of refused) {
    it(`refuses ${url} with ${JSON.stringify(flags)}`, () => {
      const plan = planOf(url, flags)
      assert.match(plan.ok ? '' : plan.error, message)
    })
  }
})

describe('report()', () => {
  const shared = { rule: 'RFC', level: 'must', make: () => '' } as const
  const bad: Case = { name: 'bad', what: '"x"\n', expected: 'refuse', ...shared }
  const good: Case = { name: 'good', what: 'a right one', expected: 'accept', ...shared }
  const isAccepted = (got: unknown): boolean => got === 200
  const FINDINGS = [
    findingOf(good, 200, isAccepted), findingOf(good, 401, isAccepted), findingOf(bad, 200, isAccepted),
    findingOf(bad, 500, isAccepted), findingOf(bad, 'no answer', isAccepted), findingOf(bad, undefined, isAccepted),
    findingOf({ ...bad, level: 'should' }, 200, isAccepted),
  ]

  it('writes a table with a summary, and no control character of a case', () => {
    assert.equal(report(FINDINGS, 'http://api', 'table'), `case  expected  got        verdict
good  accept    200        ok
good  accept    401        TOO STRICT: a right one (RFC)
bad   refuse    200        HOLE: "x"\\u000a (RFC)
bad   refuse    500        CRASH: "x"\\u000a (RFC)
bad   refuse    no answer  ok
bad   refuse    -          skipped: "x"\\u000a (RFC)
bad   refuse    200        note: "x"\\u000a (RFC)

http://api: 6 tokens tried, 4 of them bad: 1 hole, 1 good one refused, 1 crash, 1 to note
`)
    const sound = report(FINDINGS.slice(0, 1), 'http://api', 'table')
    assert.match(sound, /all of the bad ones refused, all of the good ones accepted/)
  })

  it('writes TAP', () => {
    assert.equal(report(FINDINGS, 'http://api', 'tap'), `TAP version 13
1..7
ok 1 - good: a right one (RFC): accept, got 200: ok
not ok 2 - good: a right one (RFC): accept, got 401: TOO STRICT
not ok 3 - bad: "x"\\u000a (RFC): refuse, got 200: HOLE
not ok 4 - bad: "x"\\u000a (RFC): refuse, got 500: CRASH
ok 5 - bad: "x"\\u000a (RFC): refuse, got no answer: ok
ok 6 - bad: "x"\\u000a (RFC): refuse, got undefined: skipped # SKIP the keys do not allow it
ok 7 - bad: "x"\\u000a (RFC): refuse, got 200: note
`)
  })

  it('writes JUnit', () => {
    assert.equal(report(FINDINGS.slice(1, 6), 'http://a?b&c', 'junit'), `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="http://a?b&#38;c" tests="5" failures="3">
  <testcase classname="jwksd.probe" name="good"><failure message="TOO STRICT: a right one (RFC), got 401"/></testcase>
  <testcase classname="jwksd.probe" name="bad"><failure message="HOLE: &#34;x&#34;\\u000a (RFC), got 200"/></testcase>
  <testcase classname="jwksd.probe" name="bad"><failure message="CRASH: &#34;x&#34;\\u000a (RFC), got 500"/></testcase>
  <testcase classname="jwksd.probe" name="bad"></testcase>
  <testcase classname="jwksd.probe" name="bad"><skipped/></testcase>
</testsuite>
`)
  })

  it('writes JSON', () => {
    const { make: _make, ...shown } = bad
    const findings = [{ ...shown, got: 200, verdict: 'HOLE' }]
    assert.deepEqual(JSON.parse(report(FINDINGS.slice(2, 3), 'http://api', 'json')), {
      target: 'http://api', sound: false, findings,
    })
  })
})

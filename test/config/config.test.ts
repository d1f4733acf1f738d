import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Config, parseConfig } from '../../src/config/config.ts'
import { readConfigFile } from '../../src/config/file.ts'
import { refusalOf, type Runtime } from '../../src/config/promise.ts'
import { faultText, refusalLines } from '../../src/config/refusal.ts'
import { NO_MARKS } from '../../src/keyring/policy.ts'

interface Given {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly files?: Readonly<Record<string, string>>
}

function parse({ args = [], env = {}, files = {} }: Given): ReturnType<typeof parseConfig> {
  return parseConfig({
    args,
    env,
    inFile: (named, faults) => readConfigFile(named, faults, (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('ENOENT')
      return text
    }),
  })
}

/** A configuration that is only in a file named `c`. */
function inFile(text: string): Given {
  return { args: ['--config', 'c'], files: { c: text } }
}

function configOf(given: Given): Config {
  const parsed = parse(given)
  assert.ok(parsed.ok, parsed.ok ? '' : parsed.error.map(faultText).join('; '))
  return parsed.value.config
}

function faultsOf(given: Given): readonly string[] {
  const parsed = parse(given)
  assert.ok(!parsed.ok, 'the configuration was accepted')
  return parsed.error.map(faultText)
}

describe('parseConfig()', () => {
  it('answers the defaults of the design when nothing is set', () => {
    const config = configOf({})
    const { timing, algs, rsaBits } = config.policy(NO_MARKS)
    assert.deepEqual([config.host, config.port, config.issuer, config.audience], ['127.0.0.1', 8080, undefined, 'api'])
    assert.deepEqual([config.store, config.auth, config.logLevel], ['memory:', 'loopback', 'info'])
    assert.deepEqual([algs, rsaBits], [['RS256'], 2048])
    assert.deepEqual({ ...timing }, {
      interval: 604_800,
      lead: 172_800,
      retention: 86_400,
      maxAge: 300,
      ttl: 900,
      maxTtl: 3600,
      cacheLayers: 2,
      propagation: 5,
      clockError: 60,
      leeway: 300,
    })
  })

  it('lets flags win over the environment, the environment over the file, the file over defaults', () => {
    const files = { 'c.json': '{"port": 1, "host": "127.0.0.2", "ttl": "60s", "open-auth": true}' }
    const env = { JWKSD_PORT: '2', JWKSD_HOST: '127.0.0.3', JWKSD_CONFIG: 'c.json' }
    const config = configOf({ args: ['--port', '3'], env, files })
    assert.deepEqual([config.port, config.host, config.policy(NO_MARKS).timing.ttl], [3, '127.0.0.3', 60])
  })

  it('reports every fault at once, each with its option, its source and what would be right', () => {
    const files = { 'c.json': '{"lead": "soon", "colour": "red"}' }
    const args = ['--port', '99999', '--nonsense', '--alg', 'HS256', '--config', 'c.json']
    const faults = faultsOf({ args, env: { JWKSD_TTL: '5' }, files }).join('\n')
    assert.match(faults, /^--port is "99999" but must be a whole number from 0 to 65535$/m)
    assert.match(faults, /^--nonsense is not an option\./m)
    assert.match(faults, /^--alg is "HS256" but must be some of RS256/m)
    assert.match(faults, /^JWKSD_TTL is "5" but must be a duration from 1s to ten years, such as 90s, 15m, 48h or 7d$/m)
    assert.match(faults, /^"lead" in c\.json is "soon" but must be a duration/m)
    assert.match(faults, /^"colour" in c\.json is not an option of a file/m)
  })

  const faulty: readonly (readonly [string, Given, RegExp])[] = [
    ['a flag without its value', { args: ['--port'] }, /--port .*needs a value/],
    ['a flag given twice', { args: ['--port', '1', '--port', '2'] }, /--port .*given twice/],
    ['a duration without a unit', { args: ['--lead', '90'] }, /lead .*duration/],
    ['a duration beyond ten years', { args: ['--lead', '99999d'] }, /lead .*duration/],
    ['no lifetime at all', { args: ['--ttl', '0'] }, /ttl .*from 1s/],
    ['a ttl above max-ttl', { args: ['--ttl', '2h', '--max-ttl', '1h'] }, /ttl .*max-ttl/],
    ['one algorithm named twice', { args: ['--alg', 'RS256,RS256'] }, /alg .*each once/],
    ['alg none', { args: ['--alg', 'none'] }, /--alg is "none" but must be some of RS256/],
    ['a modulus of 1024 bits', { args: ['--rsa-bits', '1024'] }, /rsa-bits .*2048 or 3072 or 4096/],
    ['an unknown preset', { args: ['--preset', 'slow'] }, /preset .*fast/],
    ['an unknown store', { args: ['--store', 'redis://x'] }, /store .*memory:/],
    ['a namespace without a Secret', { args: ['--store', 'kubernetes:jwksd'] }, /store .*kubernetes:NAMESPACE\/SECRET/],
    ['a Secret whose name is a path', { args: ['--store', 'kubernetes:jwksd/../x'] }, /store .*kubernetes:NAMESPACE\/SECRET/],
    ['an API server without TLS', { args: ['--kube-api', 'http://10.0.0.1:6443'] }, /kube-api .*https:/],
    ['an issuer with a query', { args: ['--issuer', 'https://a.example/?x'] }, /issuer .*without user/],
    ['an issuer that is no web address', { args: ['--issuer', 'urn:issuer'] }, /issuer .*http/],
    ['an origin with a path', { args: ['--allow-origin', 'http://a.example/x'] }, /allow-origin .*origins/],
    ['the origin null', { args: ['--allow-origin', 'null'] }, /allow-origin .*origins/],
    ['a public address without an issuer', { args: ['--host', '0.0.0.0'] }, /issuer .*must be set/],
    ['a file that is not there', { args: ['--config', 'x.json'] }, /--config x\.json cannot be read/],
    ['a file with a member twice', inFile('{"port":1,"port":2}'), /"port" in c appears twice/],
    ['a file that is a list', inFile('[]'), /--config c must be a JSON object/],
    ['a file that is no JSON', inFile('port=1'), /--config c .*malformed/],
    ['a file that names another', inFile('{"config":"d"}'), /"config" in c is not an option/],
    [
      'an unknown option before its value', { args: ['--worker', '2'] },
      /^--worker is not an option\. Did you mean --workers\? `jwksd --help` lists all options$/m,
    ],
    ['an option with two letters exchanged', { args: ['--prot', '2'] }, /^--prot .* Did you mean --port\?/m],
    ['a file that the environment names', { env: { JWKSD_CONFIG: 'x.json' } }, /^JWKSD_CONFIG x\.json cannot be read/],
    ['a ttl in the environment above max-ttl', { env: { JWKSD_TTL: '2h', JWKSD_MAX_TTL: '1h' } }, /^JWKSD_TTL is/],
    ['a secret as a flag', { args: ['--kek', 'x'] }, /^--kek would show .* Set JWKSD_KEK or --kek-file$/],
    ['a secret in a file', inFile('{"kek":"x"}'), /^"kek" in c is not an option of a file/],
    ['a faulty secret, and does not show it', { env: { JWKSD_KEK: 'hush' } }, /^JWKSD_KEK has a value that must be/],
    ['an object as a value', inFile('{"port":{}}'), /"port" in c must be a text/],
    ['a faulty switch', { args: ['--open-auth=maybe'] }, /open-auth .*true or false/],
  ]
  for (const [what, given, expected] of faulty) {
    it(`refuses ${what}`, () => assert.match(faultsOf(given).join('\n'), expected))
  }

  it('takes a list in the file as a list of names', () => {
    const config = configOf(inFile('{"alg":["ES256","RS256"],"audience":["a","b"]}'))
    assert.deepEqual([config.policy(NO_MARKS).algs, config.audience], [['ES256', 'RS256'], ['a', 'b']])
  })

  it('ignores empty variables and what Kubernetes makes of services, and names all others', () => {
    const env = {
      JWKSD_HOST: '',
      JWKSD_SERVICE_HOST: '10.0.0.1',
      JWKSD_PORT: 'tcp://10.0.0.1:80',
      JWKSD_PORT_80_TCP: 'tcp://10.0.0.1:80',
      JWKSD_METRICS_SERVICE_PORT_HTTP: '80',
      JWKSD_METRICS_PORT: 'tcp://10.0.0.1:80',
      JWKSD_METRICS_PORT_80_TCP_ADDR: '10.0.0.1',
      JWKSD_NOTHING: '',
      JWKSD_WORKER: '2',
      OTHER: '1',
    }
    const unknown = { JWKSD_NONSENSE: '1', JWKSD_AUDIT_REQIRED: 'true', JWKSDPORT: '1', jwksd_port: '1', JWKSD_: '1' }
    const parsed = parse({ env: { ...env, ...unknown } })
    assert.ok(parsed.ok)
    assert.deepEqual([parsed.value.config.port, parsed.value.config.host], [8080, '127.0.0.1'])
    assert.deepEqual(parsed.value.unknown, Object.keys(unknown))
  })

  it('records what was set as it was typed, without defaults and secrets', () => {
    const env = { JWKSD_KEK: 'A'.repeat(43), JWKSD_PORT: '0' }
    const parsed = parse({ args: ['--lead', '48h', '--unsealed'], env })
    assert.deepEqual(parsed.ok && parsed.value.typed, { port: '0', lead: '48h', unsealed: 'true' })
  })

  it('never mints on a public address unless told in so many words', () => {
    const address = ['--host', '0.0.0.0', '--issuer', 'https://issuer.example']
    assert.equal(configOf({ args: address }).auth, 'off')
    assert.equal(configOf({ args: [...address, '--open-auth=false'] }).auth, 'off')
    assert.equal(configOf({ args: [...address, '--open-auth'] }).auth, 'open')
    assert.equal(configOf({ args: ['--clients', 'c.json'] }).auth, 'off')
    assert.equal(configOf({ args: ['--clients', 'c.json', '--open-auth'] }).auth, 'loopback')
    assert.equal(configOf({ args: [...address, '--clients', 'c.json', '--open-auth'] }).auth, 'open')
    assert.equal(configOf({ args: ['--host', 'localhost'] }).auth, 'loopback')
    assert.equal(configOf({ args: ['--host', '::1'] }).auth, 'loopback')
    for (const issuer of ['https://issuer.example', 'https://localhost.example', 'https://127.0.0.1.example']) {
      assert.equal(configOf({ args: ['--issuer', issuer] }).auth, 'off', issuer)
      assert.equal(configOf({ args: ['--issuer', issuer, '--open-auth'] }).auth, 'loopback', issuer)
    }
    assert.equal(configOf({ args: ['--issuer', 'http://[::1]:9000/x'] }).auth, 'loopback')
  })

  it('E27 takes an http issuer on this machine alone, unless that is asked for', () => {
    const names = ['a.example', '10.0.0.1:80', '0.0.0.0', 'localhost.example', '[::]']
    for (const issuer of names.map((name) => `http://${name}`)) {
      const [fault = ''] = faultsOf({ args: ['--issuer', issuer] })
      assert.match(fault, /^--issuer must begin with https: .* set --allow-http-issuer$/, issuer)
      assert.equal(configOf({ args: ['--issuer', issuer, '--allow-http-issuer'] }).issuer, issuer)
    }
    assert.match(faultsOf({ env: { JWKSD_ISSUER: 'http://a.example' } })[0] ?? '', /^JWKSD_ISSUER must begin/)
    for (const issuer of ['http://127.0.0.1:8080', 'http://localhost', 'http://[::1]', 'http://a.localhost/x']) {
      assert.equal(configOf({ args: ['--issuer', issuer] }).issuer, issuer)
    }
  })

  it('takes an IPv6 address in brackets', () => {
    for (const host of ['::', '::1', '::ffff:10.0.0.1']) {
      const more = ['--issuer', 'https://a.example']
      assert.equal(configOf({ args: ['--host', `[${host}]`, ...more] }).host, host)
      assert.equal(configOf({ args: ['--host', host, ...more] }).host, host)
    }
    for (const host of ['[localhost]', '[::1', '::1]', '[]', '[::1]:80']) {
      assert.equal(faultsOf({ args: ['--host', host] }).length > 0, true, host)
    }
  })

  it('takes proxies as networks, addresses and unix', () => {
    const proxies = '10.0.0.0/8, fd00::/8,127.0.0.1,::1,unix,0.0.0.0/0'
    const { trustedProxies, forwardedHeader } = configOf({ args: ['--trusted-proxies', proxies] })
    assert.deepEqual([trustedProxies, forwardedHeader], [proxies.split(/, ?/), undefined])
    const wrong = ['10.0.0.0/33', 'fd00::/129', '10.0.0/8', 'example.com', 'unix:/x', 'fe80::1%lo', '10.0.0.0/', '1/2']
    for (const text of [...wrong, '']) {
      assert.match(faultsOf({ args: ['--trusted-proxies', text] })[0] ?? '', /^--trusted-proxies is .* networks/, text)
    }
    assert.match(faultsOf({ args: ['--forwarded-header', 'forwarded'] })[0] ?? '', /trusted-proxies must be set/)
    assert.equal(faultsOf({ args: ['--forwarded-header', 'x-real-ip', '--trusted-proxies', '::1'] }).length, 1)
  })

  it('bounds the time that an idle connection is kept, and a drain', () => {
    const { keepAlive, drain } = configOf({ args: ['--keep-alive', '620s', '--drain', '15s'] })
    assert.deepEqual([keepAlive, drain], [620, 15])
    for (const args of [['--keep-alive', '0'], ['--keep-alive', '2h'], ['--drain', '61m']]) {
      assert.match(faultsOf({ args })[0] ?? '', /must be a duration from \ds to 1h/)
    }
  })

  it('keeps the issuer byte for byte', () => {
    const issuer = 'https://Issuer.Example:443/a/'
    assert.equal(configOf({ args: ['--issuer', issuer] }).issuer, issuer)
  })

  it('derives the fast preset of the design, and lets single options win over it', () => {
    const fast = configOf({ args: ['--preset', 'fast'] }).policy(NO_MARKS).timing
    assert.deepEqual([fast.lead, fast.maxAge, fast.retention, fast.ttl, fast.maxTtl], [30, 29, 21, 20, 20])
    const slower = configOf({ args: ['--preset', 'fast', '--rotation-interval', '2m'] }).policy(NO_MARKS).timing
    assert.deepEqual([slower.interval, slower.lead], [120, 60])
  })
})

describe('refusalOf()', () => {
  const refused = async (runtime: Partial<Runtime>, ...args: readonly string[]): Promise<readonly string[]> => {
    const config = configOf({ args: ['--alg', 'ES256', ...args] })
    const refusal = await refusalOf(config, { env: {}, execArgv: [], ...runtime })
    return refusal === undefined ? [] : refusalLines(refusal)
  }
  const beyond = [['--host', '0.0.0.0', '--issuer', 'https://a.example'], ['--issuer', 'https://a.example']]
  const unsafe: readonly Partial<Runtime>[] = [
    { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } },
    ...['--inspect', '--inspect=0.0.0.0:9229', '--inspect-brk', '--inspect_brk=1', '--inspect-wait',
      '--heapsnapshot-signal=SIGUSR2', '--tls-keylog=/tmp/x'].flatMap((flag) => [
      { execArgv: ['--enable-source-maps', flag] },
      { env: { NODE_OPTIONS: `--max-old-space-size=64 ${flag}` } },
      { env: { NODE_OPTIONS: `"${flag}"` } },
    ]),
  ]

  it('E25 refuses settings of Node.js that give secrets away, beyond this machine', async () => {
    for (const runtime of unsafe) {
      for (const args of beyond) {
        const [line = '', ...more] = await refused(runtime, ...args)
        assert.match(line, /^(?:NODE_TLS|--inspect|--heapsnap|--tls-keylog)\S* lets others/, JSON.stringify(runtime))
        assert.deepEqual(more, [])
      }
      assert.deepEqual(await refused(runtime), [])
    }
  })

  it('E25 refuses no other setting', async () => {
    const harmless: readonly Partial<Runtime>[] = [
      { env: { NODE_TLS_REJECT_UNAUTHORIZED: '1', NODE_OPTIONS: '--inspect-port=0 --inspect-publish-uid=http' } },
      { execArgv: ['--permission', '--disable-proto=throw'] },
    ]
    for (const runtime of harmless) for (const args of beyond) assert.deepEqual(await refused(runtime, ...args), [])
  })
})

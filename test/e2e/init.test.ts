import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { newFolder } from '../support/folder.ts'
import { end, run, serve } from '../support/process.ts'

const API = ['--audience', 'https://api.example', '--scope', 'read']
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

describe('jwksd init', () => {
  it('makes a server that starts and gives a first token', async () => {
    const folder = join(newFolder(), 'site')
    const made = await run(['init', folder, '--alg', 'ES256', ...API])
    assert.equal(made.code, 0, made.stderr)
    const file = join(folder, 'etc', 'jwksd.json')
    const [check = '', start = '', token = ''] = (made.stdout.split('Next:\n')[1] ?? '').trim().split('\n').map((line) => line.trim())
    assert.equal(check, `jwksd check --config ${file}`)
    assert.equal(start, `jwksd --config ${file}`)
    assert.equal((await run(check.split(' ').slice(1))).code, 0)
    const server = await serve(start.split(' ').slice(1))
    const secret = /^client_secret: (\S+)$/m.exec(made.stdout)?.[1]
    const curl = token.replace('-u first ', `-u first:${secret} `).replace('http://127.0.0.1:8080', server.url).split(' ')
    const { stdout } = spawnSync('curl', ['-s', ...curl.slice(1)], { encoding: 'utf8' })
    assert.equal((JSON.parse(stdout) as { scope: string }).scope, 'read')
    await end(server)
    assert.deepEqual(readdirSync(join(folder, 'etc')).sort(), ['clients.json', 'jwksd.json', 'jwksd.service', 'nginx.conf'])
    assert.deepEqual(['audit.log', 'ring.json'].filter((name) => !existsSync(join(folder, 'state', name))), [])
  })

  it('keeps the key-encryption key out of what is backed up, and everything closed to others', async () => {
    const folder = join(newFolder(), 'site')
    assert.equal((await run(['init', folder])).code, 0)
    const files = ['jwksd.json', 'clients.json', 'jwksd.service', 'nginx.conf'].map((name) => join(folder, 'etc', name))
    const folders = [folder, join(folder, 'etc'), join(folder, 'state'), `${folder}-kek`]
    assert.deepEqual([...files, join(`${folder}-kek`, 'ring.kek')].map(modeOf), Array(5).fill('600'))
    assert.deepEqual(folders.map(modeOf), Array(4).fill('700'))
  })

  it('never overwrites, and makes nothing when it refuses', async () => {
    const folder = join(newFolder(), 'site')
    assert.equal((await run(['init', folder])).code, 0)
    const before = readFileSync(join(folder, 'etc', 'clients.json'), 'utf8')
    const again = await run(['init', folder, '--kek-file', join(newFolder(), 'other.kek')])
    assert.deepEqual([again.code, again.stderr], [78, `jwksd: ${folder} is not an empty folder. Name another one\n`])
    assert.equal(readFileSync(join(folder, 'etc', 'clients.json'), 'utf8'), before)
    const kek = join(newFolder(), 'taken')
    writeFileSync(kek, '')
    const other = join(newFolder(), 'site')
    const taken = await run(['init', other, '--kek-file', kek])
    assert.deepEqual([taken.code, existsSync(other), readFileSync(kek, 'utf8')], [78, false, ''])
  })

  const refused: readonly (readonly [string, (parent: string) => readonly string[], RegExp])[] = [
    ['a path that needs quoting', (parent) => [join(parent, 'a b')], /would need quoting/],
    ['a key-encryption key inside', (parent) => [join(parent, 'a'), '--kek-file', join(parent, 'a', 'kek')], /in each copy of/],
    ['a folder in none', (parent) => [join(parent, 'a', 'b')], /a does not exist\. Make it/],
    ['a socket for the proxy', (parent) => [join(parent, 'a'), '--host', `unix:${parent}/s`, '--issuer', 'https://a.example'], /for a proxy with TLS and a port/],
    ['options that break the promise', (parent) => [join(parent, 'a'), '--lead', '1s'], /lead/],
    ['options that contradict each other', (parent) => [join(parent, 'a'), '--issuer', 'http://auth.example'], /must begin with https/],
  ]
  for (const [what, args, expected] of refused) {
    it(`refuses ${what}`, async () => {
      const parent = newFolder()
      const { code, stderr } = await run(['init', ...args(parent)])
      assert.equal(code, 78, stderr)
      assert.match(stderr, expected)
      assert.deepEqual(readdirSync(parent), [])
    })
  }

  it('writes the options that it was given, and names the issuer to the proxy', async () => {
    const folder = join(newFolder(), 'site')
    // An empty folder may be there, made by whoever owns its parent.
    mkdirSync(folder, { mode: 0o700 })
    const { code, stderr } = await run(['init', folder, '--issuer', 'https://auth.example', '--port', '9000', '--trusted-proxies', '127.0.0.1'])
    assert.equal(code, 0, stderr)
    const settings = JSON.parse(readFileSync(join(folder, 'etc', 'jwksd.json'), 'utf8')) as Record<string, string>
    assert.deepEqual([settings['issuer'], settings['port'], settings['trusted-proxies']], ['https://auth.example', '9000', '127.0.0.1'])
    assert.match(readFileSync(join(folder, 'etc', 'nginx.conf'), 'utf8'), /server_name auth\.example;[^]*proxy_pass http:\/\/127\.0\.0\.1:9000;/)
  })

  it('says whom it belongs to when root made it', { skip: process.geteuid?.() === 0 ? false : 'needs root' }, async () => {
    const folder = join(newFolder(), 'site')
    assert.match((await run(['init', folder])).stderr, /^jwksd: all of this belongs to root\. .+: chown -R USER \S+site \S+site-kek\n$/)
  })
})

import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { root } from '../../scripts/setup.js'
import { nginxText } from '../../src/cli/proxy-file.ts'
import { installedUnit } from '../../src/cli/unit-file.ts'
import { newFolder } from '../support/folder.ts'
import { freePort } from '../support/free-port.js'
import { end, run, serve, SERVER, type ServerProcess } from '../support/process.ts'

const shipped = (name: string): string => readFileSync(join(root, 'docs', 'deploy', name), 'utf8')
/** Why a test does not run where a program is missing. */
const needs = (...programs: readonly string[]): string | false => {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined)
  return missing.length === 0 ? false : `needs ${missing.join(', ')}`
}
const children: ChildProcess[] = []
after(() => children.forEach((child) => child.kill('SIGKILL')))

/** The values of a directive of the shipped unit. */
function directive(name: string): readonly string[] {
  return [...shipped('systemd/jwksd.service').matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)
}

describe('docs/deploy/systemd/jwksd.service', () => {
  const path = join(newFolder(), 'jwksd.service')
  const text = shipped('systemd/jwksd.service').replace('/usr/bin/node /opt/jwksd/dist/server.js', `${process.execPath} ${SERVER}`)
  writeFileSync(path, text)
  const skip = needs('systemd-analyze')

  it('is what the source says', () => assert.equal(shipped('systemd/jwksd.service'), installedUnit()))

  it('is accepted by systemd-analyze verify', { skip }, () => {
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
    assert.deepEqual([status, stderr.split('\n').filter((line) => line.includes('jwksd'))], [0, []])
  })

  it('is exposed to 1.5 at most, by systemd-analyze security', { skip }, () => {
    const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path], { encoding: 'utf8' })
    const [, level = NaN] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout) ?? []
    assert.ok(Number(level) <= 1.5, stdout)
  })

  it('starts the server with the credential and the folders that it names', async () => {
    const folder = newFolder()
    const places = [['/var/lib/jwksd', 'state'], ['/run/jwksd', 'run'], ['/etc/jwksd', 'etc'], ['%d', 'credentials']] as const
    const here = (value: string): string => places.reduce((moved, [from, to]) => moved.replaceAll(from, join(folder, to)), value)
    for (const [, name] of places) mkdirSync(join(folder, name), { mode: 0o700 })
    assert.deepEqual([directive('StateDirectory'), directive('RuntimeDirectory')], [['jwksd'], ['jwksd']])
    const [name = '', source = ''] = directive('LoadCredential')[0]?.split(':') ?? []
    await run(['kek', here(source)])
    writeFileSync(join(folder, 'credentials', name), readFileSync(here(source)), { mode: 0o440 })
    await run(['client', 'add', 'a', '--clients', join(folder, 'state', 'clients.json'), '--audience', 'api'])
    writeFileSync(join(folder, 'etc', 'jwksd.json'), here(shipped('jwksd.json')).replace(':9464', ':0'))
    // What the configuration names is only what the server gets by the unit.
    chmodSync(here(source), 0)
    const [, , ...args] = here(directive('ExecStart')[0] ?? '').split(' ')
    const server = await serve(args, { CREDENTIALS_DIRECTORY: join(folder, 'credentials') })
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200)
    await end(server)
  })

  it('allows the system calls that a server makes', { skip: needs('systemd-analyze', 'strace') }, async () => {
    const trace = join(newFolder(), 'trace')
    const data = newFolder()
    await run(['client', 'add', 'a', '--clients', join(data, 'clients.json'), '--audience', 'api'])
    const args = ['--store', `file:${join(data, 'ring.json')}`, '--unsealed', '--audit', join(data, 'audit.log'), '--audit-required']
    const files = ['--admin', `unix:${join(data, 'admin')}`, '--clients', join(data, 'clients.json')]
    const by = ['strace', '-f', '-qq', '--output', trace]
    const server = await serve([...args, ...files, '--alg', 'ES256', '--preset', 'fast'], {}, by)
    assert.equal((await fetch(`${server.url}/token`, { method: 'POST', body: 'grant_type=x' })).status, 400)
    await run(['rotate', '--admin', `unix:${join(data, 'admin')}`])
    process.kill(Number(/^\d+/.exec(readFileSync(trace, 'utf8'))?.[0]), 'SIGTERM')
    await server.finished
    const made = new Set([...readFileSync(trace, 'utf8').matchAll(/^\d+ +(\w+)\(/gm)].map(([, call = '']) => call))
    const refused = [...made].filter((call) => !allowed.has(call) && !WITHOUT.has(call))
    assert.ok(made.size > 30)
    assert.deepEqual(refused, [])
  })

  /** What Node.js asks for at its start and does without; only a server of root gives a folder away. */
  const WITHOUT = new Set(['pkey_alloc', 'prlimit64', 'sched_getaffinity', 'setrlimit', ...process.geteuid?.() === 0 ? ['chown'] : []])
  const setOf = (name: string): readonly string[] => {
    const { stdout } = spawnSync('systemd-analyze', ['syscall-filter', '--no-pager', name], { encoding: 'utf8' })
    const entries = (stdout ?? '').split('\n').map((line) => line.trim()).filter((line) => /^@?\w[\w-]*$/.test(line) && line !== name)
    return entries.flatMap((entry) => entry.startsWith('@') ? setOf(entry) : [entry])
  }
  const [plus = '', minus = ''] = directive('SystemCallFilter')
  const denied = new Set(skip === false ? minus.slice(1).split(' ').flatMap(setOf) : [])
  const allowed = new Set(skip === false ? plus.split(' ').flatMap(setOf).filter((call) => !denied.has(call)) : [])
})

describe('the proxies of docs/deploy', { skip: needs('openssl', 'curl') }, () => {
  const folder = newFolder()
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=auth.example', '-addext', 'subjectAltName=DNS:auth.example', '-keyout', key, '-out', certificate])

  /** A server for the issuer of the files, and the secret of its client. */
  async function behind(): Promise<{ server: ServerProcess; secret: string }> {
    const clients = join(newFolder(), 'clients.json')
    const added = await run(['client', 'add', 'a', '--clients', clients, '--audience', 'api'])
    const args = ['--issuer', 'https://auth.example', '--alg', 'ES256', '--clients', clients, '--trusted-proxies', '127.0.0.1']
    return { server: await serve(args), secret: /client_secret: (\S+)/.exec(added.stdout)?.[1] ?? '' }
  }

  /** What curl gets as a client of auth.example. */
  async function ask(port: number, path: string, ...more: readonly string[]): Promise<{ status: number; body: string }> {
    const child = spawn('curl', ['-s', '--cacert', certificate, '--resolve', `auth.example:${port}:127.0.0.1`, '--write-out', '\n%{http_code}',
      ...more, `https://auth.example:${port}${path}`], { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => text += chunk.toString())
    await once(child, 'close')
    const [, body = '', status] = /^([^]*)\n(\d+)$/.exec(text) ?? []
    return { status: Number(status), body }
  }

  /** Runs a proxy on its file, and lets a client fetch a token through it. */
  async function tried(program: string, args: (file: string) => { check: string[]; run: string[] }, text: (port: number, server: string) => string): Promise<void> {
    const { server, secret } = await behind()
    const port = await freePort()
    const file = join(folder, `${port}.conf`)
    writeFileSync(file, text(port, new URL(server.url).host))
    const checked = spawnSync(program, args(file).check, { encoding: 'utf8' })
    assert.equal(checked.status, 0, checked.stderr)
    children.push(spawn(program, args(file).run, { stdio: 'ignore' }))
    for (let attempt = 0; attempt < 100 && (await ask(port, '/jwks.json')).status !== 200; attempt += 1) await sleep(50)
    const token = await ask(port, '/token', '-u', `a:${secret}`, '-d', 'grant_type=client_credentials')
    assert.equal(token.status, 200, token.body)
    assert.equal((JSON.parse(token.body) as { token_type: string }).token_type, 'Bearer')
    assert.equal((await ask(port, '/.well-known/openid-configuration')).status, 200)
    for (const path of ['/auth', '/healthz', '/readyz', '/metrics']) assert.equal((await ask(port, path)).status, 404, path)
    await end(server)
  }

  it('has the file of nginx from the source', () => {
    assert.equal(shipped('nginx.conf'), nginxText('auth.example', '127.0.0.1:8080'))
  })

  const nginx = ['/usr/sbin/nginx'].find((path) => existsSync(path))
  it('passes nginx -t, and gives a token through nginx', { skip: nginx === undefined ? 'needs nginx' : false }, () =>
    tried(nginx ?? '', (file) => ({ check: ['-t', '-e', 'stderr', '-c', file], run: ['-e', 'stderr', '-c', file] }), (port, server) => {
      const block = shipped('nginx.conf').replaceAll('127.0.0.1:8080', server).replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
        .replace('/etc/ssl/auth.example/fullchain.pem', certificate).replace('/etc/ssl/auth.example/privkey.pem', key)
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n')
      return `daemon off;\npid ${folder}/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${block}\n}\n`
    }))

  const haproxy = ['/usr/sbin/haproxy'].find((path) => existsSync(path))
  it('passes haproxy -c, and gives a token through HAProxy', { skip: haproxy === undefined ? 'needs HAProxy' : false }, () =>
    tried(haproxy ?? '', (file) => ({ check: ['-c', '-f', file], run: ['-db', '-f', file] }), (port, server) => {
      writeFileSync(join(folder, 'both.pem'), `${readFileSync(certificate, 'utf8')}${readFileSync(key, 'utf8')}`)
      return shipped('haproxy.cfg').replaceAll('127.0.0.1:8080', server).replace('bind :443', `bind 127.0.0.1:${port}`)
        .replace('/etc/haproxy/auth.example.pem', join(folder, 'both.pem'))
    }))
})

describe('docs/deploy/Dockerfile', () => {
  const steps = shipped('Dockerfile').split('\n').filter((line) => /^[A-Z]+ /.test(line))
  const step = (name: string): string => steps.find((line) => line.startsWith(`${name} `))?.slice(name.length + 1) ?? ''

  it('copies all that the program needs; its health check finds the server by the same variables', async () => {
    const image = newFolder()
    const here = (path: string): string => path.replaceAll('/opt/jwksd', image)
    for (const line of steps.filter((line) => line.startsWith('COPY '))) {
      const [target = '', ...sources] = line.split(' ').slice(1).toReversed()
      for (const source of sources) {
        const to = target.endsWith('/') ? join(here(target), source) : here(target)
        cpSync(join(root, source), to, { recursive: true })
      }
    }
    const [name = '', value = ''] = step('ENV').split('=')
    const env = { [name]: value, JWKSD_ISSUER: 'https://auth.example', JWKSD_PORT: String(await freePort()), PATH: process.env['PATH'] ?? '' }
    const [, ...entry] = (JSON.parse(step('ENTRYPOINT')) as string[]).map(here)
    const server = spawn(process.execPath, entry, { env, stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(server)
    server.stdout.setEncoding('utf8')
    for await (const text of server.stdout as AsyncIterable<string>) if (text.includes('server.listening')) break
    const [, ...check] = (JSON.parse(/CMD (\[.+\])$/.exec(step('HEALTHCHECK'))?.[1] ?? '[]') as string[]).map(here)
    const healthy = spawnSync(process.execPath, check, { env, encoding: 'utf8' })
    assert.deepEqual([healthy.status, healthy.stdout], [0, 'alive\n'])
    server.kill('SIGKILL')
    await once(server, 'close')
    assert.equal(spawnSync(process.execPath, check, { env }).status, 69)
  })

  it('takes any base, and does not run as root', () => {
    assert.deepEqual([step('FROM'), step('USER').split(':')[0] !== '0', step('ARG').startsWith('BASE=')], ['${BASE}', true, true])
  })

  it('is given options by docs/deploy/compose.yaml that a server accepts', async () => {
    const found = [...shipped('compose.yaml').matchAll(/^ +(JWKSD_\w+): "?([^"\n]+)"?$/gm)]
    const env = Object.fromEntries(found.map(([, name = '', value = '']) => [name, value]))
    const { code, stderr } = await run(['check', '--host', '0.0.0.0'], env)
    assert.deepEqual([code, stderr, found.length], [0, '', 3])
  })
})

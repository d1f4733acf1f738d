import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SET_CASES } from '../../dist/testkit/set-cases.js'
import { startApache, startOpenidc } from '../clients/apache.js'
import { freePort } from '../support/free-port.js'
import { expressVerifier, fastJwtVerifier, joseVerifier, jwksRsaVerifier, pythonVerifier, rubyVerifier } from './verifiers.js'

/**
 * Judges verifiers by other people with `jwksd probe`, each set up as its own documentation does, and writes down what
 * each of them accepts: `node judge.js [FILE]`
 */

const SERVER = fileURLToPath(new URL('../../dist/server.js', import.meta.url))
const AUDIENCE = 'api'
const SETS = [...SET_CASES.keys()]
const [file] = process.argv.slice(2)

const versionOf = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url), 'utf8')).version
const debian = (name) => String(spawnSync('dpkg-query', ['-W', '-f', '${Version}', name]).stdout)

/** Requests that nobody has answered yet. */
const pending = new Set()
// What a verifier throws where nobody can catch it would be the end of an API.
process.on('uncaughtException', (error) => {
  if (pending.size === 0) {
    console.error(error)
    process.exit(1)
  }
  console.log(`    not caught: ${error.message}`)
  for (const response of pending) if (!response.headersSent) response.writeHead(500).end()
})

/** An API whose only work is one verifier. */
async function apiOf(verifier) {
  const server = createServer({ maxHeaderSize: 32_768 }, (request, response) => {
    const [, token] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? []
    const answer = (status) => response.headersSent || response.writeHead(status).end()
    if (token === undefined) return answer(401)
    pending.add(response)
    response.once('close', () => pending.delete(response))
    new Promise((resolve) => resolve(verifier.verify(token))).then(() => answer(200), () => answer(401))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    end: async () => {
      server.close()
      server.closeAllConnections()
      await verifier.close()
    },
  }
}

const CANDIDATES = [
  ['jose', versionOf('jose'), (target) => apiOf(joseVerifier(target))],
  ['jsonwebtoken with jwks-rsa', `${versionOf('jsonwebtoken')}, ${versionOf('jwks-rsa')}`, (target) => apiOf(jwksRsaVerifier(target))],
  ['fast-jwt with get-jwks', `${versionOf('fast-jwt')}, ${versionOf('get-jwks')}`, (target) => apiOf(fastJwtVerifier(target))],
  ['express-oauth2-jwt-bearer', versionOf('express-oauth2-jwt-bearer'), async (target) => apiOf(await expressVerifier(target))],
  ['python3-jwt', debian('python3-jwt'), (target) => apiOf(pythonVerifier(target))],
  ['ruby-jwt', debian('ruby-jwt'), (target) => apiOf(rubyVerifier(target))],
  ['Apache mod_oauth2', debian('libapache2-mod-oauth2'), ({ issuer, audience }, folder) => startApache(folder, issuer, audience)],
  ['Apache mod_oauth2, verify.exp=required', debian('libapache2-mod-oauth2'), ({ issuer, audience }, folder) => startApache(folder, issuer, audience, ['verify.exp=required'])],
  ['Apache mod_auth_openidc', debian('libapache2-mod-auth-openidc'), ({ issuer, audience }, folder) => startOpenidc(folder, issuer, audience)],
]

/** What the probe finds in one verifier, with keys of one kind: by every token, or by one unusual key set. */
async function judgeOnce(make, alg, set) {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-judge-'))
  const [path, more] = set === undefined ? ['', []] : [`/sets/${set}`, ['--set', set]]
  const api = await make({ issuer: `http://127.0.0.1:${port}${path}`, audience: AUDIENCE }, folder)
  try {
    const start = Date.now()
    const child = spawn(process.execPath, [SERVER, 'probe', api.url, '--port', String(port), '--alg', alg, '--format', 'json', '--concurrency', '1', ...more], { stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk) => stdout += chunk)
    child.stderr.on('data', (chunk) => stderr += chunk)
    await once(child, 'close')
    if (stdout === '') throw new Error(stderr)
    return { findings: JSON.parse(stdout).findings, time: Date.now() - start }
  } finally {
    await api.end()
    rmSync(folder, { recursive: true })
  }
}

/** Somebody else may have taken the free port in between: then once more. */
const judge = (...given) => judgeOnce(...given).catch((error) => {
  console.error(`once more: ${error.message}`)
  return judgeOnce(...given)
})

const judged = []
for (const [name, version, make] of CANDIDATES) {
  const found = new Map()
  let time = 0
  for (const alg of ['RS256', 'ES256']) {
    const { findings, time: taken } = await judge(make, alg)
    time = Math.max(time, taken)
    // With the other kind of key a case can be possible that was skipped.
    for (const finding of findings) if (finding.verdict !== 'skipped' && (found.get(finding.name)?.verdict ?? 'ok') === 'ok') found.set(finding.name, { ...finding, alg })
  }
  const all = [...found.values()]
  const count = (verdict) => all.filter((finding) => finding.verdict === verdict).length
  console.log(`${name} ${version}: ${all.length} cases, ${count('HOLE')} holes, ${count('TOO STRICT')} too strict, ${count('CRASH')} crashes, ${count('note')} notes, ${time} ms`)
  for (const { verdict, name: what, alg } of all) if (!['ok', 'note'].includes(verdict)) console.log(`    ${verdict}: ${what} (${alg})`)
  const sets = new Map()
  for (const set of SETS) sets.set(set, (await judge(make, 'ES256', set)).findings)
  const odd = [...sets].filter(([, findings]) => findings.some(({ verdict }) => verdict !== 'ok')).map(([set]) => set)
  console.log(`    ${SETS.length} key sets, ${odd.length} of them not survived: ${odd.join(', ')}`)
  judged.push({ name, version, found, sets })
}

const cases = [...judged[0].found.values()]
const unusual = cases.filter(({ name }) => judged.some(({ found }) => (found.get(name)?.verdict ?? 'ok') !== 'ok'))
const cell = (finding) => finding === undefined ? '-' : finding.verdict === 'ok' ? '' : finding.got >= 200 && finding.got < 300 ? 'accepts' : `refuses (${finding.got})`
const table = [
  ['case', 'what', 'right', ...judged.map(({ name }) => name)],
  ['---', '---', '---', ...judged.map(() => '---')],
  ...unusual.map(({ name, what, expected, level }) => [`\`${name}\``, what, `${expected}s`.replace('refuses', 'refuse').replace('accepts', 'accept') + (level === 'should' ? ', as good practice' : ''), ...judged.map(({ found }) => cell(found.get(name)))]),
].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
const survives = ([set, stranger]) => stranger.verdict !== 'ok' ? 'accepts a stranger' : set.verdict === 'ok' ? '' : `refuses (${set.got})`
const setTable = [
  ['key set', 'what', ...judged.map(({ name }) => name)],
  ['---', '---', ...judged.map(() => '---')],
  ...SETS.map((set) => [`\`${set}\``, judged[0].sets.get(set)[0].what, ...judged.map(({ sets }) => survives(sets.get(set)))]),
].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
if (file !== undefined) {
  const text = readFileSync(file, 'utf8')
  const [head, foot] = ['<!-- made by npm run verifiers -->', '<!-- end -->']
  const versions = judged.map(({ name, version }) => `- ${name} ${version}`).join('\n')
  const made = `${head}\n\n${cases.length} cases, with keys of RS256 and of ES256.\n\n${versions}\n\n${table}\n\n${SETS.length} [key sets](cases.md#key-sets), with keys of ES256; an empty cell is right.\n\n${setTable}\n\n${foot}`
  writeFileSync(file, `${text.slice(0, text.indexOf(head))}${made}${text.slice(text.indexOf(foot) + foot.length)}`)
}
const failures = judged.filter(({ found, sets }) => found.size < 80 || sets.size < SETS.length).length
console.log(`${judged.length - failures} passed, ${failures} failed`)
process.exitCode = failures === 0 ? 0 : 1

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { mint } from './mint.js'
import { keyFile, keySetIn } from './place.js'

/**
 * The peers that do not run on Node.js, as Debian packages them.
 * @typedef {import('../peers.js').Peer} Peer
 */

const here = fileURLToPath(new URL('.', import.meta.url))
const ALL = ['RS256', 'ES256', 'EdDSA']
const PYTHON = '/usr/bin/python3'
const GOPATH = '/usr/share/gocode'

/**
 * Both streams of a program that was run to its end; undefined if it failed or is not there.
 * @param {string} file
 * @param {readonly string[]} args
 */
function outputOf(file, args) {
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8' })
  return status === 0 ? `${stdout}${stderr}`.trim() : undefined
}

/** @type {Peer} */
export const fastapi = {
  name: 'fastapi',
  missing: () => outputOf(PYTHON, ['-c', 'import fastapi, uvicorn, jwt, cryptography, uvloop, httptools']) !== undefined
    ? undefined
    : 'FastAPI, uvicorn or PyJWT is not installed (apt-get install python3-fastapi python3-uvicorn python3-uvloop' +
      ' python3-httptools python3-jwt python3-cryptography)',
  versions: () => outputOf(PYTHON, ['-c', 'import fastapi, uvicorn, jwt, platform; print(' +
    'f"fastapi {fastapi.__version__}, uvicorn {uvicorn.__version__}, PyJWT {jwt.__version__},' +
    ' Python {platform.python_version()}")']) ?? '',
  algs: ALL,
  command: (place) => ({
    file: PYTHON,
    args: [
      '-m', 'uvicorn', 'fastapi_app:app', '--app-dir', here, '--host', '127.0.0.1',
      '--port', String(place.port), '--workers', '1', '--loop', 'uvloop', '--http', 'httptools',
      '--no-access-log', '--log-level', 'warning',
    ],
    env: { PORT: String(place.port), KEY: keyFile(place), PYTHONDONTWRITEBYTECODE: '1' },
  }),
  jwksPath: '/jwks.json',
  mint,
}

const hasGoPackages = () =>
  ['gin-gonic/gin', 'golang-jwt/jwt'].every((name) => existsSync(join(GOPATH, 'src', 'github.com', name)))

/** @type {Peer} */
export const gin = {
  name: 'gin',
  missing: () => outputOf('go', ['version']) !== undefined && hasGoPackages()
    ? undefined
    : 'Go, gin or golang-jwt is not installed (apt-get install golang-go golang-github-gin-gonic-gin-dev' +
      ' golang-github-golang-jwt-jwt-dev)',
  versions() {
    const packages = ['golang-github-gin-gonic-gin-dev', 'golang-github-golang-jwt-jwt-dev']
    const [gin, jwt] = outputOf('dpkg-query', ['-W', '-f', '${Version}\n', ...packages])?.split('\n') ?? []
    return `gin ${gin}, golang-jwt ${jwt}, ${outputOf('go', ['env', 'GOVERSION'])}`
  },
  algs: ALL,
  prepare(folder) {
    const source = join(here, 'gin')
    const files = readdirSync(source).map((name) => join(source, name))
    const env = { ...process.env, GOPATH, GO111MODULE: 'off', GOFLAGS: '', GOCACHE: join(folder, 'go-cache') }
    const { status } = spawnSync('go', ['build', '-o', join(folder, 'gin'), ...files], { env, stdio: 'inherit' })
    if (status !== 0) throw new Error(`Cannot build gin: go ended with ${status}`)
  },
  command: (place) => ({
    file: join(place.folder, 'gin'), args: [], env: { PORT: String(place.port), KEY: keyFile(place) },
  }),
  jwksPath: '/jwks.json',
  mint,
}

/** Debian puts it where only root looks. */
const nginxFile = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/usr/bin/nginx'].find(existsSync) ?? 'nginx'

/** @type {Peer} */
export const nginx = {
  name: 'nginx',
  missing: () => outputOf(nginxFile, ['-v']) === undefined
    ? 'nginx is not installed (apt-get install nginx-light)'
    : undefined,
  versions: () => outputOf(nginxFile, ['-v'])?.replace('nginx version: nginx/', 'nginx ') ?? '',
  algs: [],
  command(place) {
    const config = join(place.folder, 'nginx.conf')
    const template = readFileSync(join(here, 'nginx.conf'), 'utf8')
    // The worker of a server that root starts could not read a folder of root's.
    const user = process.getuid?.() === 0 ? `user ${userInfo().username};` : ''
    const text = template.replace('USER', user).replace('PORT', String(place.port)).replaceAll('FOLDER', place.folder)
    writeFileSync(config, text)
    writeFileSync(join(place.folder, 'jwks.json'), keySetIn(place))
    return { file: nginxFile, args: ['-c', config, '-p', place.folder, '-e', 'stderr'] }
  },
  jwksPath: '/jwks.json',
}

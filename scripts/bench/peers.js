import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fastapi, gin, nginx } from './peers/debian.js'
import { mint } from './peers/mint.js'
import { keyFile, keySetIn } from './peers/place.js'

/**
 * What people use instead of jwksd, each as one program that listens on 127.0.0.1 and ends on SIGTERM.
 *
 * @typedef {{ port: number, alg: string, folder: string }} Place Its key is the private JWK in `${folder}/${alg}.json`.
 * @typedef {{ file: string, args: string[], env?: Record<string, string> }} Command `env` adds to that of the caller.
 * @typedef {object} Peer
 * @property {string} name
 * @property {() => string | undefined} missing Why it cannot run here.
 * @property {() => string} versions
 * @property {readonly string[]} algs What it mints; who mints nothing publishes the key of any algorithm all the same.
 * @property {(folder: string) => void} [prepare] Builds, once, what is started from this folder.
 * @property {(place: Place) => Command} command Writes what the program reads to the folder; tells how it is started.
 * @property {string} jwksPath
 * @property {{ path: string, headers: Record<string, string>, body: string, token: (answer: any) => string }} [mint]
 */

const here = fileURLToPath(new URL('.', import.meta.url))
const ALL = ['RS256', 'ES256', 'EdDSA']
const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

const BASIC = `Basic ${Buffer.from('alice:correct-horse-battery-staple').toString('base64')}`
const accessToken = (/** @type {any} */ answer) => answer.access_token

/**
 * A server on Node.js that is made of these packages.
 * @param {string} name
 * @param {readonly string[]} packages
 * @param {Partial<Peer>} [other]
 * @returns {Peer}
 */
function nodePeer(name, packages, other = {}) {
  const manifest = (/** @type {string} */ each) => join(here, 'node_modules', each, 'package.json')
  const versionOf = (/** @type {string} */ each) => JSON.parse(readFileSync(manifest(each), 'utf8')).version
  return {
    name,
    missing() {
      const absent = packages.filter((each) => !existsSync(manifest(each)))
      return absent.length === 0 ? undefined : `${absent.join(' and ')} not installed (npm ci in scripts/bench)`
    },
    versions: () => [...packages.map((each) => `${each} ${versionOf(each)}`), `Node.js ${process.version}`].join(', '),
    algs: ALL,
    command: (place) => ({
      file: process.execPath,
      args: [join(here, 'peers', `${name}.js`)],
      env: { PORT: String(place.port), KEY: keyFile(place), NODE_ENV: 'production' },
    }),
    jwksPath: '/jwks.json',
    mint,
    ...other,
  }
}

/**
 * One that sends what `${alg}.body` and `${alg}.headers.json` in the folder hold, say an answer of jwksd; if nobody put
 * them there, the key set under a few headers.
 * @param {string} name
 * @returns {Peer}
 */
function fixedPeer(name) {
  const { mint: _, ...rest } = nodePeer(name, [])
  return {
    ...rest,
    algs: [],
    command(place) {
      const BODY = join(place.folder, `${place.alg}.body`)
      const HEADERS = join(place.folder, `${place.alg}.headers.json`)
      if (!existsSync(BODY)) writeFileSync(BODY, keySetIn(place))
      if (!existsSync(HEADERS)) {
        writeFileSync(HEADERS, '[["content-type","application/json"],["cache-control","public, max-age=300"]]')
      }
      const { file, args, env } = rest.command(place)
      return { file, args, env: { ...env, BODY, HEADERS } }
    },
  }
}

/** @type {readonly Peer[]} */
export const peers = [
  fixedPeer('raw'),
  fixedPeer('bare'),
  nginx,
  nodePeer('jose', ['jose']),
  nodePeer('fastify', ['fastify', 'fast-jwt']),
  // jsonwebtoken knows no EdDSA.
  nodePeer('express', ['express', 'jsonwebtoken'], { algs: ['RS256', 'ES256'] }),
  nodePeer('oidc-provider', ['oidc-provider'], {
    jwksPath: '/jwks',
    mint: {
      path: '/token',
      headers: { ...FORM, authorization: BASIC },
      body: 'grant_type=client_credentials',
      token: accessToken,
    },
  }),
  nodePeer('oauth2-mock-server', ['oauth2-mock-server'], {
    jwksPath: '/jwks',
    mint: {
      path: '/token',
      headers: FORM,
      body: 'grant_type=client_credentials&client_id=alice&aud=api',
      token: accessToken,
    },
  }),
  fastapi,
  gin,
]

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createInterface } from 'node:readline'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import { createVerifier } from 'fast-jwt'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import jwksRsa from 'jwks-rsa'

/**
 * Each verifier as its own documentation sets it up, caches and cool-downs untouched. `verify` rejects a token by
 * throwing; `algs` are those that the library knows.
 */

export function joseVerifier({ issuer, audience }) {
  const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`))
  return {
    name: 'jose (createRemoteJWKSet)',
    algs: ['RS256', 'ES256', 'EdDSA'],
    verify: (token) => jwtVerify(token, keys, { issuer, audience }),
    close: async () => {},
  }
}

export function jwksRsaVerifier({ issuer, audience }) {
  const client = jwksRsa({ jwksUri: `${issuer}/.well-known/jwks.json` })
  const getKey = (header, callback) => {
    client.getSigningKey(header.kid).then((key) => callback(null, key.getPublicKey()), callback)
  }
  return {
    name: 'jwks-rsa + jsonwebtoken',
    algs: ['RS256', 'ES256'],
    verify: (token) => new Promise((resolve, reject) => {
      jsonwebtoken.verify(token, getKey, { issuer, audience }, (error, claims) => error ? reject(error) : resolve(claims))
    }),
    close: async () => {},
  }
}

export function fastJwtVerifier({ issuer, audience }) {
  const getJwks = buildGetJwks({ issuersWhitelist: [issuer] })
  const verify = createVerifier({
    key: ({ header }) => getJwks.getPublicKey({ kid: header.kid, alg: header.alg, domain: issuer }),
    allowedIss: issuer,
    allowedAud: audience,
  })
  return {
    name: 'get-jwks + fast-jwt',
    // get-jwks makes PEM out of RSA and EC keys alone.
    algs: ['RS256', 'ES256'],
    verify: (token) => verify(token),
    close: async () => {},
  }
}

export async function expressVerifier({ issuer, audience }) {
  const app = express()
  app.use(auth({ issuerBaseURL: issuer, audience }))
  app.get('/', (_request, response) => response.json({ ok: true }))
  app.use((error, _request, response, _next) => response.status(error.status ?? 500).json({ error: error.message }))
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${server.address().port}/`
  return {
    name: 'express-oauth2-jwt-bearer (discovery)',
    algs: ['RS256', 'ES256', 'EdDSA'],
    verify: async (token) => {
      const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

export function pythonVerifier(target) {
  return processVerifier('python3-jwt (PyJWKClient)', ['RS256', 'ES256', 'EdDSA'], '/usr/bin/python3', 'verify.py', target)
}

export function rubyVerifier(target) {
  return processVerifier('ruby-jwt', ['RS256', 'ES256'], 'ruby', 'verify.rb', target)
}

/** A program that answers each token, in order, with `accepted` or `refused` and why. */
function processVerifier(name, algs, command, file, { issuer, audience }) {
  const script = fileURLToPath(new URL(file, import.meta.url))
  const child = spawn(command, [script, `${issuer}/.well-known/jwks.json`, issuer, audience], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const waiting = []
  const settleAll = (line) => waiting.splice(0).forEach((settle) => settle(line))
  createInterface({ input: child.stdout }).on('line', (line) => waiting.shift()?.(line))
  child.on('error', (error) => settleAll(`gone ${error.message}`))
  child.on('exit', (code) => settleAll(`gone with exit code ${code}`))
  return {
    name,
    algs,
    verify: async (token) => {
      const line = await new Promise((resolve) => {
        waiting.push(resolve)
        child.stdin.write(`${token}\n`)
      })
      if (line !== 'accepted') throw new Error(line)
    },
    close: async () => {
      child.stdin.end()
    },
  }
}

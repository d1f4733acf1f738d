import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RunningApp, startApp } from '../support/app.ts'

async function withApp(args: readonly string[], use: (server: RunningApp) => Promise<void>): Promise<void> {
  const server = await startApp(...args)
  try {
    await use(server)
  } finally {
    await server.close()
  }
}

async function members(url: string): Promise<Record<string, unknown>> {
  const response = await fetch(url)
  assert.equal(response.status, 200, url)
  assert.equal(response.headers.get('content-type'), 'application/json')
  assert.equal(response.headers.get('access-control-allow-origin'), '*')
  return await response.json() as Record<string, unknown>
}

describe('the metadata documents', () => {
  const twoAlgs = ['--alg', 'ES256,RS256']
  it('C16 name what is mounted and the algorithms that are in the ring', () => withApp(twoAlgs, async ({ url }) => {
    for (const name of ['openid-configuration', 'oauth-authorization-server']) {
      const document = await members(`${url}/.well-known/${name}`)
      assert.deepEqual(document, {
        issuer: url,
        jwks_uri: `${url}/.well-known/jwks.json`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['ES256', 'RS256'],
      })
      assert.equal((await fetch(String(document['jwks_uri']))).status, 200)
    }
  }))

  const tenant = ['--issuer', 'https://example.test/tenant']
  it('C16 are found below and before the path of an issuer', () => withApp(tenant, async ({ url }) => {
    const places = [
      '/tenant/.well-known/openid-configuration',
      '/.well-known/openid-configuration/tenant',
      '/.well-known/oauth-authorization-server/tenant',
      '/.well-known/openid-configuration',
    ]
    for (const place of places) {
      const document = await members(`${url}${place}`)
      assert.equal(document['issuer'], 'https://example.test/tenant')
      assert.equal(document['jwks_uri'], 'https://example.test/tenant/.well-known/jwks.json')
    }
    assert.equal((await fetch(`${url}/tenant/.well-known/jwks.json`)).status, 200)
  }))

  const slash = ['--issuer', 'https://example.test/']
  it('keep the trailing slash of an issuer, and join their links with one', () => withApp(slash, async ({ url }) => {
    const document = await members(`${url}/.well-known/openid-configuration`)
    assert.equal(document['issuer'], 'https://example.test/')
    assert.equal(document['jwks_uri'], 'https://example.test/.well-known/jwks.json')
  }))

  it('D11 do not change with any header of a request', () => withApp([], async ({ url }) => {
    const plain = await (await fetch(`${url}/.well-known/openid-configuration`)).text()
    const names = ['x-forwarded-host', 'x-forwarded-proto', 'forwarded', 'x-original-url', 'x-host', 'x-rewrite-url']
    for (const name of names) {
      const response = await fetch(`${url}/.well-known/openid-configuration`, { headers: { [name]: 'evil.example' } })
      assert.equal(await response.text(), plain, name)
    }
  }))

  it('answer 304 to a client that has them', () => withApp([], async ({ url }) => {
    const etag = (await fetch(`${url}/.well-known/openid-configuration`)).headers.get('etag') ?? ''
    const again = await fetch(`${url}/.well-known/openid-configuration`, { headers: { 'if-none-match': etag } })
    assert.equal(again.status, 304)
  }))
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RunningApp, startApp } from '../support/app.ts'
import { exchange } from '../support/raw-socket.ts'

const PUBLIC_ADDRESS = ['--host', '0.0.0.0', '--issuer', 'https://issuer.example']

async function mintWith(server: RunningApp, host: string, more = ''): Promise<number | undefined> {
  const head = `POST /auth HTTP/1.1\r\nHost: ${host}\r\n${more}Content-Length: 0\r\nConnection: close\r\n\r\n`
  const { statuses } = await exchange(server.port, head)
  return statuses[0]
}

describe('who may mint at /auth', () => {
  it('D6 this machine may, by its own names and that of the issuer; a rebound name may not', async () => {
    const server = await startApp('--alg', 'ES256', '--issuer', 'https://issuer.example', '--open-auth')
    const right = ['localhost', '127.0.0.1:8080', '[::1]', 'app.localhost', 'issuer.example', 'ISSUER.example']
    const wrong = ['evil.example', 'issuer.example.evil', '127.0.0.1.evil.example', '0.0.0.0', 'issuer.example:81']
    for (const host of right) assert.equal(await mintWith(server, host), 200, host)
    for (const host of wrong) assert.equal(await mintWith(server, host), 421, host)
    await server.close()
  })

  for (const issuer of ['https://issuer.example', 'https://localhost.example', 'https://10.0.0.1']) {
    it(`nobody may once ${issuer} is the issuer, although the address is a loopback one`, async () => {
      const server = await startApp('--alg', 'ES256', '--issuer', issuer)
      for (const host of ['localhost', new URL(issuer).host]) assert.equal(await mintWith(server, host), 404, host)
      for (const path of ['/auth/cases', '/auth/stranger-jwks.json']) {
        assert.equal((await fetch(`${server.url}${path}`)).status, 404, path)
      }
      await server.close()
    })
  }

  it('this machine may where the issuer is one of its names', async () => {
    for (const issuer of ['http://localhost:3000', 'http://127.1.2.3', 'http://[::1]:80/x', 'https://app.localhost']) {
      const server = await startApp('--alg', 'ES256', '--issuer', issuer)
      assert.equal(await mintWith(server, 'localhost'), 200, issuer)
      await server.close()
    }
  })

  it('D6 a page of a foreign origin may not, even under a name of this machine', async () => {
    const server = await startApp('--alg', 'ES256')
    const here = `localhost:${server.port}`
    const foreign = [
      'http://localhost', 'http://localhost:1', `http://127.0.0.1:${server.port}`, `http://app.${here}`, 'null',
      `http://${here}/`, `http://${here} http://evil.example`, `ftp://${here}`, `http://evil@${here}`, 'https://evil.example',
    ]
    for (const origin of foreign) assert.equal(await mintWith(server, here, `Origin: ${origin}\r\n`), 403, origin)
    await server.close()
  })

  it('D6 the page that this server serves may, under the names of this machine and of the issuer alone', async () => {
    const open = [...PUBLIC_ADDRESS, '--open-auth']
    for (const args of [['--issuer', 'https://issuer.example', '--open-auth'], open]) {
      const server = await startApp('--alg', 'ES256', ...args)
      const own = async (scheme: string, host: string): Promise<number | undefined> =>
        await mintWith(server, host, `Origin: ${scheme}://${host}\r\n`)
      for (const host of [`localhost:${server.port}`, `127.0.0.1:${server.port}`, `[::1]:${server.port}`]) {
        assert.equal(await own('http', host), 200, host)
      }
      assert.equal(await own('https', 'issuer.example'), 200)
      assert.equal(await own('http', 'issuer.example'), 403, 'anyone on the way could have written that page')
      assert.equal(await mintWith(server, `localhost:${server.port}`, 'Origin: https://issuer.example\r\n'), 403)
      // Rebound to this machine: the page of the attacker has the origin of its own host.
      for (const host of ['evil.example', `evil.example:${server.port}`, '127.0.0.1.evil.example']) {
        assert.equal(await own('http', host), 403, host)
      }
      await server.close()
    }
  })

  it('nobody may on a public address: the path does not exist', async () => {
    const server = await startApp('--alg', 'ES256', ...PUBLIC_ADDRESS)
    assert.equal(await mintWith(server, 'localhost'), 404)
    assert.equal((await fetch(`http://127.0.0.1:${server.port}/jwks.json`)).status, 200)
    await server.close()
  })

  it('anyone may on a public address that was opened in so many words', async () => {
    const server = await startApp('--alg', 'ES256', ...PUBLIC_ADDRESS, '--open-auth')
    assert.equal(await mintWith(server, 'any.example'), 200)
    assert.equal(await mintWith(server, 'any.example', 'Origin: http://evil.example\r\n'), 403)
    await server.close()
  })
})

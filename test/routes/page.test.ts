import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { markup } from '../../src/web/markup.ts'
import { pageHtml } from '../../src/web/page.ts'
import type { KeyView, PageView } from '../../src/web/view.ts'
import { filesBelow, root } from '../../scripts/setup.js'
import { readFileSync, statSync } from 'node:fs'
import { type RunningApp, startApp } from '../support/app.ts'

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
const MAX_PAGE_BYTES = 60_000

interface State {
  readonly now: number
  readonly keys: readonly KeyView[]
}

let server: RunningApp
before(async () => {
  server = await startApp('--alg', 'ES256,RS256', '--preset', 'fast', '--audience', 'api,other')
})
after(() => server.close())

async function text(path: string): Promise<string> {
  const response = await fetch(`${server.url}${path}`)
  assert.equal(response.status, 200, path)
  return await response.text()
}

async function state(): Promise<State> {
  return JSON.parse(await text('/page/state.json')) as State
}

/** The paths that the page asks for. */
async function references(): Promise<readonly string[]> {
  return [...(await text('/')).matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, target = '']) => target)
}

describe('GET /', () => {
  it('is HTML under a policy that allows its own files alone, and no cache keeps it', async () => {
    const { headers } = await fetch(`${server.url}/`)
    assert.equal(headers.get('content-type'), 'text/html; charset=utf-8')
    assert.equal(headers.get('content-security-policy'), POLICY)
    assert.equal(headers.get('cache-control'), 'no-store')
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
    assert.equal(headers.get('access-control-allow-origin'), null)
  })

  it('shows the four values of a verifier', async () => {
    const html = await text('/')
    for (const value of [server.url, `${server.url}/.well-known/jwks.json`, 'api, other', 'ES256, RS256']) {
      assert.ok(html.includes(` value="${value}"`), value)
    }
  })

  it('has nothing inline, and names its files by relative paths that exist', async () => {
    const html = await text('/')
    assert.doesNotMatch(html, /<style|style=| on\w+=|<script(?![^>]* src=)[^>]*>/)
    const targets = await references()
    assert.ok(targets.length > 0)
    for (const target of targets) {
      assert.match(target, /^page\/[a-z-]+\.(?:css|js|svg)$/)
      const { status, headers } = await fetch(`${server.url}/${target}`)
      assert.deepEqual([status, headers.get('content-security-policy')], [200, POLICY])
    }
  })

  it('serves every file that a file of its own imports, and calls nothing else', async () => {
    const code = await Promise.all(filesBelow(`${root}src/web/page`).filter((path) => path.endsWith('.js')).map(async (path) =>
      await text(`/page/${path.replace(/.*[/\\]/, '')}`)))
    const imported = code.flatMap((file) => [...file.matchAll(/^import .* from '(.*)'$/gm)].map(([, target = '']) => target))
    for (const target of imported) assert.equal(typeof await text(`/page/${target.replace('./', '')}`), 'string', target)
    const asked = code.flatMap((file) => [...file.matchAll(/fetch\(([^,)]*)/g)].map(([, target]) => target))
    assert.deepEqual(asked.toSorted(), ["'auth/cases'", "'page/state.json'", 'path'])
    assert.doesNotMatch(code.join(''), /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/)
  })

  it('is smaller than 60 kB with all of its files', async () => {
    const files = filesBelow(`${root}src/web/page`).filter((path) => /\.(?:js|css|svg|html)$/.test(path))
    const size = files.reduce((sum, path) => sum + statSync(path).size, Buffer.byteLength(await text('/')))
    assert.ok(size < MAX_PAGE_BYTES, String(size))
  })

  it('draws a bar for each key, with now and the next promotion', async () => {
    await server.pass(5)
    const html = await text('/')
    for (const { jwk: { kid } } of (await state()).keys) {
      assert.equal(html.split(`data-kid="${kid}"`).length, 4, 'a bar, its label, and an entry in the list')
    }
    for (const name of ['now', 'promotion', 'bar active', 'bar active planned', 'bar standby planned']) {
      assert.ok(html.includes(`class="${name}"`), name)
    }
  })

  it('answers 405 to other methods, and HEAD like GET', async () => {
    assert.equal((await fetch(`${server.url}/`, { method: 'POST' })).status, 405)
    const { status, headers } = await fetch(`${server.url}/`, { method: 'HEAD' })
    assert.deepEqual([status, headers.get('content-security-policy')], [200, POLICY])
  })
})

describe('GET /page/state.json', () => {
  it('has public halves, states and times, and nothing else; no cache keeps it', async () => {
    const response = await fetch(`${server.url}/page/state.json`)
    assert.equal(response.headers.get('cache-control'), 'no-store')
    assert.equal(response.headers.get('access-control-allow-origin'), null)
    const { keys, ...rest } = await response.json() as State
    assert.deepEqual(Object.keys(rest), ['now', 'past', 'ahead'])
    const published = JSON.parse(await text('/jwks.json')) as { keys: readonly unknown[] }
    assert.deepEqual(keys.map(({ jwk }) => jwk).toSorted(byKid), [...published.keys as KeyView['jwk'][]].toSorted(byKid))
    const members = new Set(keys.flatMap((key) => Object.keys(key)))
    const known = ['jwk', 'state', 'published_at', 'active_from', 'active_to', 'removed_at']
    assert.deepEqual([...members].filter((member) => !known.includes(member)), [])
  })

  it('follows a key from standby through active and retired until it is removed, as planned', async () => {
    const standby = (await state()).keys.find((key) => key.state === 'standby' && key.jwk.alg === 'ES256')
    assert.ok(standby?.active_from !== undefined && standby.active_to !== undefined && standby.removed_at !== undefined)
    const later = async (moment: number): Promise<KeyView | undefined> => {
      await server.pass(moment + 0.5 - server.now())
      return (await state()).keys.find(({ jwk }) => jwk.kid === standby.jwk.kid)
    }
    const active = await later(standby.active_from)
    assert.deepEqual([active?.state, active?.active_from], ['active', standby.active_from])
    const retired = await later(standby.active_to)
    assert.deepEqual([retired?.state, retired?.active_to], ['retired', standby.active_to])
    const removed = await later(standby.removed_at)
    assert.deepEqual([removed?.state, removed?.removed_at], ['removed', standby.removed_at])
    assert.equal(await later(standby.removed_at + 60), undefined, 'beyond the left edge')
  })
})

function byKid({ kid }: { readonly kid: string }, other: { readonly kid: string }): number {
  return kid < other.kid ? -1 : 1
}

describe('markup()', () => {
  it('lets no text end an element or an attribute', () => {
    const hostile = `"'><script>alert(1)</script>&`
    const written = '&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;&amp;'
    assert.equal(markup(['p', { title: hostile }, hostile]), `<p title="${written}">${written}</p>`)
  })

  it('escapes every value of the page', () => {
    const hostile = '"><img src=x>'
    const key: KeyView = { jwk: { kid: hostile, alg: hostile, kty: hostile }, state: 'active', published_at: 0 }
    const view: PageView = {
      issuer: hostile, jwksUri: hostile, audiences: [hostile], algs: [hostile], canMint: true, ttl: 1, maxTtl: 2,
      longest: 2, now: 1, past: 1, ahead: 1, keys: [key],
    }
    const template = readFileSync(`${root}src/web/page/index.html`, 'utf8')
    assert.doesNotMatch(pageHtml(template, view), /<img/)
  })
})

describe('where the page is', () => {
  const PUBLIC = ['--alg', 'ES256', '--issuer', 'https://issuer.example']

  it('is not where /auth is not, unless --page asks for it; then without a form that mints', async () => {
    const plain = await startApp(...PUBLIC)
    for (const path of ['/', '/page/state.json', '/page/page.css']) {
      assert.equal((await fetch(`${plain.url}${path}`)).status, 404, path)
    }
    await plain.close()
    const asked = await startApp(...PUBLIC, '--page')
    const html = await (await fetch(`${asked.url}/`)).text()
    assert.match(html, /value="https:\/\/issuer\.example\/\.well-known\/jwks\.json"/)
    assert.doesNotMatch(html, /id="mint"/)
    assert.equal((await fetch(`${asked.url}/auth`, { method: 'POST' })).status, 404)
    await asked.close()
  })
})

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Checks, same } from '../clients/checks.js'
import { startServer } from '../front/servers.js'
import { root } from '../../scripts/setup.js'
import { startBrowser } from './driver.js'

/**
 * The page in a real Chromium: a rotation is watched, tokens are minted and checked, a hostile token is harmless, no
 * request holds a part of a token, axe-core finds nothing. `--pictures FOLDER` keeps pictures of both themes and three
 * widths, `--docs` makes those of the documentation.
 */

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const WIDTHS = [360, 768, 1920]
const THEMES = ['light', 'dark']
/** A whole rotation in half a minute. */
const FAST = ['--preset', 'fast', '--rotation-interval', '20s']
const ALGS = ['RS256', 'PS256', 'ES256', 'Ed25519']

const pictures = process.argv.includes('--pictures') ? process.argv[process.argv.indexOf('--pictures') + 1] : undefined
const checks = new Checks()
const that = (what, check) => checks.that('page', what, check)
const browser = await startBrowser()
const { run, until, click } = browser
const text = (css) => run('return document.querySelector(arguments[0])?.textContent', css)
const verdict = () => text('#checked .verdict')

/** Puts a text into a field as a person pastes it, and checks it. */
async function paste(token) {
  await run('document.getElementById("token").value = arguments[0]; document.getElementById("checked").replaceChildren()', token)
  await click('#check-form button')
  await until('document.querySelector("#checked .verdict, #checked .note")')
}

async function mint(alg, name = '') {
  await run('document.getElementById("alg").value = arguments[0]; document.getElementById("case").value = arguments[1]', alg, name)
  await run('document.getElementById("minted").replaceChildren()')
  await click('#mint-form button')
  await until('document.querySelector("#minted pre, #minted .verdict")')
  return text('#minted-token')
}

/** All that Chromium asked for since the last call: URLs, headers and bodies. */
async function requests() {
  const entries = (await browser.log('performance')).map(({ message }) => JSON.parse(message).message)
  return entries.filter(({ method }) => method.startsWith('Network.') && !method.startsWith('Network.response'))
    .map(({ params }) => JSON.stringify(params))
}

async function noMessages() {
  const messages = (await browser.log('browser')).filter(({ level }) => level !== 'INFO').map(({ message }) => message)
  same(messages.join('; '), '', 'console')
}

const state = async (url) => (await fetch(`${url}/page/state.json`)).json()

async function watchRotation() {
  const server = await startServer(['--port', '0', '--alg', 'ES256', ...FAST])
  const url = `http://127.0.0.1:${server.port}`
  await browser.open(`${url}/`)
  await until('document.querySelector(".copy") && document.querySelectorAll("#keys details").length > 1')
  await that('shows the four values that the metadata has', async () => {
    const metadata = await (await fetch(`${url}/.well-known/openid-configuration`)).json()
    const shown = await run('return ["issuer", "jwks-uri", "audience", "algorithms"].map((id) => document.getElementById(id).value)')
    same(shown.join(' '), [metadata.issuer, metadata.jwks_uri, 'api', metadata.id_token_signing_alg_values_supported].join(' '))
  })
  await that('copies a value', async () => {
    await browser.cdp('Browser.grantPermissions', { origin: url, permissions: ['clipboardReadWrite', 'clipboardSanitizedWrite'] })
    await click('[data-copy="jwks-uri"] .copy')
    await until('document.querySelector("[data-copy=jwks-uri] .copy").textContent === "Copied"')
    const copied = await browser.runAsync('navigator.clipboard.readText().then(arguments[0], (e) => arguments[0](String(e)))')
    same(copied, `${url}/.well-known/jwks.json`, 'clipboard')
  })
  await that('opens the details of a key whose bar is clicked', async () => {
    await run('document.querySelector("#timeline .key .bar").dispatchEvent(new MouseEvent("click", { bubbles: true }))')
    await until('document.querySelector("#keys details[open] pre").textContent.includes("\\"kty\\"")')
  })
  await that('moves: the first bar has gone to the left after two seconds', async () => {
    const left = () => run('return Number.parseFloat(document.querySelector("#timeline .bar").getAttribute("x"))')
    const before = await left()
    await until(`Number.parseFloat(document.querySelector("#timeline .bar").getAttribute("x")) < ${before - 1}`, 10_000)
  })
  await that('shows a standby key become active and the active one retired, without being loaded again', async () => {
    const standby = (await state(url)).keys.find((key) => key.state === 'standby').jwk.kid
    await run('window.isSameLoad = true')
    const is = (name) => `document.querySelector('#keys details[data-kid="${standby}"] .dot')?.classList.contains("${name}")`
    await until(is('standby'))
    await until(`${is('active')} && document.querySelector("#keys .dot.retired") && window.isSameLoad`, 40_000)
    await until(is('retired'), 40_000)
  })
  await that('keeps details open while the list changes', () => until('document.querySelector("#keys details[open]")'))
  await that('logs nothing to the console', noMessages)
  await server.end()
  await that('says so when the server is gone', () =>
    until('document.getElementById("status").textContent.includes("does not answer")', 20_000))
  await browser.log('browser')
}

async function mintAndCheck(url) {
  await browser.open(`${url}/`)
  await until('document.querySelectorAll("#case option").length > 80')
  for (const alg of ALGS) {
    await that(`mints a token under ${alg}, decodes it and verifies it`, async () => {
      const token = await mint(alg)
      same(JSON.parse(Buffer.from(token.split('.')[0], 'base64url')).alg, alg)
      await click('#use-token')
      await until('document.querySelector("#checked .verdict")')
      same(await verdict(), 'A verifier with these values accepts this token.')
    })
  }
  for (const [name, words] of [['expired', 'expired 1 h ago'], ['key-unknown', 'No published key'], ['alg-none', 'alone']]) {
    await that(`refuses the case ${name} and says why`, async () => {
      await paste(await mint('RS256', name))
      if (!(await verdict()).includes(words)) throw new Error(await verdict())
    })
  }
  await that('gives a curl command that works as it stands', async () => {
    await run('document.getElementById("sub").value = "o\'brien"')
    await mint('ES256')
    const command = await text('#minted-curl')
    const { execFileSync } = await import('node:child_process')
    const { token } = JSON.parse(execFileSync('sh', ['-c', `${command} -s`], { encoding: 'utf8' }))
    same(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).sub, "o'brien")
  })
  await that('shows what the server refuses', async () => {
    await run('document.getElementById("scope").value = "a  b"')
    await mint('RS256')
    if (!(await text('#minted')).includes('scope')) throw new Error(await text('#minted'))
    await run('document.getElementById("scope").value = ""')
  })
}

async function hostile(url) {
  const mark = '<img src=x onerror=document.title="taken"><script>document.title="taken"</script>'
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify({ 'sub': mark, 'aud': [mark], 'scope': 'x', '</pre><img src=x>': mark, 'html': mark })
  const { token } = await (await fetch(`${url}/auth`, { method: 'POST', headers, body })).json()
  const [, claims, signature] = token.split('.')
  const forged = (header) => `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${claims}.${signature}`
  await that('reads no markup in the claims or the header of a token', async () => {
    for (const bad of [token, forged({ alg: mark, kid: mark, typ: mark }), forged({ alg: 'RS256', kid: { toString: mark } }), mark]) {
      await paste(bad)
      same(await run('return document.querySelectorAll("#checked img, #checked script").length'), 0, 'elements')
      same(await run('return document.title.startsWith("jwksd")'), true, 'title')
    }
    await paste(token)
    if (!(await text('#checked')).includes('<img src=x onerror=')) throw new Error('the claims are not shown')
  })
}

async function nothingLeaves(url) {
  await that('no request after a paste holds a part of the token', async () => {
    const answer = await fetch(`${url}/auth`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"sub":"a secret subject"}' })
    const { token } = await answer.json()
    await requests()
    await browser.type('#token', '')
    await browser.clear('#token')
    await browser.type('#token', token)
    await click('#check-form button')
    await until('document.querySelector("#checked .verdict.good")')
    await run('document.querySelectorAll("#checked pre").forEach((pre) => pre.click())')
    // So long that the timeline asks again.
    await new Promise((resolve) => setTimeout(resolve, 12_000))
    const sent = await requests()
    if (!sent.some((request) => request.includes('/page/state.json'))) throw new Error('no request was seen')
    const parts = [...token.split('.').flatMap((part) => part.match(/.{12}/g)), 'secret subject', 'secret%20subject']
    const held = parts.filter((part) => sent.some((request) => request.includes(part)))
    same(held.join(' '), '', 'parts')
    return `${sent.length} records of requests`
  })
}

async function withoutSecureContext(port) {
  await browser.open(`http://insecure.example:${port}/`)
  await until('document.querySelector(".copy")')
  await that('says in a sentence that it cannot verify without a secure context', async () => {
    await paste('a.b.c')
    if (!(await verdict()).includes('https')) throw new Error(await verdict())
  })
  await that('selects what it cannot copy', async () => {
    await click('[data-copy="issuer"] .copy')
    await until('document.querySelector("[data-copy=issuer] .copy").textContent.startsWith("Selected")')
    same(await run('const { selectionStart, selectionEnd, value } = document.activeElement; return value.slice(selectionStart, selectionEnd)'),
      await run('return document.getElementById("issuer").value'), 'selection')
  })
  await that('mints nothing for a page of a foreign name', async () => {
    await mint('RS256')
    same(await text('#minted-token'), null, 'token')
  })
  await browser.log('browser')
}

async function looks(url) {
  await browser.open(`${url}/`)
  await until('document.querySelectorAll("#case option").length > 80')
  for (const theme of THEMES) {
    for (const width of WIDTHS) {
      await browser.look(width, theme)
      await paste(await mint('ES256', 'expired'))
      await run('document.querySelectorAll("details").forEach((details) => details.open = true)')
      await that(`has no violation for axe-core, ${theme}, ${width} pixels`, async () => {
        await run(AXE)
        const { violations } = await browser.runAsync('axe.run().then(arguments[0])')
        same(violations.map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target).join(', ')}`).join('; '), '')
      })
      await that(`fits ${width} pixels, ${theme}`, async () =>
        same(await run('return document.documentElement.scrollWidth <= innerWidth'), true))
      await run('document.querySelectorAll("details").forEach((details) => details.open = false)')
      await keep(`${theme}-${width}.png`, width)
    }
  }
}

async function withoutJavaScript(url) {
  const plain = await startBrowser({ prefs: { 'profile.managed_default_content_settings.javascript': 2 } })
  await plain.look(768, 'light')
  await plain.open(`${url}/`)
  await that('shows values and timeline without JavaScript, and no form that needs it', async () => {
    same(await plain.run('return document.querySelector(".copy") === null && document.querySelector("noscript p") !== null'), true, 'page')
    same(await plain.run('return document.getElementById("issuer").value'), url, 'issuer')
    same(await plain.run('return document.querySelectorAll("#timeline .bar").length > 0'), true, 'timeline')
    same(await plain.run('return document.getElementById("check").checkVisibility()'), false, 'form')
  })
  if (pictures !== undefined) writeFileSync(join(pictures, 'plain-768.png'), await plain.picture(768))
  await plain.end()
}

/** The pictures in docs: a ring of one algorithm in the middle of a rotation, in both themes. */
async function docsPictures() {
  const server = await startServer(['--port', '0', '--issuer', 'http://127.0.0.1:8080', '--alg', 'ES256', ...FAST])
  await browser.open(`http://127.0.0.1:${server.port}/`)
  await until('document.querySelector("#keys .dot.retired")', 60_000)
  for (const theme of THEMES) {
    await browser.look(720, theme)
    const height = await run('return document.getElementById("keys").getBoundingClientRect().top - 4')
    writeFileSync(join(root, 'docs', 'images', `page-${theme}.png`), await browser.picture(720, height))
  }
  await server.end()
}

async function keep(name, width, height) {
  if (pictures === undefined) return
  mkdirSync(pictures, { recursive: true })
  writeFileSync(join(pictures, name), await browser.picture(width, height))
}

await watchRotation()
const server = await startServer(['--port', '0', '--alg', ALGS.join(','), '--preset', 'fast'])
const url = `http://127.0.0.1:${server.port}`
await mintAndCheck(url)
await hostile(url)
await nothingLeaves(url)
await looks(url)
await withoutSecureContext(server.port)
await withoutJavaScript(url)
await server.end()
if (process.argv.includes('--docs')) await docsPictures()
await browser.end()
console.log(`${checks.passed} passed, ${checks.failed} failed`)
process.exitCode = checks.failed === 0 ? 0 : 1

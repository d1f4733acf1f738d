import { decoded } from './check.js'
import { addCopyButtons } from './copy.js'
import { byId, fill, nodeOf, valueOf } from './dom.js'
import { parse } from './jws.js'

/**
 * The form that asks `/auth` for a token.
 * @typedef {import('../view.ts').Tree} Tree
 */

/** Opens the form, if the server mints here. */
export function openMint() {
  const section = document.getElementById('mint')
  if (section === null) return
  section.hidden = false
  void listCases()
  byId('mint-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    void mint()
  })
}

async function listCases() {
  const answer = await fetch('auth/cases')
  /** @type {readonly { readonly name: string, readonly what: string, readonly expected: string }[]} */
  const cases = (await answer.json()).cases
  const groups = [['to refuse', 'refuse'], ['to accept', 'accept']].map(([label, wanted]) =>
    nodeOf(['optgroup', { label }, ...cases.filter(({ expected }) => expected === wanted)
      .map(({ name, what }) => /** @type {const} */ (['option', { value: name }, `${name}: ${what}`]))]))
  byId('case', HTMLSelectElement).append(...groups)
}

async function mint() {
  const [path, body] = request()
  const shown = byId('minted', HTMLElement)
  const headers = { 'content-type': 'application/json' }
  try {
    const answer = await fetch(path, { method: 'POST', body, headers })
    const content = await answer.json()
    if (answer.status !== 200) return fill(shown, ['p', { class: 'verdict bad' }, `Refused: ${content.detail}`])
    fill(shown, ...minted(content, path, body))
    addCopyButtons()
    byId('use-token', HTMLButtonElement).addEventListener('click', () => use(content.token))
  } catch {
    fill(shown, ['p', { class: 'verdict bad' }, 'The server does not answer.'])
  }
}

/** @returns {readonly [path: string, body: string]} */
function request() {
  const [sub, aud, scope, ttl, alg, name] = ['sub', 'aud', 'scope', 'ttl', 'alg', 'case'].map(valueOf)
  const audiences = (aud ?? '').split(/[\s,]+/).filter((audience) => audience !== '')
  const members = {
    sub: sub || undefined, scope: scope || undefined, alg, ttl: ttl ? Number(ttl) : undefined,
    aud: audiences.length > 1 ? audiences : audiences[0],
  }
  return [`auth${name ? `?case=${encodeURIComponent(name)}` : ''}`, JSON.stringify(members)]
}

/**
 * @param {Readonly<Record<'token', string>> & Partial<Readonly<Record<'what' | 'rule' | 'expected', string>>>} answer
 * @param {string} path
 * @param {string} body
 * @returns {Tree[]}
 */
function minted({ token, what, rule, expected }, path, body) {
  const jws = parse(token)
  /** @type {Tree[]} */
  const about = what === undefined ? [] : [['p', {}, `${what} (${rule}); an API must ${expected} it.`]]
  return [
    ...about,
    ...copyable('minted-token', 'Token', token),
    ...copyable('minted-curl', 'The same with curl', curl(path, body)),
    ['p', {}, ['button', { id: 'use-token', type: 'button' }, 'Check this token below']],
    ...typeof jws === 'string' ? [] : decoded(jws),
  ]
}

/**
 * @param {string} id
 * @param {string} label
 * @param {string} text
 * @returns {Tree[]}
 */
function copyable(id, label, text) {
  return [['h3', {}, label], ['div', { class: 'row', 'data-copy': id },
    ['pre', { id, class: 'wrap', tabindex: 0, role: 'group', 'aria-label': label }, text]]]
}

/**
 * The command that asks for the same; a shell reads nothing in single quotes.
 * @param {string} path
 * @param {string} body
 */
function curl(path, body) {
  /** @param {string} text */
  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`
  return `curl -H 'Content-Type: application/json' -d ${quoted(body)} ${quoted(new URL(path, location.href).href)}`
}

/** @param {string} token */
function use(token) {
  byId('token', HTMLTextAreaElement).value = token
  byId('check-form', HTMLFormElement).requestSubmit()
  byId('check', HTMLElement).scrollIntoView()
}

import { byId, fill, valueOf } from './dom.js'
import { judge } from './judge.js'

/**
 * The form that checks a token.
 * @typedef {import('../view.ts').RingView} RingView
 * @typedef {import('../view.ts').Tree} Tree
 * @typedef {import('./judge.js').Finding} Finding
 */

/**
 * Opens the form; `view` answers the keys and the time of the server.
 * @param {() => Promise<RingView>} view
 */
export function openCheck(view) {
  byId('check', HTMLElement).hidden = false
  byId('check-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault()
    void check(view)
  })
}

const NOT_SECURE = 'This page cannot verify signatures: the browser took it from an address without https. ' +
  'Open it by https, or at localhost.'

/** @param {() => Promise<RingView>} view */
async function check(view) {
  const shown = byId('checked', HTMLElement)
  const token = valueOf('token').replace(/^Bearer\s+/i, '')
  if (globalThis.crypto?.subtle === undefined) return fill(shown, ['p', { class: 'verdict bad' }, NOT_SECURE])
  if (token === '') return fill(shown, ['p', { class: 'note' }, 'Paste a token first.'])
  try {
    fill(shown, ...judged(await judge(token, wantedOf(await view()))))
  } catch {
    fill(shown, ['p', { class: 'verdict bad' }, 'The server does not answer, so that its keys are not known.'])
  }
}

/**
 * @param {RingView} view
 * @returns {import('./judge.js').Wanted}
 */
function wantedOf({ now, keys }) {
  const longest = Number(byId('page', HTMLElement).dataset['longest'])
  const all = keys.map(({ jwk, state }) => ({ jwk: { ...jwk }, isPublished: state !== 'removed' }))
  const published = all.filter(({ isPublished }) => isPublished).map(({ jwk }) => jwk)
  const removed = all.filter(({ isPublished }) => !isPublished).map(({ jwk }) => jwk.kid)
  return { issuer: valueOf('issuer'), audience: valueOf('wanted'), now, longest, keys: published, removed }
}

/**
 * @param {Awaited<ReturnType<typeof judge>>} result
 * @returns {Tree[]}
 */
function judged(result) {
  return [verdict(result.findings), list(result.findings), ...decoded(result)]
}

/** @param {readonly Finding[]} findings @returns {Tree} */
function verdict(findings) {
  const first = findings.find(({ good }) => good === false)
  return first === undefined
    ? ['p', { class: 'verdict good' }, 'A verifier with these values accepts this token.']
    : ['p', { class: 'verdict bad' }, `A verifier must refuse this token. ${first.words}`]
}

/** @param {readonly Finding[]} findings @returns {Tree} */
function list(findings) {
  return ['ul', { class: 'findings' }, ...findings.map(({ good, words }) => {
    const [name, sign] = good === undefined ? ['note', '· '] : good ? ['good', '✓ '] : ['bad', '✗ ']
    return /** @type {const} */ (['li', { class: name }, sign, words])
  })]
}

/**
 * Header and claims as JSON.
 * @param {{ readonly header?: object | undefined, readonly claims?: object | undefined }} parts
 * @returns {Tree[]}
 */
export function decoded({ header, claims }) {
  /** @type {readonly (readonly [string, object | undefined])[]} */
  const parts = [['Header', header], ['Claims', claims]]
  return parts.flatMap(([name, part]) => part === undefined ? [] : [
    ['h3', {}, name],
    ['pre', { class: 'wrap', tabindex: 0, role: 'group', 'aria-label': name }, JSON.stringify(part, undefined, 2)],
  ])
}

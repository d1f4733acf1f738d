import { utc } from './words.js'

/**
 * The list of keys as a tree, and their order.
 * @typedef {import('../view.ts').KeyView} KeyView
 * @typedef {import('../view.ts').Tree} Tree
 */

/** @type {ReadonlyMap<KeyView['state'], string>} */
const MEANING = new Map([
  ['standby', 'published, does not sign yet'], ['active', 'signs'],
  ['retired', 'published, signs no more'], ['removed', 'no longer published'],
])

/** @type {typeof import('./keys.d.ts').inOrder} */
export function inOrder({ keys, now, past }) {
  const lines = [...new Set(keys.map(({ jwk: { alg } }) => alg))].toSorted()
  /** @param {KeyView} key */
  const rank = ({ jwk: { alg }, published_at: at = now }) => lines.indexOf(alg) * 1e12 + at
  return keys.filter(({ removed_at: end = Infinity }) => end > now - past)
    .toSorted((one, other) => rank(one) - rank(other))
}

/** @type {typeof import('./keys.d.ts').keyList} */
export function keyList(view) {
  return ['div', { class: 'keys' }, ...inOrder(view).map((key) => details(key, view.now))]
}

/**
 * @param {KeyView} key
 * @param {number} now
 * @returns {Tree}
 */
function details(key, now) {
  const { jwk, state, published_at: published, active_from: from, active_to: to, removed_at: end } = key
  /** @type {readonly (readonly [string, number | undefined])[]} */
  const times = [['published', published], ['signs from', from], ['signs until', to], ['removed', end]]
  /** @param {number | undefined} at */
  const shown = (at) => at === undefined ? 'not known yet' : `${utc(at)}, ${at > now ? 'planned' : 'done'}`
  return ['details', { 'data-kid': jwk.kid },
    ['summary', {}, ['span', { class: `dot ${state}` }], ` ${jwk.alg} ${state}: `, ['code', {}, jwk.kid]],
    ['dl', {},
      ...[['state', MEANING.get(state) ?? state], ...times.map(([name, at]) => [name, shown(at)])].flatMap((pair) => {
        const [name = '', value = ''] = pair
        return [/** @type {const} */ (['dt', {}, name]), /** @type {const} */ (['dd', {}, value])]
      }),
    ],
    // A region that scrolls must be reached by the keyboard.
    ['pre', { 'tabindex': 0, 'role': 'group', 'aria-label': 'public half' }, JSON.stringify(jwk, undefined, 2)],
  ]
}

import { inOrder } from './keys.js'
import { lengthInWords, momentInWords } from './words.js'

/**
 * The timeline as a tree: the server writes it as text, the browser as elements.
 * @typedef {import('../view.ts').KeyView} KeyView
 * @typedef {import('../view.ts').RingView} RingView
 * @typedef {import('../view.ts').Tree} Tree
 */

const [TOP, ROW, BAR, AXIS] = [24, 44, 14, 22]
const TICK_SECONDS = [
  5, 10, 20, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 1209600, 2592000,
]
const MOST_TICKS = 8

/** @type {typeof import('./timeline.d.ts').timeline} */
export function timeline(view) {
  const { now, past, ahead } = view
  const keys = inOrder(view)
  const height = TOP + keys.length * ROW + AXIS
  /** @param {number} at */
  const x = (at) => `${(100 * Math.min(1, Math.max(0, (at - now + past) / (past + ahead)))).toFixed(2)}%`
  const promotion = nextPromotion(view)
  const upright = { y1: TOP - 4, y2: height - AXIS }
  return ['svg', {
    'xmlns': 'http://www.w3.org/2000/svg', 'class': 'timeline', 'width': '100%', height, 'role': 'img',
    'aria-label': `Timeline of ${keys.length} keys: ${keys.map((key) => rowText(key, now)).join('; ')}`,
  },
    ...ticks(view).flatMap((at, place) => tick(x(now + at), at, { place, height })),
    ...keys.flatMap((key, row) => bars(key, { x, now, until: now + ahead, y: TOP + row * ROW })),
    ...promotion === undefined ? [] : [mark('promotion', x(promotion), upright)],
    mark('now', x(now), upright),
    text('now-label', x(now), 12, 'now'),
    ...keys.map((key, row) => label(key, now, TOP + row * ROW)),
  ]
}

/**
 * When the next key begins to sign, if it is in the picture.
 * @param {RingView} view
 */
function nextPromotion({ keys, now, ahead }) {
  const moments = keys.flatMap(({ state, active_from: at }) => state === 'standby' && at !== undefined ? [at] : [])
  const next = Math.min(...moments)
  return next < now + ahead ? next : undefined
}

/**
 * @typedef {{ readonly x: (at: number) => string, readonly y: number }} Coordinates
 * @typedef {Coordinates & { readonly now: number, readonly until: number }} Place
 * @param {KeyView} key
 * @param {Place} place
 * @returns {readonly Tree[]}
 */
function bars(key, { x, now, until, y }) {
  const { jwk: { kid }, published_at: published = now, active_from: from, active_to: to } = key
  const { removed_at: end = Infinity } = key
  /** @type {readonly (readonly [KeyView['state'], number, number])[]} */
  const spans = [
    ['standby', published, Math.min(from ?? Infinity, end)],
    ['active', from ?? Infinity, Math.min(to ?? Infinity, end)],
    ['retired', to ?? Infinity, end],
  ]
  /** @type {readonly (readonly [string, number, number])[]} */
  const parts = spans.filter(([, start, stop]) => start < stop).flatMap(([state, start, stop]) => [
    /** @type {const} */ ([state, start, Math.min(stop, now)]),
    /** @type {const} */ ([`${state} planned`, Math.max(start, now), stop]),
  ])
  return [['g', { 'class': 'key', 'data-kid': kid },
    ...parts.filter(([, start, stop]) => start < stop && x(start) !== x(stop))
      .map(([name, start, stop]) => bar(name, x(start), x(stop), y)),
    ...end > until ? [] : [mark('removal', x(end), { y1: y + 17, y2: y + 23 + BAR })],
  ]]
}

/**
 * What stands above a bar.
 * @param {KeyView} key
 * @param {number} now
 * @param {number} y
 * @returns {Tree}
 */
function label(key, now, y) {
  const place = { 'class': 'key key-label', 'data-kid': key.jwk.kid, 'x': 0, 'y': y + 14 }
  return ['text', place, rowText(key, now)]
}

/**
 * @param {string} name
 * @param {string} from
 * @param {string} to
 * @param {number} y
 * @returns {Tree}
 */
function bar(name, from, to, y) {
  const width = Math.max(0, Number.parseFloat(to) - Number.parseFloat(from)).toFixed(2)
  return ['rect', { class: `bar ${name}`, x: from, y: y + 20, width: `${width}%`, height: BAR }]
}

/**
 * @param {string} name
 * @param {string} x
 * @param {{ readonly y1: number, readonly y2: number }} upright
 * @returns {Tree}
 */
function mark(name, x, { y1, y2 }) {
  return ['line', { class: name, x1: x, x2: x, y1, y2 }]
}

/**
 * @param {string} name
 * @param {string | number} x
 * @param {number} y
 * @param {string} words
 * @returns {Tree}
 */
function text(name, x, y, words) {
  return ['text', { class: name, x, y, 'text-anchor': 'middle' }, words]
}

/**
 * The marks of the axis, in seconds from now.
 * @param {RingView} view
 */
function ticks({ past, ahead }) {
  const step = TICK_SECONDS.find((length) => (past + ahead) / length <= MOST_TICKS) ?? (past + ahead) / MOST_TICKS
  const first = -Math.floor(past / step)
  return Array.from({ length: Math.floor(ahead / step) - first + 1 }, (_none, at) => (first + at) * step)
}

/**
 * @param {string} x
 * @param {number} at
 * @param {{ readonly place: number, readonly height: number }} where
 * @returns {readonly Tree[]}
 */
function tick(x, at, { place, height }) {
  const share = Number.parseFloat(x)
  const words = at === 0 || share < 5 || share > 95 ? '' : `${at < 0 ? '−' : '+'}${lengthInWords(at)}`
  const name = place % 2 === 1 ? 'tick-label odd' : 'tick-label'
  return [mark('tick', x, { y1: TOP - 4, y2: height - AXIS + 4 }), text(name, x, height - 4, words)]
}

/**
 * What a row says: the beginning of the kid, the algorithm, the state and what comes next.
 * @param {KeyView} key
 * @param {number} now
 */
function rowText({ jwk: { kid, alg }, state, active_from: from, active_to: to, removed_at: end }, now) {
  const short = kid.length > 12 ? `${kid.slice(0, 8)}…` : kid
  /** @type {readonly [string, number | undefined]} */
  const [verb, at] = state === 'standby' && from !== undefined ? ['signs', from]
    : state === 'active' ? ['retires', to] : ['removed', end]
  return `${short} ${alg} ${state}${at === undefined ? '' : `, ${verb} ${momentInWords(at, now)}`}`
}

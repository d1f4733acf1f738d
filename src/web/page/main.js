import { openCheck } from './check.js'
import { addCopyButtons } from './copy.js'
import { byId, fill, nodeOf } from './dom.js'
import { keyList } from './keys.js'
import { openMint } from './mint.js'
import { timeline } from './timeline.js'

/**
 * The page in the browser: a timeline that moves, copy buttons, and the forms that mint and check.
 * @typedef {import('../view.ts').RingView} RingView
 */

const DRAW_MS = 1000
/** A state is asked for again after this time, and at once when a key should have changed. */
const ASK_SECONDS = 10

/** @type {{ readonly view: RingView, readonly at: number } | undefined} */
let last

/** @returns {Promise<RingView>} */
async function ask() {
  const answer = await fetch('page/state.json', { cache: 'no-store' })
  if (answer.status !== 200) throw new Error(`The server answered ${answer.status}`)
  const view = await answer.json()
  last = { view, at: performance.now() }
  return view
}

/** The state with the time of the server as it is now, by the clock of this page that nobody can set. */
function present() {
  return last && { ...last.view, now: last.view.now + (performance.now() - last.at) / 1000 }
}

/**
 * Whether a key should have changed its state since it was asked for.
 * @param {RingView} view
 */
function isDue({ now, keys }) {
  const asked = last?.view.now ?? 0
  return now - asked > ASK_SECONDS || keys.some(({ active_from, active_to, removed_at }) =>
    [active_from, active_to, removed_at].some((at) => at !== undefined && at > asked && at + 1 < now))
}

let isDrawing = false

async function draw() {
  if (document.hidden || isDrawing) return
  isDrawing = true
  const status = byId('status', HTMLElement)
  try {
    const known = present()
    const view = known === undefined || isDue(known) ? await ask() : known
    fill(byId('timeline', HTMLElement), timeline(view))
    showKeys(view)
    say(status, `Keys and tokens of ${byId('issuer', HTMLInputElement).value}`)
  } catch {
    say(status, 'The server does not answer: what you see is its last state.')
  }
  isDrawing = false
}

/**
 * Changes a text only if it is another: a screen reader reads each change.
 * @param {Element} element
 * @param {string} words
 */
function say(element, words) {
  if (element.textContent !== words) element.textContent = words
}

let drawn = ''

/**
 * The list, drawn anew when a key has changed; what was open stays open.
 * @param {RingView} view
 */
function showKeys(view) {
  const mark = JSON.stringify(view.keys)
  if (mark === drawn) return
  drawn = mark
  const list = byId('keys', HTMLElement)
  const open = [...list.querySelectorAll('details[open]')].map((details) => details.getAttribute('data-kid'))
  const fresh = /** @type {Element} */ (nodeOf(keyList(view)))
  for (const details of fresh.querySelectorAll('details')) details.open = open.includes(details.dataset['kid'] ?? '')
  list.replaceChildren(fresh)
}

/** @param {Event} event */
function openKey({ target }) {
  const kid = target instanceof Element ? target.closest('[data-kid]')?.getAttribute('data-kid') : undefined
  if (kid === undefined || kid === null) return
  const details = byId('keys', HTMLElement).querySelector(`details[data-kid="${CSS.escape(kid)}"]`)
  if (!(details instanceof HTMLDetailsElement)) return
  details.open = true
  details.querySelector('summary')?.focus()
}

addCopyButtons()
openMint()
openCheck(ask)
byId('timeline', HTMLElement).addEventListener('click', openKey)
document.addEventListener('visibilitychange', () => void draw())
setInterval(() => void draw(), DRAW_MS)
void draw()

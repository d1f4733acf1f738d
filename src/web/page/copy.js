import { nodeOf } from './dom.js'

/** Buttons that copy; where the browser has no clipboard for this page, they select the text instead. */

/** Adds a button to each row without one that has something to copy. */
export function addCopyButtons() {
  for (const row of document.querySelectorAll('[data-copy]:not(:has(.copy))')) {
    const target = document.getElementById(row.getAttribute('data-copy') ?? '')
    const label = row.querySelector('label')?.textContent ?? target?.getAttribute('aria-label') ?? ''
    const button = nodeOf(['button', { type: 'button', class: 'copy', 'aria-label': `Copy: ${label}` }, 'Copy'])
    button.addEventListener('click', () => target && void copy(target, button))
    row.append(button)
  }
}

/**
 * @param {Element} target
 * @param {Node} button
 */
async function copy(target, button) {
  const text = target instanceof HTMLInputElement ? target.value : target.textContent ?? ''
  let words = 'Copied'
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    select(target)
    words = 'Selected: Ctrl-C'
  }
  button.textContent = words
  setTimeout(() => button.textContent = 'Copy', 2000)
}

/** @param {Element} target */
function select(target) {
  if (target instanceof HTMLInputElement) {
    target.focus()
    target.select()
  } else getSelection()?.selectAllChildren(target)
}

/** Elements of the page: texts become text nodes, so that no markup in a token or key is ever read as such. */

/** @typedef {import('../view.ts').Tree} Tree */

const SVG = 'http://www.w3.org/2000/svg'

/**
 * The nodes of a tree.
 * @param {Tree} tree
 * @returns {Node}
 */
export function nodeOf(tree, namespace = 'http://www.w3.org/1999/xhtml') {
  if (typeof tree === 'string') return document.createTextNode(tree)
  const [name, attributes, ...children] = tree
  const own = name === 'svg' ? SVG : namespace
  const element = document.createElementNS(own, name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && key !== 'xmlns') element.setAttribute(key, String(value))
  }
  element.append(...children.map((child) => nodeOf(child, own)))
  return element
}

/**
 * Puts trees in place of what an element holds.
 * @param {Element} element
 * @param {readonly Tree[]} trees
 */
export function fill(element, ...trees) {
  element.replaceChildren(...trees.map((tree) => nodeOf(tree)))
}

/**
 * The element of an id.
 * @template {Element} Kind
 * @param {string} id
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id)
  if (!(element instanceof kind)) throw new TypeError(`The page has no ${kind.name} ${id}`)
  return element
}

/**
 * The text in a field.
 * @param {string} id
 */
export function valueOf(id) {
  const field = document.getElementById(id)
  const isField = field instanceof HTMLInputElement || field instanceof HTMLSelectElement
  return isField || field instanceof HTMLTextAreaElement ? field.value.trim() : ''
}

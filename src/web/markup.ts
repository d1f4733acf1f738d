import type { Tree } from './view.ts'

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'], ['<', '&lt;'], ['>', '&gt;'], ['"', '&quot;'], ["'", '&#39;'],
])

/** A tree as HTML or SVG, without elements of HTML that have no end tag; no text can end an element or attribute. */
export function markup(tree: Tree): string {
  if (typeof tree === 'string') return escaped(tree)
  const [name, attributes, ...children] = tree
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  const start = given.map(([key, value]) => ` ${key}="${escaped(String(value))}"`).join('')
  return `<${name}${start}>${children.map(markup).join('')}</${name}>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES.get(character) ?? '')
}

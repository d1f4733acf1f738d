import type { Tree } from './view.ts'

/** Elements of HTML that have no end tag (HTML Standard section 13.1.2). */
const VOID: ReadonlySet<string> = new Set(['meta', 'link', 'input'])
const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'], ['<', '&lt;'], ['>', '&gt;'], ['"', '&quot;'], ["'", '&#39;'],
])

/** A tree as HTML or SVG; no text of it can end an element or an attribute. */
export function markup(tree: Tree): string {
  if (typeof tree === 'string') return escaped(tree)
  const [name, attributes, ...children] = tree
  const given = Object.entries(attributes).filter(([, value]) => value !== undefined)
  const start = `<${name}${given.map(([key, value]) => ` ${key}="${escaped(String(value))}"`).join('')}>`
  return VOID.has(name) ? start : `${start}${children.map(markup).join('')}</${name}>`
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES.get(character) ?? '')
}

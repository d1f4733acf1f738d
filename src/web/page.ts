import { markup } from './markup.ts'
import { keyList } from './page/keys.js'
import { timeline } from './page/timeline.js'
import type { PageView, Tree } from './view.ts'

/** The policy of the page (CSP 3): its own files alone, nothing inline, in no frame; no form is sent. */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
].join('; ')

const MINT = /<!-- mint -->[\s\S]*<!-- end of mint -->\n/

/** The page as HTML: `index.html` with each `{{name}}` replaced, without the form that mints where nothing does. */
export function pageHtml(template: string, view: PageView): string {
  const values = valuesOf(view)
  const whole = view.canMint ? template : template.replace(MINT, '')
  return whole.replace(/\{\{([a-z-]+)\}\}/g, (_found, name: string) => markup(values.get(name) ?? ''))
}

function valuesOf(view: PageView): ReadonlyMap<string, Tree> {
  const { issuer, jwksUri, audiences, algs, ttl, maxTtl, longest } = view
  const audience = audiences.length > 1 ? audiences : audiences[0] ?? 'https://api.example'
  const verifier = { 'issuer': issuer, 'jwks-uri': jwksUri, 'audience': audience, 'algorithms': algs }
  return new Map<string, Tree>([
    ...Object.entries(verifier).map(([name, value]): [string, Tree] => [name, [value].flat().join(', ')]),
    // A text or a list in JSON is one in JavaScript and in Python too.
    ...Object.entries(verifier).map(([name, value]): [string, Tree] => [`${name}-json`, JSON.stringify(value)]),
    ['audience', audiences.join(', ')],
    ['wanted', audiences[0] ?? ''],
    ['timeline', timeline(view)],
    ['keys', keyList(view)],
    ['alg', ['select', { id: 'alg' }, ...algs.map((alg): Tree => ['option', {}, alg])]],
    ['ttl', String(ttl)],
    ['max-ttl', String(maxTtl)],
    ['longest', String(longest)],
  ])
}

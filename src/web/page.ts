import { markup } from './markup.ts'
import { keyList, timeline } from './page/drawing.js'
import type { PageView, Tree } from './view.ts'

/** The policy of the page (CSP 3): its own files alone, nothing inline, in no frame; no form is sent. */
export const CONTENT_SECURITY_POLICY: string = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
].join('; ')

/** The page as HTML: without JavaScript the four values, the snippets and the timeline stand there too. */
export function pageHtml(view: PageView): string {
  const { issuer } = view
  const body: Tree = ['main', { 'data-issuer': issuer },
    ['h1', {}, 'jwksd'],
    ['p', { id: 'status', role: 'status' }, `Keys and tokens of ${issuer}`],
    section('Your verifier needs', ...values(view).map(valueRow), ...snippets(view).map(snippet)),
    section(
      'Keys', ['div', { id: 'timeline' }, timeline(view)], legend(), ['div', { id: 'keys' }, keyList(view)],
    ),
  ]
  return `<!doctype html>\n${markup(['html', { lang: 'en' }, head(issuer), ['body', {}, body]])}\n`
}

function head(issuer: string): Tree {
  return ['head', {},
    ['meta', { charset: 'utf-8' }],
    ['meta', { name: 'viewport', content: 'width=device-width, initial-scale=1' }],
    ['meta', { name: 'color-scheme', content: 'light dark' }],
    ['title', {}, `jwksd: ${issuer}`],
    ['link', { rel: 'icon', href: 'page/icon.svg' }],
    ['link', { rel: 'stylesheet', href: 'page/page.css' }],
  ]
}

/** A part of the page under a heading. */
function section(title: string, ...children: Tree[]): Tree {
  return ['section', {}, ['h2', {}, title], ...children]
}

type Row = readonly [id: string, label: string, value: string, placeholder?: string]

function values({ issuer, jwksUri, audiences, algs }: PageView): readonly Row[] {
  return [
    ['issuer', 'Issuer', issuer],
    ['jwks-uri', 'Key set (JWKS)', jwksUri],
    ['audience', 'Audience', audiences.join(', '), 'one that the clients file gives to the client'],
    ['algorithms', 'Algorithms', algs.join(', ')],
  ]
}

function valueRow([id, label, value, placeholder]: Row): Tree {
  return ['div', { class: 'row', 'data-copy': id },
    ['label', { for: id }, label], ['input', { id, value, placeholder, readonly: '', spellcheck: 'false' }]]
}

function snippet([id, name, code]: Row): Tree {
  return ['details', {}, ['summary', {}, name],
    ['div', { class: 'row', 'data-copy': id }, ['pre', { id, tabindex: 0, 'aria-label': name }, code]]]
}

/** What to write in two common stacks; the texts in JSON are texts in JavaScript and in Python too. */
function snippets({ issuer, jwksUri, audiences, algs }: PageView): readonly Row[] {
  const audience = JSON.stringify(audiences.length > 1 ? audiences : audiences[0] ?? 'https://api.example')
  const [iss, uri, list] = [issuer, jwksUri, algs].map((value) => JSON.stringify(value))
  return [
    ['jose', 'In JavaScript, with jose', `import { createRemoteJWKSet, jwtVerify } from 'jose'

const keys = createRemoteJWKSet(new URL(${uri}))
const rules = { issuer: ${iss}, audience: ${audience}, algorithms: ${list}, requiredClaims: ["exp"] }
const { payload } = await jwtVerify(token, keys, rules)`],
    ['pyjwt', 'In Python, with PyJWT', `import jwt

keys = jwt.PyJWKClient(${uri})
key = keys.get_signing_key_from_jwt(token).key
claims = jwt.decode(token, key, ${list}, audience=${audience}, issuer=${iss}, options={"require": ["exp"]})`],
  ]
}

function legend(): Tree {
  const meanings = [
    ['standby', 'standby: published, does not sign yet'], ['active', 'active: signs'],
    ['retired', 'retired: published until its last token has expired'],
  ] as const
  return ['ul', { class: 'legend' }, ...meanings.map(([state, words]): Tree =>
    ['li', {}, ['span', { class: `dot ${state}` }], ` ${words}`]),
    ['li', {}, 'paler: planned; dashed: the next promotion']]
}

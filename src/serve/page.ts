import { readFile } from 'node:fs/promises'
import type { Handler } from '../http/call.ts'
import type { Route } from '../http/router.ts'
import type { Issuer } from '../core/issuer.ts'
import type { Part, PartDeps } from './part.ts'

/** The files of the page, in src/web/page; `index.html` is served at `/` alone. */
const FILES = [
  'page.css', 'icon.svg', 'main.js', 'algorithms.js', 'check.js', 'copy.js', 'dom.js', 'judge.js', 'jws.js', 'keys.js',
  'mint.js', 'timeline.js', 'words.js',
]

/** The page at `/`; what it consists of is loaded with the first request for it. */
export function openPage(deps: PartDeps): Part {
  const paths = ['/', '/page/state.json', ...FILES.map((name) => `/page/${name}`)]
  return {
    routesAt: (issuer) => {
      let loading: Promise<ReadonlyMap<string, Handler>> | undefined
      return paths.map((path): Route => {
        const get: Handler = async (call) => {
          loading ??= load(deps, issuer)
          const handlers = await loading.catch((error: unknown) => {
            // Perhaps no file could be opened in a flood.
            loading = undefined
            throw error
          })
          return (handlers.get(path) as Handler)(call)
        }
        return { path, methods: { GET: get }, cors: 'unreadable' }
      })
    },
  }
}

async function load({ config, keyring, now }: PartDeps, issuer: Issuer): Promise<ReadonlyMap<string, Handler>> {
  const { pageHandlers } = await import('../routes/page.ts')
  const files = await Promise.all(['index.html', ...FILES].map(async (name) =>
    [name, await readFile(new URL(`../web/page/${name}`, import.meta.url), 'utf8')] as const))
  const { audience, auth } = config
  return pageHandlers({ keyring, issuer, audience, canMint: auth !== 'off', now, files: new Map(files) })
}

import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { importsOf } from './check-layers.ts'
import { sizesOfSource } from './check-size.ts'
import { newSite, type Site, startServer } from './price-servers.ts'
import { type Cluster, startCluster, whyNoEtcd } from '../test/engines/etcd.js'
import { type Kubernetes, kubernetesOptions, startKubernetes, whyNoKubernetes } from '../test/engines/kubernetes.js'
import { isEntry, root } from './setup.js'

/**
 * Measures how many lines of code real servers load, and compares them with the bars and with the table in README.md;
 * `--write` writes that table anew.
 */

/** A configuration; with `over`, its price is what it loads on top of another one. */
export interface Part {
  readonly name: string
  readonly args: (site: Site) => readonly string[]
  readonly asks: readonly (keyof Site['asks'])[]
  readonly over?: string
  /** Lines, at most. */
  readonly bar: number
  /** The engine that it needs, whose place is put in its arguments; without one the row is neither measured nor changed. */
  readonly on?: 'etcd' | 'kubernetes'
}

const CORE = ['--alg', 'ES256', '--host', '0.0.0.0', '--issuer', 'https://issuer.example']
const FILE = [...CORE, '--store', 'file:data/ring.json', '--kek-file', 'data/ring.kek']
const OWN = ['--alg', 'ES256', '--store', 'file:data/ring.json', '--kek-file', 'data/ring.kek']
const core = 'core: keys, rotation, JWKS, metadata; a file store'
const clients = '`--clients`: `/token`, `/introspect`, `/revoke`'
const keys = 'clients with keys of their own (private_key_jwt), where one has them'
const development = 'development: `node dist/server.js` alone'

const PARTS: readonly Part[] = [
  { name: 'core with keys in memory', args: () => CORE, asks: ['documents'], bar: 3325 },
  { name: core, args: () => FILE, asks: ['documents'], bar: 3610 },
  { name: development, args: () => ['--alg', 'ES256'], asks: ['documents', 'auth'], bar: 3720 },
  { name: 'bad tokens, when the first is asked for', args: () => ['--alg', 'ES256'], asks: ['documents', 'auth', 'cases'], over: development, bar: 525 },
  { name: '`/auth`', args: () => OWN, asks: ['documents', 'auth'], over: core, bar: 395 },
  { name: clients, args: ({ clients }) => [...FILE, '--clients', clients('plain')], asks: ['documents', 'clients'], over: core, bar: 1230 },
  { name: keys, args: ({ clients }) => [...FILE, '--clients', clients('keys')], asks: ['documents', 'clients', 'assertion'], over: clients, bar: 165 },
  { name: 'token exchange and JWT bearer, where a client may use them', args: ({ clients }) => [...FILE, '--clients', clients('grants')], asks: ['documents', 'clients', 'assertion', 'grants'], over: keys, bar: 180 },
  { name: 'DPoP, where a client may use it', args: ({ clients }) => [...FILE, '--clients', clients('dpop')], asks: ['documents', 'clients', 'assertion', 'dpop'], over: keys, bar: 50 },
  { name: '`--admin`: orders of operators', args: () => [...FILE, '--admin', 'unix:data/admin'], asks: ['documents', 'admin'], over: core, bar: 555 },
  { name: '`--page`, and the files of the page that the server runs too', args: () => [...FILE, '--page'], asks: ['documents', 'page'], over: core, bar: 380 },
  { name: '`--metrics`', args: () => [...FILE, '--metrics', '127.0.0.1:0'], asks: ['documents', 'metrics'], over: core, bar: 165 },
  { name: '`--audit`', args: () => [...FILE, '--audit', 'data/audit.log'], asks: ['documents'], over: core, bar: 700 },
  { name: '`--workers`', args: () => [...FILE, '--workers', '2'], asks: ['documents'], over: core, bar: 100 },
  { name: '`--tls-cert`: TLS of its own', args: ({ tls }) => [...FILE, ...tls()], asks: [], over: core, bar: 275 },
  { name: '`--host unix:PATH`, with `--socket-group`', args: () => [...FILE.map((word) => word === '0.0.0.0' ? 'unix:data/public' : word), '--socket-group', '0'], asks: [], over: core, bar: 140 },
  { name: '`--store etcds://...`: etcd for several machines', args: () => ['--preset', 'fast', '--kek-file', 'data/ring.kek', '--store', 'etcd://ETCD/jwksd', ...CORE], asks: ['documents'], over: core, bar: 385, on: 'etcd' },
  { name: '`--store kubernetes:...`: Secrets of Kubernetes for several pods', args: () => ['--kek-file', 'data/ring.kek', 'KUBERNETES', ...CORE], asks: ['documents'], over: core, bar: 325, on: 'kubernetes' },
  { name: 'the command under "Run it" above', args: ({ clients }) => { clients('plain'); return productionArgs() }, asks: ['documents', 'clients', 'admin'], bar: 6035 },
]

/** The arguments of the server that the README recommends for production. */
function productionArgs(): readonly string[] {
  const readme = readFileSync(join(root, 'README.md'), 'utf8').replaceAll(/\\\n\s*/g, '')
  const command = readme.split('\n').find((line) => line.startsWith('$ jwksd ') && line.includes('--audit-required'))
  const words = command?.replace('$ jwksd ', '').split(/\s+/)
  if (words === undefined) throw new Error('Cannot find the command with --audit-required in README.md')
  return words
}

/** The files of src that a server loaded, as Node's own coverage of all its processes tells, by path below src. */
function loadedIn(folder: string): readonly string[] {
  const dist = pathToFileURL(join(root, 'dist/')).href
  const urls = readdirSync(folder).flatMap((name) =>
    (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: readonly { url: string }[] }).result.map(({ url }) => url))
  const paths = urls.filter((url) => url.startsWith(dist)).map((url) => url.slice(dist.length))
  // What the page shares with the server is JavaScript in src too.
  return paths.map((path) => existsSync(join(root, 'src', path)) ? path : path.replace(/\.js$/, '.ts'))
}

/** These files and every file that their types come from. */
export function withTypes(loaded: readonly string[], textOf: (path: string) => string): ReadonlySet<string> {
  const reached = new Set<string>()
  const reach = (path: string): void => {
    if (reached.has(path)) return
    reached.add(path)
    for (const { target, ofTypes } of importsOf(path, textOf(path))) if (target !== undefined && ofTypes) reach(target)
  }
  for (const path of loaded) reach(path)
  return reached
}

/** The lines of code of a part, and the files that hold them. */
export interface Price {
  readonly part: Part
  readonly lines: number
  readonly files: readonly string[]
}

/** Without an etcd, or an API server of Kubernetes, its row stays as the table in README.md has it. */
async function measure(readme: string): Promise<readonly Price[]> {
  const sizes = sizesOfSource()
  const cluster: Cluster | undefined = whyNoEtcd() === undefined ? await startCluster() : undefined
  const kubernetes: Kubernetes | undefined = whyNoKubernetes() === undefined ? await startKubernetes() : undefined
  await kubernetes?.makeSecrets('ring')
  const account = await kubernetes?.makeAccount('keys', ['ring'])
  const secrets = kubernetes === undefined || account === undefined ? [] : kubernetesOptions(kubernetes, 'ring', account)
  const textOf = (path: string): string => readFileSync(join(root, 'src', path), 'utf8')
  const totals = new Map<string, readonly string[]>()
  for (const { name, args, asks, on } of PARTS) {
    if ((on === 'etcd' && cluster === undefined) || (on === 'kubernetes' && kubernetes === undefined)) continue
    const site = newSite()
    const words = args(site).flatMap((word) => word === 'KUBERNETES' ? secrets : [word.replace('ETCD', cluster?.hosts ?? '')])
    if (on === 'kubernetes') execFileSync(process.execPath, [join(root, 'dist', 'server.js'), 'ring', 'create', ...words], { cwd: site.folder })
    const server = await startServer(words, site)
    for (const ask of asks) await site.asks[ask](server)
    await server.end()
    totals.set(name, [...withTypes(loadedIn(site.coverage), textOf)].toSorted())
    site.remove()
  }
  await cluster?.end()
  await kubernetes?.end()
  return PARTS.map((part) => {
    if (!totals.has(part.name)) return { part, files: [], lines: Number(readme.split(`| ${part.name} | +`)[1]?.split(' ')[0]?.replace(',', '')) }
    const base = part.over === undefined ? [] : totals.get(part.over) ?? []
    const files = (totals.get(part.name) ?? []).filter((path) => !base.includes(path))
    return { part, files, lines: files.reduce((sum, path) => sum + (sizes.get(path)?.code ?? 0), 0) }
  })
}

/** The table of README.md. */
export function priceTable(prices: readonly Pick<Price, 'part' | 'lines'>[]): string {
  const figure = (lines: number, over: string | undefined): string => `${over === undefined ? '' : '+'}${lines.toLocaleString('en')}`
  const rows = prices.map(({ part: { name, over, bar }, lines }) => `| ${name} | ${figure(lines, over)} | ${figure(bar, over)} |`)
  return ['| part | lines of code | at most |', '| --- | ---: | ---: |', ...rows].join('\n')
}

const [BEGIN, END] = ['<!-- price list: made by scripts/price-list.ts -->', '<!-- end of price list -->']

if (isEntry(import.meta.url)) {
  const path = join(root, 'README.md')
  const readme = readFileSync(path, 'utf8')
  const prices = await measure(readme)
  const [before = '', rest = ''] = readme.split(BEGIN)
  const [, after] = rest.split(END)
  if (after === undefined) throw new Error(`Cannot find ${BEGIN} and ${END} in README.md`)
  const written = `${before}${BEGIN}\n\n${priceTable(prices)}\n\n${END}${after}`
  if (process.argv.includes('--write')) writeFileSync(path, written)
  if (process.argv.includes('--files')) for (const { part, files } of prices) console.log(`${part.name}\n  ${files.join(' ')}`)
  for (const { part, lines } of prices) console.log(`${String(lines).padStart(6)}  of ${String(part.bar).padStart(5)}  ${part.name}`)
  const faults = prices.filter(({ part, lines }) => lines > part.bar).map(({ part, lines }) => `${part.name} costs ${lines} lines, more than ${part.bar}`)
  if (written !== readme && !process.argv.includes('--write')) faults.push('README.md has other prices: run node --import tsx scripts/price-list.ts --write')
  for (const fault of faults) console.error(fault)
  console.log(`prices: ${prices.length} rows, ${faults.length} faults`)
  process.exitCode = faults.length === 0 ? 0 : 1
}

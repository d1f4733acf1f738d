import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { build } from './build.js'
import { install, root } from './setup.js'

/**
 * `npm run bench`: measures jwksd beside its peers, on the Node.js that runs this, and prints tables.
 * `-- --short`: three rounds, without most peers; fails when a ratio is far below what it usually is.
 * `-- --only NAME,...`: these parts alone. `--rounds N`, `--seconds N` (of a sample), `--minutes N` (of the memory part).
 * `-- --json FILE`: everything measured. `--write`: puts the tables into docs/.
 */

const { values } = parseArgs({
  options: {
    'short': { type: 'boolean', default: false },
    'write': { type: 'boolean', default: false },
    'only': { type: 'string' },
    'rounds': { type: 'string' },
    'seconds': { type: 'string', default: '1' },
    'minutes': { type: 'string', default: '10' },
    'json': { type: 'string' },
  },
})
const SHORT = new Set(['bare', 'jose', 'fastify'])

const lacks = ['wrk', 'hey', 'openssl', 'taskset'].filter((name) => spawnSync('which', [name]).status !== 0)
if (lacks.length > 0) {
  console.error(`bench: on Debian it needs: apt-get install wrk hey openssl util-linux (not found: ${lacks.join(', ')})`)
  process.exit(1)
}
install()
build()
install(join(root, 'scripts', 'bench'))
const { peers } = await import('./bench/peers.js')
const { World } = await import('./bench/world.js')
const { suites, SHORT_SUITES } = await import('./bench/suites.js')
const { markdown, plain, fine } = await import('./bench/table.js')

const wanted = values.only?.split(',') ?? (values.short ? SHORT_SUITES : Object.keys(suites))
const unknown = wanted.filter((name) => !(name in suites))
if (unknown.length > 0) {
  console.error(`bench: no part is called ${unknown.join(', ')}; there are ${Object.keys(suites).join(', ')}`)
  process.exit(1)
}
const missing = peers.flatMap((peer) => peer.missing() === undefined ? [] : [`${peer.name}: left out, ${peer.missing()}`])
const present = peers.filter((peer) => peer.missing() === undefined && (!values.short || SHORT.has(peer.name)))
for (const line of missing) console.error(line)

const scope = {
  rounds: Number(values.rounds ?? (values.short ? 3 : 7)),
  how: { seconds: Number(values.seconds), ...values.short && { warm: 2, lead: 0 } },
  minutes: Number(values.minutes),
  peers: present,
  isShort: values.short,
  progress: (/** @type {string} */ text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`),
}
const machine = `${process.version}, ${spawnSync('openssl', ['version'], { encoding: 'utf8' }).stdout.trim()}, ${/^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]}, Linux ${spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.trim()}`
const date = new Date().toISOString().slice(0, 10)
const world = new World()
/** @type {Record<string, Awaited<ReturnType<import('./bench/suite.js').Suite>>>} */
const results = {}
for (const name of wanted) {
  scope.progress(`${name} begins`)
  const result = results[name] = await /** @type {import('./bench/suite.js').Suite} */ (suites[name])(world, scope)
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  for (const table of result.tables) console.log(plain(table))
  if (values.write) write(name, result.tables)
}
await world.end()

const bars = Object.values(results).flatMap((result) => result.bars)
const table = {
  title: 'Bars',
  note: 'What the project asks of itself, beside what was measured.',
  head: ['ratio or figure', 'bar', 'measured', ''],
  rows: bars.map(({ what, bar, figure, isMost = false }) => [
    what, `${isMost ? 'at most' : 'at least'} ${bar}`, fine(figure), (isMost ? figure <= bar : figure >= bar) ? 'reached' : 'missed',
  ]),
}
console.log(plain(table))
const setup = { date, machine, ...scope, peers: present.map((peer) => `${peer.name}: ${peer.versions()}`), missing, load: 'wrk -t1 -c64' }
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ setup, results }, undefined, 2)}\n`)
if (values.write && values.only === undefined) write('bars', [table], `The peers: ${[...new Set(present.flatMap((peer) => peer.versions().split(', ')))].join(', ')}.`)

// Far below: what a few seconds on a busy machine show is not exact.
const judged = bars.filter(({ floor }) => floor !== undefined)
const far = judged.filter(({ figure, floor = 0 }) => !(figure >= floor))
if (values.short) {
  for (const { what, figure, floor = 0 } of far) console.error(`bench: ${what}: ${fine(figure)}, less than ${floor}`)
  console.log(`${judged.length - far.length} passed, ${far.length} failed`)
}
process.exit(values.short && far.length > 0 ? 1 : 0)

/** Puts tables between the marks that name their part. @param {string} name @param {readonly import('./bench/table.js').Table[]} tables @param {string} [also] */
function write(name, tables, also) {
  for (const file of ['performance.md', 'scale.md'].map((each) => join(root, 'docs', each))) {
    const text = readFileSync(file, 'utf8')
    const [open, close] = [`<!-- ${name}, Node ${process.versions.node.split('.')[0]} -->`, '<!-- end -->']
    const from = text.indexOf(open)
    if (from < 0) continue
    const part = [`Measured on ${date}: ${machine}; \`--rounds ${scope.rounds}\`.`, ...also === undefined ? [] : [also], '', ...tables.map(markdown)].join('\n')
    writeFileSync(file, `${text.slice(0, from + open.length)}\n${part}\n${text.slice(text.indexOf(close, from))}`)
  }
}

import { existsSync, mkdirSync, readdirSync, realpathSync } from 'node:fs'
import { userInfo } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type Config, parseConfig } from '../config/config.ts'
import { refusalOf } from '../config/promise.ts'
import { faultText, refusalLines } from '../config/refusal.ts'
import { systemSays } from '../core/errno.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'
import { replaceFile } from '../system/replace-file.ts'
import { addClient } from './client.ts'
import type { Command, CommandLine } from './command.ts'
import { nearUrl, speaksHttp } from './health.ts'
import { makeKek } from './kek.ts'
import { nginxText } from './proxy-file.ts'
import { unitText } from './unit-file.ts'

/** Paths stand in units, in files of other programs and in commands to type: none of them needs quoting. */
const PLAIN_PATH = /^[\w./@+-]+$/
const ROOT = 0

/** `jwksd init DIR`: folders, configuration, key-encryption key and first client of a new server. */
export const init: Command = {
  words: ['DIR'],
  flags: [
    { name: 'client', value: 'NAME', meaning: 'the first client; by default `first`' },
    { name: 'audience', value: 'NAME,...', meaning: 'the audiences that its tokens may have; by default `api`' },
    { name: 'scope', value: 'SCOPE', meaning: 'the scope that its tokens may have' },
  ],
  meaning: 'Make what a server needs: DIR/etc with configuration, clients, a unit and a proxy\'s file, DIR/state for '
    + 'keys and audit log, and a key-encryption key in DIR-kek, or where --kek-file says. The configuration holds the '
    + 'options that are given. Nothing that exists is changed.',
  example: 'jwksd init /srv/jwksd --issuer https://auth.example --audience api',
  run: async (line) => {
    const places = placesOf(line)
    const problem = speaksHttp(line.config) ? problemOf(places)
      : 'What is made is for a proxy with TLS and a port. Set --tls-cert or --host unix:PATH in the configuration then'
    if (problem !== undefined) return refuse(EXIT.config, problem)
    const settings = settingsOf(line, places)
    const config = await judged(settings)
    if (config !== undefined) await make({ line, places, settings, config })
  },
}

/** Where everything goes; absolute paths. */
interface Places {
  readonly folder: string
  readonly etc: string
  readonly state: string
  readonly kek: string
}

/** What is to be made. */
interface Plan {
  readonly line: CommandLine
  readonly places: Places
  readonly settings: Readonly<Record<string, string>>
  readonly config: Config
}

function placesOf({ config: { kekFiles }, words: [word = ''] }: CommandLine): Places {
  const folder = resolve(word)
  const kek = resolve(kekFiles?.[0] ?? join(`${folder}-kek`, 'ring.kek'))
  return { folder, etc: join(folder, 'etc'), state: join(folder, 'state'), kek }
}

/** Why nothing can be made there; undefined when it can. */
function problemOf({ folder, kek }: Places): string | undefined {
  const problems: readonly (readonly [isThere: boolean, problem: string])[] = [
    [!PLAIN_PATH.test(`${folder}${kek}`), `${folder} or ${kek} would need quoting. Use letters, digits and . _ @ + -`],
    [kek.startsWith(`${folder}/`), `${kek} would be in each copy of ${folder}. Name another folder: --kek-file PATH`],
    [existsSync(kek), `${kek} exists already. Name another file: --kek-file PATH`],
    [!existsSync(dirname(folder)), `${dirname(folder)} does not exist. Make it, or name another folder`],
    [existsSync(folder) && !isEmpty(folder), `${folder} is not an empty folder. Name another one`],
  ]
  return problems.find(([isThere]) => isThere)?.[1]
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0
  } catch {
    return false
  }
}

/** What is written into the configuration: the places, and the options that were given. */
function settingsOf({ typed }: CommandLine, { etc, state, kek }: Places): Readonly<Record<string, string>> {
  const { config: _read, ...given } = typed
  return {
    ...given,
    store: `file:${join(state, 'ring.json')}`,
    'kek-file': kek,
    clients: join(etc, 'clients.json'),
    audit: join(state, 'audit.log'),
    'audit-required': 'true',
    admin: `unix:${join(state, 'admin')}`,
  }
}

/** The configuration of these settings; undefined, with the reasons printed, when no server would start with it. */
async function judged(settings: Readonly<Record<string, string>>): Promise<Config | undefined> {
  const parsed = parseConfig({ args: [], env: variablesOf(settings), inFile: () => [] })
  if (!parsed.ok) return void refuse(EXIT.config, ...parsed.error.map(faultText))
  const refusal = await refusalOf(parsed.value.config, process)
  return refusal === undefined ? parsed.value.config : void refuse(EXIT.config, ...refusalLines(refusal))
}

function variablesOf(settings: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const nameOf = (option: string): string => `JWKSD_${option.toUpperCase().replaceAll('-', '_')}`
  return Object.fromEntries(Object.entries(settings).map(([option, text]) => [nameOf(option), text]))
}

async function make(plan: Plan): Promise<void> {
  const { line: { own: { client = 'first', audience = 'api', scope } }, places, config } = plan
  try {
    await makeFiles(plan)
  } catch (error) {
    return refuse(EXIT.refused, `Cannot make all of ${places.folder}: ${systemSays(error)}. Remove what was made`)
  }
  await addClient(config, client, { audience, ...(scope === undefined ? {} : { scope }) })
  if (process.exitCode === undefined) process.stdout.write(nextSteps(places, config, client))
  if (isRoot()) process.stderr.write(`jwksd: ${rootText(places)}\n`)
}

async function makeFiles({ places: { folder, etc, state, kek }, settings, config }: Plan): Promise<void> {
  for (const path of [dirname(kek), folder, etc, state]) mkdirSync(path, { recursive: true, mode: 0o700 })
  await makeKek(kek)
  const files = {
    'jwksd.json': `${JSON.stringify(settings, undefined, 2)}\n`,
    'jwksd.service': unitFor({ folder, etc, state, kek }),
    'nginx.conf': proxyFor(config),
  }
  for (const [name, content] of Object.entries(files)) {
    await replaceFile({ path: join(etc, name), content, randomBytes: systemRandom })
  }
}

function unitFor({ etc, state, kek }: Places): string {
  const user = isRoot() ? 'jwksd' : userInfo().username
  const program = [process.execPath, realpathSync(process.argv[1] ?? '')] as const
  return unitText({ user, program, config: join(etc, 'jwksd.json'), kek, folders: [`ReadWritePaths=${state}`] })
}

function proxyFor(config: Config): string {
  const near = new URL(nearUrl(config))
  return nginxText(new URL(config.issuer ?? near).hostname, near.host)
}

function isRoot(): boolean {
  return process.geteuid?.() === ROOT
}

/** What was made, and the commands that come next. */
function nextSteps({ folder, etc, state, kek }: Places, config: Config, client: string): string {
  const file = join(etc, 'jwksd.json')
  return `
${folder}: configuration, clients, jwksd.service and nginx.conf are in etc;
keys, revoked tokens and audit log will be in state. Back up both.
${kek}: the key-encryption key.
Back it up elsewhere: with it, a copy of ${state} is the private keys.

Next:
  jwksd check --config ${file}
  jwksd --config ${file}
  curl -u ${client} -d grant_type=client_credentials ${nearUrl(config)}/token
`
}

function rootText({ folder, kek }: Places): string {
  // The folder is ours to give away only where it was made for this file.
  const own = dirname(kek) === `${folder}-kek` ? dirname(kek) : kek
  return `all of this belongs to root. Give it to the user of the server: chown -R USER ${folder} ${own}`
}

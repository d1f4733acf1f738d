import { systemClock } from '../system/clock.ts'
import { refuse } from '../system/exit.ts'
import { type Command, type CommandLine, JSON_FLAG } from './command.ts'
import { decodeToken } from './token-decode.ts'
import { mintToken } from './token-mint.ts'
import { type Outcome, readInput, wrongUse } from './token-outcome.ts'
import { type Own, verifyToken } from './token-verify.ts'
import { visibleJson } from './visible.ts'

/** The flags of each action; --json belongs to all of them. */
const FLAGS_OF: ReadonlyMap<string, readonly string[]> = new Map([
  ['decode', []],
  ['verify', ['url', 'keys', 'issuer', 'audience', 'typ', 'allow-http']],
  ['mint', ['url', 'client', 'secret-file', 'audience', 'scope', 'sub', 'ttl', 'alg', 'allow-http']],
])

/** `jwksd token decode|verify|mint`: shows a token, judges it, or gets one. */
export const token: Command = {
  words: ['decode|verify|mint', '[TOKEN|-]'],
  flags: [
    { name: 'url', value: 'URL', meaning: 'the issuer, exactly as its metadata names it' },
    { name: 'keys', value: 'FILE', meaning: 'verify with this saved key set, for the issuer of --issuer' },
    { name: 'issuer', value: 'URL', meaning: 'what iss must be, with --keys' },
    { name: 'audience', value: 'NAME', meaning: 'what aud must hold (verify), or shall hold (mint)' },
    { name: 'typ', value: 'TYPE', meaning: 'what typ must be; none, JWT or at+jwt by default' },
    { name: 'client', value: 'ID', meaning: 'mint for this client by client_credentials, not at /auth' },
    {
      name: 'secret-file', value: 'FILE',
      meaning: 'a file of yours alone with the secret of --client; - reads standard input',
    },
    { name: 'scope', value: 'SCOPE', meaning: 'the scope that is wanted (mint)' },
    { name: 'sub', value: 'NAME', meaning: 'the subject that is wanted (mint at /auth)' },
    { name: 'ttl', value: 'DURATION', meaning: 'the lifetime that is wanted (mint at /auth)' },
    { name: 'alg', value: 'ALG', meaning: 'the algorithm that is wanted (mint at /auth)' },
    { name: 'allow-http', value: '', meaning: 'accept http beyond this machine; anyone between can replace keys' },
    JSON_FLAG,
  ],
  meaning: 'Show what a token says (decode), find out why it is refused (verify), or get one (mint). - reads the ' +
    'token from standard input. Exit 0 valid, 1 refused, 69 nothing fetched, 78 wrong use.',
  example: 'TOKEN=$(jwksd token mint --url http://127.0.0.1:8080)\n' +
    'jwksd token verify "$TOKEN" --url http://127.0.0.1:8080',
  run: async (line) => print(await outcomeOf(line), line.own),
}

async function outcomeOf({ config, own, words: [action = '', word] }: CommandLine): Promise<Outcome> {
  const foreign = Object.keys(own).find((name) => name !== 'json' && FLAGS_OF.get(action)?.includes(name) !== true)
  if (foreign !== undefined) return wrongUse(`--${foreign} is not an option of jwksd token ${action}. Leave it out`)
  if (action === 'mint') {
    return word === undefined ? await mintToken(config, own) : wrongUse('mint is followed by options alone')
  }
  if (word === undefined) return wrongUse(`Name the token: jwksd token ${action} TOKEN, or - for standard input`)
  const given = await readInput(word)
  if (!given.ok) return given.error
  if (action === 'decode') return decodeToken(given.value, systemClock())
  return await verifyToken(given.value, config, own, systemClock)
}

function print({ exit, json, lines }: Outcome, { json: asJson }: Own): void {
  if (asJson === undefined && exit !== 0) return refuse(exit, ...lines)
  process.stdout.write(asJson === undefined ? `${lines.join('\n')}\n` : `${visibleJson(json)}\n`)
  process.exitCode = exit
}

/** The name of a command. */
export type CommandName = 'serve' | 'check' | 'keys' | 'rotate' | 'revoke' | 'kek' | 'rekey' | 'audit' | 'client' | 'probe' | 'simulate'

/** An option that belongs to one command. */
export interface OwnOption {
  readonly name: string
  /** Stands for the value; empty for a switch. */
  readonly value: string
  readonly meaning: string
}

/** One command as `--help` shows it; words in brackets may be left out. */
export interface CommandText {
  readonly words: readonly string[]
  readonly own: readonly OwnOption[]
  readonly meaning: string
}

const JSON_FORM: OwnOption = { name: 'json', value: '', meaning: 'prints JSON' }
const FORCE: OwnOption = { name: 'force', value: '', meaning: 'does it although verifiers may fail; needs --reason' }
const REASON: OwnOption = { name: 'reason', value: 'TEXT', meaning: 'why; goes into the audit log' }

/** Every command; all of them understand the options of the server as well. */
export const COMMANDS: Readonly<Record<CommandName, CommandText>> = {
  serve: { words: [], own: [], meaning: 'serve until SIGTERM or Ctrl-C' },
  check: { words: [], own: [], meaning: 'print the proof that rotation cannot break a verifier; exit 78 if it does not hold' },
  keys: { words: [], own: [JSON_FORM], meaning: 'list the keys of the running server that --admin names' },
  rotate: {
    words: [],
    own: [{ name: 'alg', value: 'ALG,...', meaning: 'only these lines' }, FORCE, REASON],
    meaning: 'let the standbys sign now, if every cache has them',
  },
  revoke: {
    words: ['KID'],
    own: [{ ...REASON, meaning: 'why; goes into the audit log and the public history' }, FORCE],
    meaning: 'take a key out of the set at once, and destroy its private half',
  },
  kek: { words: ['[FILE]'], own: [], meaning: 'make a key-encryption key: print it, or write it to a new file' },
  rekey: { words: [], own: [], meaning: 'seal everything in --store anew under the first key-encryption key' },
  client: {
    words: ['add', 'NAME'],
    own: [
      { name: 'audience', value: 'NAME,...', meaning: 'what its tokens may be for, the usual one first' },
      { name: 'scope', value: 'SCOPE', meaning: 'the scope that it may have' },
      { name: 'auth', value: 'METHOD', meaning: 'client_secret_basic (the default), client_secret_post, or private_key_jwt with --jwks or --jwks-uri' },
      { name: 'grant', value: 'GRANT,...', meaning: 'its grants, when not client_credentials' },
      { name: 'jwks', value: 'FILE', meaning: 'its public keys' },
      { name: 'jwks-uri', value: 'URL', meaning: 'where its public keys are' },
      { name: 'rotate', value: '', meaning: 'gives a client that is there a second secret; the older one of two goes' },
    ],
    meaning: 'register a client in the file that --clients names, and print its secret, once',
  },
  probe: {
    words: ['URL'],
    own: [
      { name: 'format', value: 'FORMAT', meaning: 'table (the default), json, junit or tap' },
      { name: 'method', value: 'METHOD', meaning: 'GET when nothing is said' },
      { name: 'header', value: 'NAME: VALUE', meaning: 'goes with every request' },
      { name: 'accept', value: 'STATUS', meaning: 'what counts as accepted; 200-299 when nothing is said' },
      { name: 'claims', value: 'JSON', meaning: 'claims that the API wants beside the usual ones' },
      { name: 'typ', value: 'TYPE', meaning: 'the typ of a right token; JWT when nothing is said, at+jwt for RFC 9068' },
      { name: 'concurrency', value: 'COUNT', meaning: 'requests at once; 4 when nothing is said' },
      { name: 'via', value: 'URL', meaning: 'a running jwksd makes the tokens, by its /auth' },
      { name: 'rotation', value: 'SECONDS', meaning: 'rotates the key too, and gives the API this long to notice' },
    ],
    meaning: 'find out which bad tokens an API accepts: it must trust the issuer that listens at --host and --port while this runs',
  },
  simulate: {
    words: [],
    own: [
      { name: 'span', value: 'DURATION', meaning: '26 times rotation-interval when nothing is said' },
      { name: 'skew', value: 'DURATION', meaning: 'what clocks are really wrong by; clock-error when nothing is said' },
      { name: 'outage', value: 'DURATION', meaning: 'how long the store is out of reach at the wrong moment; a tenth of rotation-interval when nothing is said' },
      JSON_FORM,
    ],
    meaning: 'show what verifiers of several kinds would make of months of this configuration; exit 1 if one that honours max-age fails',
  },
  audit: {
    words: ['verify', 'FILE'],
    own: [
      { name: 'keys', value: 'FILE', meaning: 'a saved jwks-history.json or jwks.json: accept the signatures of these keys alone' },
      { name: 'head', value: 'SEQ:HASH', meaning: 'the log must hold this record, as a checkpoint announced it' },
      { name: 'open', value: '', meaning: 'the log need not be closed: its server runs, or crashed' },
    ],
    meaning: 'find the first record of an audit log that was altered, removed, inserted or moved',
  },
}

/** The options that belong to some command. */
export const OWN_OPTIONS: readonly OwnOption[] = Object.values(COMMANDS).flatMap(({ own }) => own)

/** Whether there is a command of this name. */
export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name)
}

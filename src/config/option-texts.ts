import { ALGORITHMS } from '../jose/algorithm.ts'
import type { Timing } from '../keyring/policy.ts'
import { type Option, SETTINGS, type Settings, TIMING } from './options.ts'

/** How help explains the options; a server that starts does not load this file. */

/**
 * What stands for the value of an option in help, its meaning, and its default in words where other options decide it.
 * A switch has no value.
 */
type Explanation = readonly [value: string, meaning: string, otherwise?: string]

const ALGS = [...ALGORITHMS.keys()].join(', ')

/** The explanation of each option, by the member that it sets, in the order of help. */
const EXPLANATIONS: Readonly<Record<Exclude<keyof Settings, 'adminTokenFile'> | keyof Timing, Explanation>> = {
  host: ['ADDRESS', 'address to listen on, or `unix:PATH`: a socket for a proxy on this machine, of mode 0600'],
  port: ['PORT', 'port to listen on; 0 takes a free port'],
  socketGroup: ['NAME', 'the group whose members may connect to that socket; it has mode 0660 then'],
  workers: ['COUNT', 'processes that share the port, or `auto` for one on each core; `memory:` always runs one'],
  tlsCert: ['FILE', 'speak TLS with this certificate, its chain behind it; read again when it changes, like its key'],
  tlsKey: ['FILE', 'private key of that certificate'],
  issuer: [
    'URL', 'the `iss` of every token, byte for byte, and the start of `jwks_uri`',
    'http://HOST:PORT on a loopback address (https with TLS), else required',
  ],
  allowHttpIssuer: ['', 'accept an http issuer beyond this machine, whose keys anyone on the way can replace'],
  audience: ['NAME,...', 'the `aud` of a development token whose request names none'],
  algs: ['ALG,...', `signing algorithms, the default first; each has its own keys: ${ALGS}`],
  separate: [
    'ALG,...', 'publish new keys of these algorithms only in `/.well-known/jwks-ALG.json`, not in the common key set',
  ],
  rsaBits: ['BITS', 'modulus of new RSA keys: 2048, 3072 or 4096'],
  preset: ['NAME', '`fast` rotates every 60 s, with tokens of 20 s; options that you set win over it'],
  interval: ['DURATION', 'from one promotion of a key to the next'],
  lead: ['DURATION', 'how long a key is published before it signs', 'the lesser of 48h and half the interval'],
  retention: [
    'DURATION', 'how long a key stays published after it stopped signing',
    'the greater of what (2) needs and the lesser of 24h and the interval',
  ],
  maxAge: ['DURATION', 'how long caches may keep the JWK Set', '300s, or less if the lead requires it'],
  ttl: ['DURATION', 'lifetime of a token whose request names none', '15m, or max-ttl if that is less'],
  maxTtl: ['DURATION', 'longest lifetime that a request can get', '1h, or ttl if that is more'],
  cacheLayers: [
    'COUNT', 'CDN, proxy and client caches between this server and a verifier; each may add a whole max-age',
  ],
  propagation: ['DURATION', 'until every replica serves a committed ring; 15s by default on a shared store'],
  clockError: ['DURATION', "largest error of a replica's clock"],
  leeway: ['DURATION', 'what verifiers grant beyond `exp`'],
  history: ['DURATION', 'how long the public half of a removed key stays in the history'],
  store: [
    'URL',
    'where the keys are kept: `memory:` dies with the process, `file:PATH` is one file on this machine, ' +
      '`etcds://HOST:PORT,.../PREFIX` is etcd for several machines, `kubernetes:NAMESPACE/SECRET` is a Secret for ' +
      'several pods (`jwksd ring create` makes the ring of either)',
  ],
  storeCa: ['PATH', 'certificates of the authorities that sign those of the store', 'those of Node.js'],
  storeCert: ['PATH', 'certificate that is shown to the store; read again when it changes, like its key'],
  storeKey: ['PATH', 'private key of that certificate'],
  storeUser: ['NAME', 'user of the store'],
  storePasswordFile: ['PATH', 'file with the password of that user, read for each login'],
  allowPlainStore: ['', 'reach the store at `etcd://HOST:PORT/PREFIX` without TLS beyond this machine'],
  kubeApi: [
    'URL,...', 'API servers of Kubernetes, for `kubernetes:NAMESPACE/SECRET`; `store-ca` holds their authority',
    'those of the pod',
  ],
  kubeTokenFile: ['PATH', 'file with the token for them, read for each request', 'that of the service account'],
  kekFiles: [
    'PATH,...', 'files with key-encryption keys (`jwksd kek` makes one): the first encrypts, each can decrypt',
  ],
  keks: [
    'KEK,...', 'key-encryption keys in base64url, used after those of `kek-file`; read from the environment only',
  ],
  unsealed: [
    '', 'store private keys unencrypted; beside a key-encryption key: read such a store, but encrypt what is written',
  ],
  allowShared: ['', 'accept key and client files that other users own or can reach'],
  admin: ['unix:PATH', 'the socket for orders of operators, of mode 0600: `jwksd keys`, `rotate` and `revoke` use it'],
  metrics: ['HOST:PORT', 'where to serve `/metrics`, `/healthz` and `/readyz`, and nothing that changes anything'],
  clients: [
    'PATH',
    'the file of registered clients, read again when it changes: mounts `/token`, `/introspect` and `/revoke`',
  ],
  audit: [
    'PATH', 'the audit log: a record of each change of a key and each token, linked to the record before; `-` writes ' +
      'it to standard output, and the server\'s own log to standard error',
  ],
  auditRequired: ['', 'hand out a token only when its record is on the disk; answer 503 when it cannot be written'],
  witness: ['PATH', 'a file on another disk that knows the newest ring: a start on an older copy is refused'],
  acceptRollback: [
    'GENERATION:REASON', 'use this older ring, or go on without the audit log that it knows, once; nothing signs ' +
      'until every cache has the key set',
  ],
  auditSize: ['MIB', 'size after which the audit log is put aside as PATH.CHAIN.SEQ and continued in a new file'],
  auditAge: ['DURATION', 'age after which the audit log is put aside and continued in a new file'],
  openAuth: [
    '', 'mount `/auth` on any address, for any issuer and beside `clients`: anyone who reaches it gets any token',
  ],
  page: ['', 'serve the page at `/` where `/auth` is not open too: what a verifier needs, and the keys'],
  allowOrigins: ['ORIGIN,...', 'web pages of these origins may call `/auth`'],
  trustedProxies: [
    'CIDR,...',
    'networks of the proxies in front, and `unix` for proxies on a socket: the address of a client is what they add',
  ],
  forwardedHeader: [
    'NAME', 'the one header that the trusted proxies add to: `x-forwarded-for` or `forwarded` (RFC 7239)',
    'x-forwarded-for',
  ],
  keepAlive: ['DURATION', 'how long an idle connection is kept; longer than the balancer in front keeps it'],
  drain: ['DURATION', 'after SIGTERM, how long `/readyz` answers 503 while all else is served as before'],
  logLevel: ['LEVEL', 'least level that is logged: debug, info, warning or error'],
  config: [
    'FILE', 'a JSON file whose members are named like these options; flags and environment win over it',
  ],
}

/** One option as help and docs/options.md show it. */
export interface OptionText {
  readonly name: string
  /** How it is typed: as a flag, or as a variable where it is read from the environment only. */
  readonly heading: string
  readonly initial: string
  readonly meaning: string
}

/** The explanations of all options, in the order of help. */
export function optionTexts(): readonly OptionText[] {
  const options: Readonly<Record<string, Option<unknown>>> = { ...SETTINGS, ...TIMING }
  return Object.entries(EXPLANATIONS).map(([member, [value, meaning, otherwise = 'none']]) => {
    const { option: name = '', initial = otherwise, isSwitch, isSecret } = options[member] ?? {}
    const heading = isSecret === true ? `JWKSD_${name.toUpperCase()}=${value}` : `--${name} ${value}`.trimEnd()
    return { name, heading, initial: isSwitch === true ? 'off' : initial, meaning }
  })
}

import { isIP } from 'node:net'
import { availableParallelism } from 'node:os'
import { decodeBase64url } from '../core/encoding.ts'
import { parseDuration } from '../core/duration.ts'
import type { Seconds } from '../core/time.ts'
import { type Alg, ALGORITHMS, parseAlg } from '../jose/algorithm.ts'
import { KEK_BYTES } from '../jose/kek.ts'

/** A kind of value, and how its text is read. */
export interface Kind<Value> {
  /** Completes the sentence "it must be ...". */
  readonly wanted: string
  /** The value of a text; undefined when the text is not what is wanted. */
  readonly parse: (text: string) => Value | undefined
}

const MAX_WORKERS = 64
const MAX_SOCKET_BYTES = 103

/** Where keys are kept. */
export type StoreUrl = 'memory:' | `file:${string}` | `etcd${'' | 's'}://${string}`

/** Where a server listens on the network. */
export interface NetworkAddress {
  readonly host: string
  readonly port: number
}

/** A duration of at least `least` seconds, and at most `most` as it would be typed. */
export function duration(least: number, most?: string): Kind<Seconds> {
  const longest = most === undefined ? Infinity : parseDuration(most) ?? NaN
  return kind(`a duration from ${least}s to ${most ?? 'ten years'}, such as 90s, 15m, 48h or 7d`, (text) => {
    const length = parseDuration(text)
    return length !== undefined && length >= least && length <= longest ? length : undefined
  })
}

/** A whole number from `least` to `most`. */
export function count(least: number, most: number): Kind<number> {
  return kind(`a whole number from ${least} to ${most}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    return number >= least && number <= most ? number : undefined
  })
}

/** One of the given values. */
export function choice<Value extends string | number | boolean>(values: readonly Value[]): Kind<Value> {
  return kind(values.join(' or '), (text) => values.find((value) => String(value) === text))
}

/** The socket of a path; the name of a socket has 103 bytes at most on every system. */
function socketName(text: string): string | undefined {
  const path = socketPath(text)
  return path !== undefined && Buffer.byteLength(path) <= MAX_SOCKET_BYTES ? path : undefined
}

/** The path in `unix:PATH`; undefined for every other address. */
export function socketPath(address: string): string | undefined {
  return /^unix:([^\0]+)$/.exec(address)?.[1]
}

/** An IPv6 address may stand in brackets, as in a URL. */
export const listenAddress: Kind<string> = kind('a host name, an IP address, or unix:PATH', (text) => {
  const name = /^\[([0-9a-f:.]+)\]$/i.exec(text)?.[1] ?? text
  const isSocket = socketName(text) !== undefined
  return isSocket || (/^[\w.:-]{1,253}$/.test(name) && !name.startsWith('unix:')) ? name : undefined
})

/** Networks in CIDR notation or single addresses; `unix` stands for every program that connects to a socket file. */
export const proxies: Kind<readonly string[]> = list('networks such as 10.0.0.0/8, addresses, or unix', (item) => {
  const [, address = '', length = '0'] = /^([0-9a-f:.]+)(?:\/(\d+))?$/i.exec(item) ?? []
  const isNetwork = isIP(address) !== 0 && Number(length) <= (isIP(address) === 4 ? 32 : 128)
  return item === 'unix' || isNetwork ? item : undefined
})

export const filePath: Kind<string> = text('the path of a file', (path) => path !== '' && !path.includes('\0'))

export const filePaths: Kind<readonly string[]> = list('paths of files', filePath.parse)

/** An http or https URL without query and fragment, kept as it was typed (RFC 8414 section 2). */
export const issuerUrl: Kind<string> = text('an http or https URL without user, query and fragment', (url) =>
  /^https?:\/\/[\x21-\x7e]{1,512}$/.test(url) && !/[?#@\\%]/.test(url) && URL.canParse(url))

export const algorithms: Kind<readonly [Alg, ...Alg[]]> = list(`some of ${[...ALGORITHMS.keys()].join(', ')}`, parseAlg)

/** Origins as browsers write them (RFC 6454 section 6.2). */
export const origins: Kind<readonly string[]> = list('origins such as http://localhost:3000', (name) =>
  URL.canParse(name) && new URL(name).origin === name ? name : undefined)

const names = list('names in visible ASCII', (name) => /^[\x21-\x7e]{1,256}$/.test(name) ? name : undefined)

/** One audience is a text and several are a list, as in a token (RFC 7519 section 4.1.3). */
export const audience: Kind<string | readonly string[]> = kind(names.wanted, (text) => {
  const audiences = names.parse(text)
  return audiences?.length === 1 ? audiences[0] : audiences
})

/** An older ring that an operator accepts. */
export interface Rollback {
  readonly generation: number
  readonly reason: string
}

export const rollback: Kind<Rollback> = kind('GENERATION:REASON, as the refusal named it', (text) => {
  const [, digits = '', reason = ''] = /^(\d{1,9}):([^\p{C}]{1,256})$/u.exec(text) ?? []
  return reason === '' ? undefined : { generation: Number(digits), reason }
})

/** How many processes serve together; `auto` is one on each core. */
export const workerCount: Kind<number> = kind(`auto or a whole number from 1 to ${MAX_WORKERS}`, (text) =>
  text === 'auto' ? Math.min(availableParallelism(), MAX_WORKERS) : count(1, MAX_WORKERS).parse(text))

/** One host or several, as a URL has them, and a prefix for the keys. */
const ETCD_URL = /^etcds?:\/\/(?:(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?(?:,(?!\/)|(?=\/)))+\/[\w./-]{1,200}$/i

/** A namespace, and a Secret whose name leaves room for those with marks. */
const KUBERNETES_URL = /^kubernetes:[a-z\d](?:[a-z\d-]{0,61}[a-z\d])?\/[a-z\d](?:[a-z\d.-]{0,200}[a-z\d])?$/

const STORES = 'memory:, file:PATH, etcds://HOST:PORT,.../PREFIX or kubernetes:NAMESPACE/SECRET'

export const storeUrl: Kind<StoreUrl> = kind(STORES, (text) => {
  const isFile = /^file:./.test(text) && !text.startsWith('file://')
  const isRight = text === 'memory:' || isFile || ETCD_URL.test(text) || KUBERNETES_URL.test(text)
  return isRight ? text as StoreUrl : undefined
})

/** A group of this machine, by its name or number. */
export const groupName: Kind<string> = text('the name or number of a group', (name) => /^[\w.-]{1,32}$/.test(name))

/** Whether a store is on servers that several machines share. */
export const isEngine = (store: string): boolean => /^(?:etcds?|kubernetes):/.test(store)

/** Addresses of API servers, which answer alike. */
export const apiUrls: Kind<readonly string[]> = list('https://HOST:PORT, with commas between several', (item) =>
  /^https:\/\/[^\s/?#@,]+$/.test(item) && URL.canParse(item) ? item : undefined)

/** The name of a user, in visible ASCII. */
export const userName: Kind<string> = text('a name in visible ASCII', (name) => /^[\x21-\x7e]{1,256}$/.test(name))

export const keyEncryptionKeys: Kind<readonly Uint8Array[]> = kind(
  `keys of ${KEK_BYTES} bytes in base64url, with commas between them`,
  (text) => {
    const keks = text.split(',').flatMap((item) => decodeBase64url(item.trim()) ?? [])
    const isWhole = keks.length === text.split(',').length && keks.every(({ length }) => length === KEK_BYTES)
    return isWhole ? keks : undefined
  },
)

/** The socket of operators. */
export const adminAddress: Kind<string> = kind(
  `unix:PATH, with at most ${MAX_SOCKET_BYTES} bytes of PATH: orders go over no port. For Prometheus set --metrics`,
  socketName,
)

/** A host, or an IPv6 address in brackets, and a port. */
export const networkAddress: Kind<NetworkAddress> = kind('HOST:PORT, such as 0.0.0.0:9464 or [::]:9464', (text) => {
  const found = /^(?:\[([\da-f:.]+)\]|([\w.-]{1,253})):(\d{1,5})$/i.exec(text) ?? []
  const [, bracketed, host = bracketed, digits = ''] = found
  const port = count(0, 65_535).parse(digits)
  return host === undefined || port === undefined ? undefined : { host, port }
})

/** An option that is gone: no value of it is right, and `instead` says what to do. */
export function gone(instead: string): Kind<never> {
  return kind<never>(`left out: ${instead}`, () => undefined)
}

function kind<Value>(wanted: string, parse: Kind<Value>['parse']): Kind<Value> {
  return { wanted, parse }
}

function text(wanted: string, isRight: (text: string) => boolean): Kind<string> {
  return kind(wanted, (text) => isRight(text) ? text : undefined)
}

/** A list with commas whose items are all right and all different. */
function list<Item extends string>(
  wanted: string,
  parse: (item: string) => Item | undefined,
): Kind<readonly [Item, ...Item[]]> {
  return kind(`${wanted}, each once`, (text) => {
    const items = text.split(',').map((item) => parse(item.trim()))
    const [first, ...others] = new Set(items)
    const isWhole = !items.includes(undefined) && others.length === items.length - 1
    return first !== undefined && isWhole ? [first, ...others as Item[]] : undefined
  })
}

import { encodeBase64url } from '../../core/encoding.ts'
import { isObject, type Json, type JsonObject } from '../../core/json.ts'
import type { RandomBytes } from '../../core/random.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import type { Gateway } from './gateway.ts'

const NONCE_BYTES = 16
/** The revision that no key ever has. */
const NEVER = '9223372036854775807'

/** A value that etcd holds, and the revision of its last change. */
export interface Held {
  readonly value: string
  readonly revision: string
}

/** What is written if the key still has this revision; `0` stands for a key that there is not. */
export interface Swap extends Held {
  /** The lease with which the value ends. */
  readonly lease?: string
}

/** The keys below one prefix. */
export interface Space {
  readonly read: (name: string) => Promise<Held | undefined>
  /** Compares and writes in one transaction; the new revision, or undefined if the key has another one. */
  readonly swap: (name: string, swap: Swap) => Promise<string | undefined>
  /** A lease of so many whole seconds. */
  readonly lease: (length: number) => Promise<string>
}

/**
 * Reads and writes below a prefix. Each value is written behind a number used once: when the answer to a first try was
 * lost and the second one finds the key changed, that number tells whether the first one had won.
 */
export function spaceOf(call: Gateway, prefix: string, randomBytes: RandomBytes): Space {
  const keyOf = (name: string): string => toBase64(`${prefix}/${name}`)
  const transaction = (key: string, revision: string, success: readonly object[]): Promise<JsonObject> =>
    call('/v3/kv/txn', {
      compare: [{ key, target: 'MOD', result: 'EQUAL', mod_revision: revision }],
      success,
      failure: [{ request_range: { key } }],
    })
  return {
    read: async (name) => {
      // A comparison that must fail: each reading shows that this server compares.
      const answer = await transaction(keyOf(name), NEVER, [])
      if (answer['succeeded'] !== true) return heldIn(answer)
      throw new StoreUnavailable('etcd does not compare revisions: a write that must fail would succeed')
    },
    swap: async (name, { revision, value, lease }) => {
      const key = keyOf(name)
      const nonce = encodeBase64url(randomBytes(NONCE_BYTES))
      const leased = lease === undefined ? {} : { lease }
      const put = { request_put: { key, value: toBase64(`${nonce}\n${value}`), ...leased } }
      const answer = await transaction(key, revision, [put])
      if (answer['succeeded'] === true) return textOf(answer['header'], 'revision')
      const found = heldIn(answer)
      return found?.nonce === nonce ? found.revision : undefined
    },
    lease: async (length) => textOf(await call('/v3/lease/grant', { TTL: String(length), ID: '0' }), 'ID'),
  }
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** What a failed comparison found, without the number before it. */
function heldIn({ responses }: JsonObject): (Held & { readonly nonce: string }) | undefined {
  const range = member(first(responses), 'response_range')
  const pair = first(member(range, 'kvs'))
  if (pair === undefined) return undefined
  const text = Buffer.from(textOf(pair, 'value'), 'base64').toString()
  const end = text.indexOf('\n')
  return { nonce: text.slice(0, end), value: text.slice(end + 1), revision: textOf(pair, 'mod_revision') }
}

function member(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) ? value[name] : undefined
}

function first(value: Json | undefined): Json | undefined {
  return Array.isArray(value) ? value[0] as Json : undefined
}

function textOf(value: Json | undefined, name: string): string {
  return String(member(value, name) ?? '')
}

import { encodeBase64url } from '../../core/encoding.ts'
import { isObject, type JsonObject, parseJsonBytes } from '../../core/json.ts'
import type { RandomBytes } from '../../core/random.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import type { Answer } from '../peer.ts'
import type { Api } from './api.ts'

const NONCE_BYTES = 16
/** A version that no Secret has: the first change in etcd makes none. */
const NEVER = '1'
/** Members of `data`: what is kept, and the number of the write that put it there. */
const [VALUE, NONCE] = ['value', 'nonce']

/** What a Secret holds; no value as long as it is empty. */
export interface Held {
  readonly value: string | undefined
  readonly version: string
}

/** One Secret, which operators made. Both methods reject with `StoreUnavailable`. */
export interface Secret {
  readonly read: () => Promise<Held>
  /** Replaces what was read or written last, if that has this version; the new version, or undefined. */
  readonly replace: (value: string, version: string) => Promise<string | undefined>
}

/** The object as the API server answered it; what others put beside `data` stays. */
interface Seen {
  readonly object: JsonObject
  readonly metadata: JsonObject
  readonly data: Readonly<Record<string, string>>
  readonly version: string
}

/**
 * A Secret by its name. It is never written without the version that it must have, and the API server is tried first:
 * a write that must fail has to. Each value goes with a number used once: when the answer to a first try was lost and
 * the second one finds another version, that number tells whether the first one had won.
 */
export function secretOf(api: Api, name: string, randomBytes: RandomBytes): Secret {
  let [seen, uid]: [Seen | undefined, unknown] = [undefined, undefined]
  const see = (answer: Answer): Seen => {
    const found = seenIn(answer, name)
    uid ??= found.metadata['uid']
    if (uid !== found.metadata['uid']) throw faultOf(name, 'was deleted and made again. Restore it, or start anew')
    return seen = found
  }
  const get = async (): Promise<Seen> => see(await api(name, 'GET'))
  const put = async ({ object, metadata, data }: Seen, resourceVersion: string): Promise<boolean> => {
    const body = { ...object, metadata: { ...metadata, resourceVersion }, data }
    const answer = await api(name, 'PUT', JSON.stringify(body))
    if (answer.status !== 409) see(answer)
    return answer.status !== 409
  }
  const tried = once(async () => {
    if (await put(await get(), NEVER)) throw faultOf(name, 'is replaced without comparing versions: do not use it')
  })
  return {
    read: async () => {
      await tried()
      const { data: { [VALUE]: value }, version } = await get()
      return { value: value === undefined ? undefined : Buffer.from(value, 'base64').toString(), version }
    },
    replace: async (value, version) => {
      if (seen?.version !== version) return undefined
      const nonce = toBase64(encodeBase64url(randomBytes(NONCE_BYTES)))
      const next = { ...seen, data: { ...seen.data, [VALUE]: toBase64(value), [NONCE]: nonce } }
      if (await put(next, version)) return seen.version
      const found = await get()
      return found.data[NONCE] === nonce ? found.version : undefined
    },
  }
}

/** The Secret in an answer. */
function seenIn({ status, body }: Answer, name: string): Seen {
  if (status === 404) throw faultOf(name, `is missing. Make it empty: kubectl create secret generic ${name}`)
  const parsed = parseJsonBytes(body)
  const object = parsed.ok && isObject(parsed.value) && parsed.value['kind'] === 'Secret' ? parsed.value : {}
  const { metadata, data = {}, immutable } = object
  if (immutable === true) throw faultOf(name, 'is immutable. Make it anew without that')
  const version = isObject(metadata) ? metadata['resourceVersion'] : undefined
  if (isObject(metadata) && typeof version === 'string' && isObject(data)) {
    return { object, metadata, data: data as Seen['data'], version }
  }
  throw faultOf(name, 'is not in the answer: that is no API server of Kubernetes. Check --kube-api')
}

function faultOf(name: string, fault: string): StoreUnavailable {
  return new StoreUnavailable(`Secret ${name} ${fault}`)
}

function toBase64(text: string): string {
  return Buffer.from(text).toString('base64')
}

/** Does a task for all who ask, and anew after it failed. */
function once(task: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    const doing = done ??= task()
    doing.catch(() => void (done = undefined))
    return doing
  }
}

import { isAvailable } from '../jose/signer.ts'
import { NO_MARKS } from '../keyring/policy.ts'
import { proof, type ProofLine } from '../keyring/proof.ts'
import { MAX_DOCUMENT_BYTES, MAX_ENGINE_BYTES } from '../keyring/store.ts'
import type { Config } from './config.ts'
import { isEngine } from './values.ts'

/** How the process was started, besides its configuration. */
export type Runtime = Pick<NodeJS.Process, 'env' | 'execArgv'>

/**
 * Why a configuration is refused: settings of Node.js that give away secrets, lines of the proof that fail,
 * options that contradict each other, algorithms that this runtime lacks, or a ring that outgrows its
 * store.
 */
export type Refusal =
  | { readonly code: 'runtime_unsafe'; readonly settings: readonly string[] }
  | { readonly code: 'promise_broken'; readonly lines: readonly ProofLine[] }
  | { readonly code: 'options_unsafe'; readonly faults: readonly string[] }
  | { readonly code: 'algorithm_missing'; readonly algs: readonly string[] }
  | { readonly code: 'ring_too_large'; readonly size: Readonly<Record<'published' | 'bytes' | 'most', number>> }

/** So many retired keys of each line fit into a file, and so many into a store on an engine. */
const [MANY_KEYS, FEW_KEYS] = [500, 20]

/** The proof for a store that holds no marks yet. */
export function proofOf(config: Config): readonly ProofLine[] {
  return proof(config.policy(NO_MARKS).timing, NO_MARKS)
}

/** Flags that let others read the memory or the traffic of the process; Node.js takes `_` for `-`. */
const UNSAFE_FLAG = /^--(?:inspect(?![_-]p)|heapsnapshot[_-]signal|tls[_-]keylog)/

/** The settings of Node.js that no server beyond this machine may have. */
function unsafeIn({ env, execArgv }: Runtime): readonly string[] {
  const flags = [...execArgv, ...(env['NODE_OPTIONS'] ?? '').split(/[\s"]+/)].filter((flag) => UNSAFE_FLAG.test(flag))
  return env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' ? ['NODE_TLS_REJECT_UNAUTHORIZED=0', ...flags] : flags
}

function isFronted({ tlsCert, tlsKey, socketGroup }: Config): boolean {
  return [tlsCert, tlsKey, socketGroup].some((value) => value !== undefined)
}

/** What stands against this configuration on this runtime; undefined when nothing does. */
export async function refusalOf(config: Config, runtime: Runtime): Promise<Refusal | undefined> {
  const settings = config.isPublic ? unsafeIn(runtime) : []
  if (settings.length > 0) return { code: 'runtime_unsafe', settings }
  const lines = proofOf(config).filter(({ holds }) => !holds)
  if (lines.length > 0) return { code: 'promise_broken', lines }
  const policy = config.policy(NO_MARKS)
  const { algs, timing } = policy
  const isShared = isEngine(config.store)
  const faults = [
    ...isShared ? (await import('./shared-store.ts')).storeFaults(config) : [],
    ...isFronted(config) ? await (await import('./front.ts')).frontFaults(config) : [],
  ]
  if (faults.length > 0) return { code: 'options_unsafe', faults }
  const [most, many] = isShared ? [MAX_ENGINE_BYTES, FEW_KEYS] : [MAX_DOCUMENT_BYTES, MANY_KEYS]
  if (timing.retention > many * timing.interval) {
    const size = (await import('../keyring/size.ts')).ringSize(policy)
    if (size.bytes > most) return { code: 'ring_too_large', size: { ...size, most } }
  }
  const available = await Promise.all(algs.map(isAvailable))
  const missing = algs.filter((_alg, at) => available[at] === false)
  return missing.length > 0 ? { code: 'algorithm_missing', algs: missing } : undefined
}

/** How much an event matters to a reader of the log. */
export type Level = 'debug' | 'info' | 'warning' | 'error'

/**
 * Everything that can leave the process besides responses: each sink receives these and nothing else. They hold names,
 * ids and numbers only; no token, secret, header or body can be written here.
 */
export type Event =
  | { readonly name: 'policy.proved'; readonly line: string }
  | { readonly name: 'store.volatile' }
  | { readonly name: 'store.created' }
  | { readonly name: 'store.mode_restored'; readonly path: string; readonly mode: string }
  /** `detail` is a sentence of this server: it may name a path, a kid, or an error code of the system. */
  | { readonly name: 'store.failed'; readonly code: string; readonly detail: string }
  | { readonly name: 'store.recovered' }
  /** The clock is behind, or was ahead: a stored time lies so many seconds ahead of it. */
  | { readonly name: 'stamps.ahead'; readonly seconds: number }
  | { readonly name: 'stamps.passed' }
  | {
    readonly name: 'key.created' | 'key.published' | 'key.promoted' | 'key.retired' | 'key.removed' | 'key.revoked'
    readonly kid: string
    readonly alg: string
  }
  | {
    readonly name: 'token.minted'
    /** As the token states it; a bad token may have none. */
    readonly kid?: string
    readonly alg: string
    readonly jti: string
    /** SHA-256 of the jti, a dot and the subject: the holder of the token can find it; a guess can be checked. */
    readonly subject: string
    readonly aud: string | readonly string[]
    /** As the token states it; a bad token may have none. */
    readonly exp?: number
    /** The client that received the token; a development token has none. */
    readonly client?: string
    /** What is wrong with the token on purpose. */
    readonly case?: string
  }
  /** An operator accepted an older ring, or a log that is not the one that the ring knows. */
  | {
    readonly name: 'rollback.accepted'
    readonly generation: number
    readonly known: number
    readonly reason: string
  }
  | { readonly name: 'witness.failed'; readonly code: string }
  /** A ring came into force here: its number, and the version of its document. */
  | { readonly name: 'ring.served'; readonly generation: number; readonly ring: string }
  | { readonly name: 'token.revoked'; readonly jti: string; readonly client: string }
  /** A client that is not registered is `unknown`: its name could be a secret in the wrong place. */
  | {
    readonly name: 'client.refused'
    readonly client: string
    readonly address: string
    readonly reason: ClientFault
  }
  /** So many tokens of a client were revoked one by one that all of them until now are. */
  | { readonly name: 'tokens.revoked'; readonly client: string }
  | { readonly name: 'clients.loaded'; readonly path: string; readonly clients: number; readonly issuers: number }
  /** An authenticated client is refused what it asks for; `detail` is the sentence that it gets. */
  | { readonly name: 'request.refused'; readonly client: string; readonly code: string; readonly detail: string }
  /** A key of another party, by its place in its set from 0 on, cannot be used; `member` is at fault. */
  | { readonly name: 'jwks.dropped'; readonly from: string; readonly place: number; readonly member: string }
  | { readonly name: 'jwks.failed'; readonly url: string }
  | { readonly name: 'clients.failed'; readonly path: string; readonly detail: string }
  | {
    readonly name: 'operator.ordered'
    readonly action: string
    readonly target: string
    readonly forced: boolean
    readonly reason: string
    /** Who says to have given the order, or `unknown`. */
    readonly by: string
  }
  | { readonly name: 'operator.refused'; readonly action: string; readonly code: string; readonly by: string }
  | { readonly name: 'config.loaded'; readonly version: string; readonly settings: Readonly<Record<string, string>> }
  /** A variable of the environment looks like ours and names no option: a misspelt one is not in force. */
  | { readonly name: 'config.unknown'; readonly variable: string }
  /** Nobody read the log for a while, so that many lines were not written. */
  | { readonly name: 'log.dropped'; readonly lines: number }
  | { readonly name: 'keys.unsealed'; readonly store: string }
  /** The common key set has keys that make some verifiers refuse it whole. */
  | { readonly name: 'keys.mixed'; readonly algs: readonly string[] }
  | { readonly name: 'audit.failed'; readonly code: string }
  | { readonly name: 'audit.recovered'; readonly lost: number }
  /** A chain begins: there was no log to continue. */
  | { readonly name: 'audit.begun'; readonly chain: string }
  /** A new file continues the chain, from this record on. */
  | {
    readonly name: 'audit.segment'
    readonly chain: string
    readonly from: number
    readonly generation?: number
    readonly ring?: string
  }
  /** So many more events of a kind came within a minute. */
  | { readonly name: 'audit.folded'; readonly folded: string; readonly count: number }
  | { readonly name: 'audit.torn'; readonly bytes: number }
  /** A server continued a log whose end was not signed: after a crash, or after somebody else wrote it. */
  | { readonly name: 'audit.unclosed'; readonly last: number; readonly hash: string }
  | { readonly name: 'audit.checkpoint'; readonly seq: number; readonly head: string; readonly kid: string }
  /** The certificate for TLS is in force until `expires`. */
  | { readonly name: 'certificate.loaded'; readonly path: string; readonly expires: string }
  /** The files of certificate and key have not fitted for a minute: `detail` says why; the former pair is in force. */
  | { readonly name: 'certificate.failed'; readonly path: string; readonly detail: string }
  /** The certificate for TLS expires at `at`, in so many whole days; 0 also means that it has expired. */
  | { readonly name: 'certificate.expires'; readonly path: string; readonly at: string; readonly days: number }
  /** No proxy on the socket is trusted, so that all clients count as one. */
  | { readonly name: 'proxies.untrusted'; readonly address: string }
  | { readonly name: 'auth.open'; readonly address: string }
  | {
    readonly name: 'worker.ended'
    readonly worker: number
    readonly code: number | null
    readonly signal: string | null
  }
  /** The store cannot be shared, so there is one worker. */
  | { readonly name: 'workers.single'; readonly store: string }
  /** There is one thread: while it makes a key, it signs nothing. */
  | { readonly name: 'threads.single' }
  | {
    readonly name: 'server.listening'
    readonly url: string
    readonly issuer: string
    readonly store: string
    readonly auth: string
    readonly admin: string
    readonly metrics: string
    readonly audit: string
  }
  | { readonly name: 'server.stopping'; readonly signal: string }
  | { readonly name: 'server.stopped' }
  | { readonly name: 'server.fault'; readonly error: string; readonly at: readonly string[] }

/** The check that a client failed: a part or member of its assertion, or what else; `credentials`: none, or several. */
export type ClientFault =
  | 'credentials' | 'unregistered' | 'method' | 'secret' | 'keys' | 'used' | 'full'
  | 'size' | 'form' | 'header' | 'alg' | 'crit' | 'b64' | 'typ' | 'kid' | 'signature' | 'claims'
  | 'iss' | 'sub' | 'aud' | 'exp' | 'iat' | 'nbf' | 'jti'

/** Receives every event. */
export type Emit = (event: Event) => void

/** The level of each event whose level is not `info`. */
export const LEVELS: ReadonlyMap<Event['name'], Level> = new Map(([
  ['debug', ['token.minted', 'config.loaded', 'ring.served']],
  ['warning', [
    'tokens.revoked', 'store.volatile', 'stamps.ahead', 'rollback.accepted', 'witness.failed', 'config.unknown',
    'log.dropped', 'key.revoked', 'client.refused', 'jwks.failed', 'operator.ordered', 'operator.refused',
    'keys.unsealed', 'keys.mixed', 'audit.recovered', 'audit.torn', 'audit.unclosed', 'auth.open', 'workers.single',
    'threads.single', 'store.mode_restored', 'jwks.dropped', 'certificate.failed', 'certificate.expires',
    'proxies.untrusted',
  ]],
  ['error', ['store.failed', 'clients.failed', 'audit.failed', 'worker.ended', 'server.fault']],
] as const).flatMap(([level, names]) => names.map((name) => [name, level] as const)))

/** The event of an unexpected error: its class and where it was thrown, but no message, which could hold input. */
export function faultEvent(error: unknown): Event {
  if (!(error instanceof Error)) return { name: 'server.fault', error: typeof error, at: [] }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return { name: 'server.fault', error: error.name, at: frames.slice(0, 8).map((line) => line.trim()) }
}

import type { Seconds } from './time.ts'

/** How much an event matters to whoever reads the log. */
export type Level = 'debug' | 'info' | 'warning' | 'error'

/**
 * Everything that can leave the process besides answers: each sink takes these and nothing else. Names, ids and
 * numbers only; no token, secret, header or body has a spelling here.
 */
export type Event =
  | { readonly name: 'policy.proved'; readonly line: string }
  | { readonly name: 'store.volatile' }
  | { readonly name: 'store.failed'; readonly code: string }
  | { readonly name: 'store.recovered' }
  | {
    readonly name: 'key.created' | 'key.published' | 'key.promoted' | 'key.retired' | 'key.removed'
    readonly kid: string
    readonly alg: string
  }
  | { readonly name: 'token.minted'; readonly kid: string; readonly alg: string; readonly jti: string; readonly ttl: Seconds }
  | { readonly name: 'auth.open'; readonly address: string }
  | {
    readonly name: 'server.listening'
    readonly url: string
    readonly issuer: string
    readonly store: string
    readonly auth: string
  }
  | { readonly name: 'server.stopping'; readonly signal: string }
  | { readonly name: 'server.stopped' }
  | { readonly name: 'server.fault'; readonly error: string; readonly at: readonly string[] }

/** Receives every event. */
export type Emit = (event: Event) => void

/** The level of each event. */
export const LEVELS: Readonly<Record<Event['name'], Level>> = {
  'policy.proved': 'info',
  'store.volatile': 'warning',
  'store.failed': 'error',
  'store.recovered': 'info',
  'key.created': 'info',
  'key.published': 'info',
  'key.promoted': 'info',
  'key.retired': 'info',
  'key.removed': 'info',
  'token.minted': 'debug',
  'auth.open': 'warning',
  'server.listening': 'info',
  'server.stopping': 'info',
  'server.stopped': 'info',
  'server.fault': 'error',
}

/** The event of an error that nobody expected: its kind and where it arose, but no message, which could hold input. */
export function faultEvent(error: unknown): Event {
  if (!(error instanceof Error)) return { name: 'server.fault', error: typeof error, at: [] }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return { name: 'server.fault', error: error.name, at: frames.slice(0, 8).map((line) => line.trim()) }
}

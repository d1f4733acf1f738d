import type { Config } from '../config/config.ts'
import type { Event } from '../core/event.ts'
import type { Issuer } from '../core/issuer.ts'
import type { JsonObject } from '../core/json.ts'
import type { System } from '../core/system.ts'
import type { Instant } from '../core/time.ts'
import type { MakeServer } from '../http/listener.ts'
import type { Route } from '../http/router.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { OpenJtis } from '../oauth/jti-store.ts'

/** What an optional part shares with the rest of the server. */
export interface PartDeps extends System {
  readonly config: Config
  readonly keyring: Keyring
  readonly openJtis: OpenJtis
  /** Whether the record of every token so far is on the disk, once it is; undefined where no record is required. */
  readonly mayMint: (() => Promise<boolean>) | undefined
}

/** What an optional part adds to a server. */
export interface Part {
  readonly routesAt: (issuer: Issuer) => readonly Route[]
  /** Members for the metadata of an issuer, which are made anew when `basis` answers another object. */
  readonly metadataAt?: (issuer: Issuer) => JsonObject
  readonly basis?: () => unknown
  /** Reads again what operators may change while the server runs. */
  readonly reload?: () => Promise<void>
  readonly close?: () => void
}

/** The audit log, as the server uses it. */
export interface Recorder {
  readonly record: (event: Event) => void
  /** Whether the last event could be written. */
  readonly isWritten: () => boolean
  /** Resolves once every record so far is on the disk, or to false when that is not possible now. */
  readonly written: () => Promise<boolean>
  /** Begins a new file if somebody moved, deleted or cut the present one. */
  readonly reopen: () => Promise<void>
  readonly tick: () => Promise<void>
  readonly close: () => Promise<void>
}

/** The certificate of a server, as in its files now. */
export interface Tls {
  readonly expires: () => Instant
  readonly state: () => 'valid' | 'expires soon' | 'expired'
  /** Makes the server that speaks TLS, and from then on follows the files. */
  readonly makeServer: MakeServer
  /** Looks at the files; never rejects. */
  readonly reload: () => Promise<void>
  readonly close: () => void
}

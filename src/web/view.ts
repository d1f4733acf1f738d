/**
 * This room makes the page for people: HTML and SVG from a plain view of the ring. Read this file first (what the page
 * knows), then page.ts (what the server makes of it); the folder `page` holds what runs in the browser.
 */

/** A key with the moments of its life, in seconds since the epoch; what lies ahead is planned. */
export interface KeyView {
  /** Its published half. */
  readonly jwk: { readonly kid: string; readonly alg: string; readonly kty: string }
  readonly state: 'standby' | 'active' | 'retired' | 'removed'
  /** Undefined until a ring with the key was seen committed. */
  readonly published_at?: number | undefined
  readonly active_from?: number | undefined
  readonly active_to?: number | undefined
  readonly removed_at?: number | undefined
}

/** What `page/state.json` answers: public halves, states and times, nothing else. */
export interface RingView {
  readonly now: number
  /** Seconds of the timeline before and after now. */
  readonly past: number
  readonly ahead: number
  readonly keys: readonly KeyView[]
}

/** What the page shows besides the ring. */
export interface PageView extends RingView {
  readonly issuer: string
  readonly jwksUri: string
  /** What a token for nobody in particular is for; empty where clients have audiences of their own. */
  readonly audiences: readonly string[]
  readonly algs: readonly string[]
  /** Whether `/auth` is open, and the default and the longest lifetime of what it makes, in seconds. */
  readonly canMint: boolean
  readonly ttl: number
  readonly maxTtl: number
  /** The longest lifetime that any token of these keys was ever given. */
  readonly longest: number
}

/** Attributes of an element; one without a value is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** An element with its attributes and what is in it. */
export type Branch = readonly [name: string, attributes: Attributes, ...children: Tree[]]

/** Markup as a value. */
export type Tree = string | Branch

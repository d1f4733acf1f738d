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
  /** The default and the longest lifetime of a token from `/auth`, in seconds; undefined where `/auth` is not open. */
  readonly mint: { readonly ttl: number; readonly maxTtl: number } | undefined
}

/** Attributes of an element; one without a value is left out. */
export type Attributes = Readonly<Record<string, string | number | undefined>>

/** Markup as a value: a text, or an element with its attributes and what is in it. */
export type Tree = string | readonly [name: string, attributes: Attributes, ...children: Tree[]]

import type { RingView, Tree } from '../view.ts'

/** The lives of the keys as SVG: one bar for each, through standby, active and retired. */
export function timeline(view: RingView): Tree

/** The details of each key, closed. */
export function keyList(view: RingView): Tree

import type { Branch, RingView } from '../view.ts'

/** The lives of the keys as SVG: one bar for each, through standby, active and retired. */
export function timeline(view: RingView): Branch

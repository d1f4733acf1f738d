import type { KeyView, RingView, Tree } from '../view.ts'

/** The details of each key, closed. */
export function keyList(view: RingView): Tree

/** The keys that the timeline shows: line by line, the oldest of each first. */
export function inOrder(view: RingView): readonly KeyView[]

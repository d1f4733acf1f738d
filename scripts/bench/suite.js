/** @typedef {{ what: string, bar: number, figure: number, isMost?: boolean, floor?: number }} Bar `isMost`: the figure must not be above it. A short run fails below `floor`. */
/**
 * @typedef {object} Scope
 * @property {number} rounds
 * @property {readonly import('./peers.js').Peer[]} peers Those that can run here.
 * @property {boolean} isShort
 * @property {{ seconds: number, warm?: number, lead?: number }} how Every sample is taken.
 * @property {number} minutes How long memory is watched.
 * @property {(text: string) => void} progress
 */
/** One part of the benchmark. @typedef {(world: import('./world.js').World, scope: Scope) => Promise<{ tables: import('./table.js').Table[], bars: Bar[] }>} Suite */

export {}

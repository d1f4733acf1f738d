/** A seeded source of numbers, so that a failure can be run again (mulberry32). */
export interface Seeded {
  /** At least 0, less than 1. */
  readonly real: () => number
  /** A whole number from `least` to `most`. */
  readonly int: (least: number, most: number) => number
  readonly chance: (probability: number) => boolean
  readonly pick: <Item>(items: readonly Item[]) => Item
}

/** A source whose numbers follow from the seed alone. */
export function seeded(seed: number): Seeded {
  let state = seed >>> 0
  const real = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const int = (least: number, most: number): number => least + Math.floor(real() * (most - least + 1))
  return {
    real,
    int,
    chance: (probability) => real() < probability,
    pick: (items) => items[int(0, items.length - 1)] as typeof items[number],
  }
}

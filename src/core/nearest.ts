/** A typing error makes at most this many changes. */
const MAX_CHANGES = 3

/** The names that a word with typing errors may stand for, the most likely first. */
export function nearest(word: string, names: readonly string[]): readonly string[] {
  const near = names.map((name) => ({ name, changes: name.startsWith(word) ? 1 : distance(word, name) }))
  return near.filter(({ changes, name }) => changes <= MAX_CHANGES && changes <= name.length / 2)
    .toSorted((one, other) => one.changes - other.changes).map(({ name }) => name)
}

/** How many characters must be changed, added or removed to make one text of the other (Levenshtein). */
export function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_none, at) => at)
  for (let at = 1; at <= one.length; at += 1) {
    const next = [at]
    for (let to = 1; to <= other.length; to += 1) {
      const change = (row[to - 1] ?? 0) + (one[at - 1] === other[to - 1] ? 0 : 1)
      next.push(Math.min(change, (row[to] ?? 0) + 1, (next[to - 1] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}

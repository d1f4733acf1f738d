import type { Emit, Event } from './event.ts'

/** Counts by the name and labels of a counter as Prometheus writes them. */
export type Tally = Map<string, number>

/** Adds one to a count. */
export function count(tally: Tally, sample: string): void {
  tally.set(sample, (tally.get(sample) ?? 0) + 1)
}

/** Counts every event before it goes on. */
export function counting(tally: Tally, emit: Emit): Emit {
  return (event) => {
    count(tally, eventSample(event))
    emit(event)
  }
}

/** The counter of responses with a status on a path. */
export function requestSample(path: string, status: number): string {
  return `jwksd_requests_total{path=${JSON.stringify(path)},code="${status}"}`
}

/** Counts responses; a path that nobody registered is no label: a stranger could fill the memory with them. */
export function replyCounter(tally: Tally, paths: ReadonlySet<string>): (path: string, status: number) => void {
  return (path, status) => count(tally, requestSample(paths.has(path) ? path : 'other', status))
}

/** The counter of an event: its name, and its algorithm if it has one; no text that a request could contain. */
export function eventSample(event: Event): string {
  const alg = 'alg' in event ? `,alg="${event.alg}"` : ''
  return `jwksd_events_total{event="${event.name}"${alg}}`
}

/** The sums of several tallies, sample by sample. */
export function sumOf(tallies: Iterable<Iterable<readonly [string, number]>>): Tally {
  const sum: Tally = new Map()
  for (const tally of tallies) for (const [sample, times] of tally) sum.set(sample, (sum.get(sample) ?? 0) + times)
  return sum
}

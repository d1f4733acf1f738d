import { seconds } from '../../core/time.ts'
import { StoreUnavailable } from '../../keyring/store.ts'
import { systemElapsed } from '../../system/clock.ts'
import { pause } from '../../system/pause.ts'
import { MAX_SHARD_BYTES } from './bounds.ts'
import type { Secret } from './secret.ts'

/** A write is followed by a rest of its length at this pace: the etcd of the cluster keeps each one for minutes. */
const BYTES_PER_SECOND: number = 128 * 1024
const WRITE_SECONDS = 7

/** A moment, and the number of the attempt that set it. */
export interface Mark {
  readonly at: number
  readonly nonce: string
}

/** The marks of a Secret by name. */
export type MarkMap = Map<string, Mark>

/** One Secret with marks. All methods reject with `StoreUnavailable`. */
export interface Shard {
  /** The marks that were set before this call, and maybe later ones. */
  readonly read: () => Promise<MarkMap>
  /** Applies a change, which says whether it changed anything; where another writer was faster, it is applied anew. */
  readonly change: (one: Change) => Promise<void>
}

type Change = (marks: MarkMap) => boolean

/** Gathers reads, and gathers changes, so that each turn is one request for all who wait. */
export function shardOf(secret: Secret, name: string, isOver: (mark: Mark) => boolean): Shard {
  let waiting: Change[] = []
  let [wasSet, restsUntil] = [false, 0]
  const load = async (): Promise<readonly [MarkMap, version: string]> => {
    const { value, version } = await secret.read()
    if (value === undefined && wasSet) throw new StoreUnavailable(`Secret ${name} was emptied. Start this server anew`)
    wasSet ||= value !== undefined
    return [marksIn(value ?? ''), version]
  }
  const write = async (): Promise<void> => {
    const changes = waiting
    waiting = []
    for (const until = systemElapsed() + WRITE_SECONDS; systemElapsed() < until;) {
      const [marks, version] = await load()
      if (changes.map((change) => change(marks)).every((isChanged) => !isChanged)) return
      const text = textOf(marks, isOver)
      if (text.length > MAX_SHARD_BYTES) {
        throw new StoreUnavailable(`Secret ${name} is full: more than ${MAX_SHARD_BYTES} bytes of identifiers`)
      }
      if (await secret.replace(text, version) === undefined) continue
      wasSet = true
      restsUntil = systemElapsed() + text.length / BYTES_PER_SECOND
      return
    }
    throw new StoreUnavailable(`Cannot write Secret ${name} in ${WRITE_SECONDS} s: others write it all the time`)
  }
  const flush = inTurns(write, () => pause(seconds(Math.max(restsUntil - systemElapsed(), 0))))
  return {
    read: inTurns(async () => (await load())[0]),
    change: (one) => {
      waiting.push(one)
      return flush()
    },
  }
}

/** Runs a task for all who asked before it began; those who ask meanwhile get the next run. */
function inTurns<Value>(task: () => Promise<Value>, ready?: () => Promise<void>): () => Promise<Value> {
  let running: Promise<unknown> = Promise.resolve()
  let next: Promise<Value> | undefined
  const run = (): Promise<Value> => {
    next = undefined
    const run = task()
    running = run.catch(() => {})
    return run
  }
  return () => next ??= running.then(ready).then(run)
}

/** One mark a line: its name, its moment and its number. */
function marksIn(text: string): MarkMap {
  const lines = text.split('\n').slice(0, -1).map((line) => line.split(' '))
  return new Map(lines.map(([name = '', at, nonce = '']) => [name, { at: Number(at), nonce }]))
}

function textOf(marks: MarkMap, isOver: (mark: Mark) => boolean): string {
  const living = [...marks].filter(([, mark]) => !isOver(mark))
  return living.map(([name, { at, nonce }]) => `${name} ${at} ${nonce}\n`).join('')
}

import { type ChildProcess, fork } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { RingStore } from '../../src/keyring/store.ts'
import type { StoreAnswer, StoreCall } from './store-process.ts'

const PROGRAM = fileURLToPath(new URL('store-process.ts', import.meta.url))
const COUNT = 3

/** How the processes are started: on their own, or as workers of a cluster, which share what they listen on. */
export type Kind = 'child processes' | 'workers'

/** A process, and how many calls it has not answered. */
interface Busy {
  readonly child: ChildProcess
  calls: number
}

/** File stores whose calls go to the process with the fewest calls, so that calls at once meet only in the file. */
export function storeOfProcesses(kind: Kind): (path: string) => RingStore {
  const pending = new Map<number, (answer: StoreAnswer) => void>()
  const onAnswer = (answer: StoreAnswer): void => pending.get(answer.id)?.(answer)
  let processes: Promise<readonly Busy[]> | undefined
  let calls = 0
  const send = async (path: string, replace: StoreCall['replace']): Promise<unknown> => {
    const startOne = async (): Promise<Busy> => ({ child: await started(kind, onAnswer), calls: 0 })
    processes ??= Promise.all(Array.from({ length: COUNT }, startOne))
    const least = (await processes).reduce((one, other) => other.calls < one.calls ? other : one)
    calls += 1
    const id = calls
    least.calls += 1
    const answer = await new Promise<StoreAnswer>((resolve) => {
      pending.set(id, resolve)
      least.child.send({ id, path, replace } satisfies StoreCall)
    })
    least.calls -= 1
    pending.delete(id)
    if ('error' in answer) throw new Error(answer.error)
    return answer.value
  }
  after(async () => (await processes)?.forEach(({ child }) => child.kill('SIGKILL')))
  return (path) => ({
    durable: true,
    load: () => send(path, undefined) as ReturnType<RingStore['load']>,
    replace: (document, expected) => send(path, { document, expected }) as ReturnType<RingStore['replace']>,
  })
}

/** Starts a process, and resolves when it listens. */
async function started(kind: Kind, onAnswer: (answer: StoreAnswer) => void): Promise<ChildProcess> {
  const child = kind === 'workers' ? worker() : fork(PROGRAM)
  await once(child, 'message')
  return child.on('message', onAnswer)
}

function worker(): ChildProcess {
  cluster.setupPrimary({ exec: PROGRAM, args: [] })
  return cluster.fork().process
}

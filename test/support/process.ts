import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { after } from 'node:test'
import { fileURLToPath } from 'node:url'
import { assertCleanLog } from './leak.ts'

export const SERVER: string = fileURLToPath(new URL('../../dist/server.js', import.meta.url))

/** What a finished process left behind. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running `node dist/server.js`. */
export interface ServerProcess {
  readonly url: string
  readonly port: number
  /** What it said when it was there. */
  readonly announced: string
  readonly child: ChildProcess
  readonly finished: Promise<Finished>
}

/** No command works that long, on a busy machine either. */
const MAX_RUN_MS = 60_000

type Args = readonly string[]
type Environment = Readonly<Record<string, string>>

/** Runs `node dist/server.js` to its end; rejects if it has none: a server that starts where it should refuse to. */
export async function run(args: Args, env: Environment = {}): Promise<Finished> {
  const child = start(args, env)
  const timer = setTimeout(() => child.kill('SIGKILL'), MAX_RUN_MS)
  const { code, ...output } = await finish(child)
  clearTimeout(timer)
  if (child.signalCode === 'SIGKILL') throw new Error(`It did not end: ${args.join(' ')}\n${output.stdout}`)
  return { code, ...output }
}

/** Starts `node dist/server.js`, by another program if that is named, and waits until it says where it listens. */
export async function serve(args: Args, env: Environment = {}, by: Args = []): Promise<ServerProcess> {
  const child = start(['--port', '0', ...args], env, by)
  const finished = finish(child)
  const ready = new Promise<readonly [string, string]>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    lines.on('line', (line) => {
      const { event, url } = JSON.parse(line) as { event: string; url: string }
      if (event === 'server.listening') resolve([url, line])
    })
    void finished.then(({ stderr }) => reject(new Error(`The server ended: ${stderr}`)))
  })
  const [url, announced] = await ready
  return { url, port: Number(new URL(url).port), announced, child, finished }
}

/** Sends a signal and waits for the end. */
export async function end({ child, finished }: ServerProcess, signal: NodeJS.Signals = 'SIGTERM'): Promise<Finished> {
  child.kill(signal)
  return await finished
}

const children = new Set<ChildProcess>()
// A test that fails leaves its server running, and a running child would keep the run from ending.
after(() => {
  for (const child of children) child.kill('SIGKILL')
})

function start(args: Args, env: Environment, by: Args = []): ChildProcess {
  const [file = '', ...rest] = [...by, process.execPath, SERVER, ...args]
  const child = spawn(file, rest, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  children.add(child)
  return child.once('exit', () => children.delete(child))
}

async function finish(child: ChildProcess): Promise<Finished> {
  const output = { stdout: '', stderr: '' }
  child.stdout?.on('data', (chunk: Buffer) => output.stdout += chunk.toString())
  child.stderr?.on('data', (chunk: Buffer) => output.stderr += chunk.toString())
  const [code] = await once(child, 'close') as [number | null]
  // A checkpoint of an audit log on standard output is signed, too.
  assertCleanLog(output.stdout.replace(/"jws":"[^"]+"/g, ''), 'standard output')
  assertCleanLog(output.stderr, 'standard error')
  return { code, ...output }
}

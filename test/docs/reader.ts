import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../scripts/setup.js'
import { SERVER } from '../support/process.ts'

/** Somebody who types what a page says, in a folder that looks like a clone. */
export interface Reader {
  /** Runs one command in a shell that goes on; a server is started beside it, and ends the one before. */
  readonly type: (command: string) => Promise<{ readonly output: string; readonly status: number | undefined }>
  /** Writes a file that a page shows. */
  readonly write: (name: string, text: string) => void
  readonly leave: () => Promise<void>
}

/** Commands that go on until somebody ends them. */
const SERVES = /^(?:npm start|jwksd)(?=$| --)(?!.*&$)/s
/** Milliseconds that a command may take, or a server until it answers. */
const COMMAND_MS = 30_000
/** What a clone holds, as far as a page uses it. */
const LINKED = ['dist', 'scripts', 'src', 'package.json', 'tsconfig.json', 'package-lock.json']

/** Makes the folder and starts the shell; the server of the page listens on `port`. */
export function openReader(port: number): Reader {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-docs-'))
  for (const name of LINKED) symlinkSync(join(root, name), join(folder, name))
  cpSync(join(root, 'docs', 'examples'), join(folder, 'docs', 'examples'), { recursive: true })
  cpSync(join(import.meta.dirname, 'api.js'), join(folder, 'api.js'))
  // What `npm link` makes.
  for (const name of ['bin', 'node_modules']) mkdirSync(join(folder, name))
  symlinkSync(SERVER, join(folder, 'bin', 'jwksd'))
  symlinkSync(root, join(folder, 'node_modules', 'jwksd'))
  const { NODE_TEST_CONTEXT: _none, ...others } = process.env
  const env = { ...others, PATH: `${join(folder, 'bin')}:${process.env['PATH']}`, JWKSD_PORT: String(port) }
  const options = { cwd: folder, env, detached: true } as const
  const shell = spawn('bash', [], { ...options, stdio: ['pipe', 'pipe', 'ignore'] })
  let server: ChildProcess | undefined
  const stop = async (): Promise<void> => {
    if (server !== undefined) await ended(server, 'SIGTERM')
    server = undefined
  }
  return {
    type: async (command) => {
      if (!SERVES.test(command)) return await typed(shell, command)
      await stop()
      server = spawn('bash', ['-c', `exec 2>&1; ${command}`], { ...options, stdio: ['ignore', 'pipe', 'ignore'] })
      return await started(server, port)
    },
    write: (name, text) => writeFileSync(join(folder, name), text),
    leave: async () => {
      await stop()
      await ended(shell, 'SIGKILL')
      rmSync(folder, { recursive: true })
    },
  }
}

async function typed(shell: ChildProcess, command: string): Promise<{ output: string; status: number }> {
  const done = `done-${Math.random().toString(36).slice(2)}`
  const output = gathered(shell, (text) => text.includes(`${done} `))
  shell.stdin?.write(`{ ${command}\n} 2>&1 < /dev/null\nprintf '\\n${done} %s\\n' $?\n`)
  const [, shown = '', status] = new RegExp(`^([\\s\\S]*)\n${done} (\\d+)\n$`).exec(await output) ?? []
  return { output: shown, status: Number(status) }
}

/** What a server says until it listens and has its second key, or until it ends. */
async function started(server: ChildProcess, port: number): Promise<{ output: string; status: number | undefined }> {
  const output = await gathered(server, (text) => text.includes('"event":"server.listening"'))
  if (server.exitCode !== null || !output.includes('server.listening')) return { output, status: server.exitCode ?? 1 }
  for (const until = performance.now() + COMMAND_MS; performance.now() < until;) {
    const { keys } = await (await fetch(`http://127.0.0.1:${port}/jwks.json`)).json() as { keys: readonly unknown[] }
    if (keys.length > 1) break
  }
  return { output, status: undefined }
}

/** What a process writes until that is enough, or until it ends; one that takes too long is ended. */
async function gathered(child: ChildProcess, isEnough: (text: string) => boolean): Promise<string> {
  const { stdout } = child
  const timer = setTimeout(() => void ended(child, 'SIGKILL'), COMMAND_MS)
  let text = ''
  return await new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      stdout?.off('data', read).off('close', end)
      resolve(text)
    }
    const read = (chunk: Buffer): void => {
      text += chunk.toString()
      if (isEnough(text)) end()
    }
    stdout?.on('data', read).on('close', end)
  })
}

/** Ends a process and all that it started. */
async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exit = once(child, 'exit')
  process.kill(-child.pid, signal)
  child.stdout?.resume()
  await exit
}

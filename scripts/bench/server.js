import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'

/** Milliseconds in which a server must answer. */
const PATIENCE = 20_000
/** Ticks per second in /proc (proc(5)); the same on every Linux that Node runs on. */
const TICKS = 100

/** The servers on the first core and the load on the second, so that neither takes time from the other. */
export const CORES = { server: '0', load: '1' }

/** How a program is started. @typedef {{ file: string, args: readonly string[], env?: Record<string, string> }} Command */

/** One running server, pinned to some cores. */
export class Running {
  #child
  #stderr = ''

  /** @param {Command} command @param {string} cores */
  constructor({ file, args, env }, cores) {
    const pinned = cores === '' ? [file, ...args] : ['taskset', '-c', cores, file, ...args]
    this.#child = spawn(/** @type {string} */ (pinned[0]), pinned.slice(1), { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } })
    this.#child.stderr.on('data', (chunk) => (this.#stderr = `${this.#stderr}${chunk}`.slice(-2000)))
  }

  get pid() {
    return /** @type {number} */ (this.#child.pid)
  }

  /** Waits until the URL answers 200. @param {string} url */
  async ready(url) {
    const end = Date.now() + PATIENCE
    for (; Date.now() < end; await pause(20)) {
      if (this.#child.exitCode !== null) break
      if (await fetch(url).then((answer) => answer.status === 200, () => false)) return
    }
    throw new Error(`Cannot reach ${url}: ${this.#stderr}`)
  }

  /** Seconds of processor time that it and its children have taken so far. */
  cpu() {
    return this.#all().reduce((sum, { ticks }) => sum + ticks, 0) / TICKS
  }

  /** Bytes of memory in use, children included (VmRSS). */
  memory() {
    return this.#all().reduce((sum, { pid }) => sum + 1024 * Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0), 0)
  }

  /** Ends it without a word. */
  kill() {
    this.#child.kill('SIGKILL')
  }

  /** Sends it a signal. @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#child.kill(signal)
  }

  /** Ends it as an operator would. */
  async end() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 8000)
    await exited
    clearTimeout(timer)
  }

  /** The process and everything below it. */
  #all() {
    const known = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => {
      try {
        // The name of a program may hold spaces and brackets; what follows the last bracket is plain.
        const fields = readFileSync(`/proc/${name}/stat`, 'utf8').replace(/^.*\) /s, '').split(' ')
        return [{ pid: Number(name), parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) }]
      } catch {
        return []
      }
    })
    const own = known.filter(({ pid }) => pid === this.pid)
    for (const each of own) own.push(...known.filter(({ parent }) => parent === each.pid))
    return own
  }
}

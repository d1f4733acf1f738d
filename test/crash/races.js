import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const RACER = fileURLToPath(new URL('racer.js', import.meta.url))
/** Milliseconds between two kills, at least and at most. */
const [SHORTEST, LONGEST] = [300, 900]

/** @typedef {{ generation: number, over?: string, version: string, keys: string[], past: string[] }} Note */

/**
 * Lets processes rotate one ring as fast as they can, and kills one of them now and then.
 * @param {{ dist: string, processes: number, seconds: number }} order
 */
export async function race({ dist, processes, seconds }) {
  const folder = mkdtempSync(join(tmpdir(), 'jwksd-race-'))
  /** @type {string[]} */
  const faults = []
  const counts = { commits: 0, kills: 0, unnoted: 0, rotated: 0, refused: 0, contended: 0 }
  try {
    let started = 0
    const start = () => {
      started += 1
      const child = spawn(process.execPath, [RACER, dist, join(folder, 'ring.json'), join(folder, `${started}.journal`)], { stdio: ['ignore', 'pipe', 'pipe'] })
      let [stdout, stderr] = ['', '']
      child.stdout.on('data', (chunk) => stdout += chunk)
      child.stderr.on('data', (chunk) => stderr += chunk)
      const gone = once(child, 'close').then(([code, signal]) => {
        if (code === 0) for (const name of /** @type {const} */ (['rotated', 'refused', 'contended'])) counts[name] += JSON.parse(stdout)[name]
        // One that has just been started ends by SIGTERM before it hears it: one more crash.
        else if (signal === null) faults.push(`a process ended with ${code}: ${stderr.trim().slice(0, 500)}`)
      })
      return { child, gone }
    }
    const racers = Array.from({ length: processes }, start)
    const end = Date.now() + seconds * 1000
    while (Date.now() < end && faults.length === 0) {
      await pause(SHORTEST + Math.random() * (LONGEST - SHORTEST))
      const at = Math.floor(Math.random() * processes)
      racers[at]?.child.kill('SIGKILL')
      await racers[at]?.gone
      counts.kills += 1
      racers[at] = start()
    }
    await pause(LONGEST)
    for (const { child } of racers) child.kill('SIGTERM')
    await Promise.all(racers.map(({ gone }) => gone))
    judge(folder, counts, faults)
    return { ...counts, faults }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The generation of the ring in a file; 0 when it was torn by a kill in the middle of a write. @param {string} path */
function generationIn(path) {
  try {
    return Number(JSON.parse(readFileSync(path, 'utf8')).ring.generation)
  } catch {
    return 0
  }
}

/** Follows the chain of commits. @param {string} folder @param {{ commits: number, kills: number, unnoted: number }} counts @param {string[]} faults */
function judge(folder, counts, faults) {
  const journals = readdirSync(folder).filter((name) => name.endsWith('.journal'))
  /** @type {Note[]} */
  const notes = journals.flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n').slice(0, -1).map((line) => JSON.parse(line)))
  notes.sort((one, other) => one.generation - other.generation)
  counts.commits = notes.length
  const winners = new Set(notes.map(({ over }) => over))
  if (winners.size < notes.length) faults.push(`${notes.length - winners.size} versions were replaced twice`)
  for (const [at, note] of notes.entries()) {
    const before = notes[at - 1]
    // The winner before was killed between its commit and its note.
    const isGap = before !== undefined && note.generation === before.generation + 2
    if (isGap) counts.unnoted += 1
    if (before === undefined ? note.over !== undefined : note.over !== before.version && !isGap) faults.push(`commit ${note.generation} is not built on the one before`)
    const known = new Set([...note.keys, ...note.past])
    const lost = before?.keys.filter((kid) => !known.has(kid)) ?? []
    if (lost.length > 0) faults.push(`commit ${note.generation} lost ${lost.length} keys`)
  }
  if (counts.unnoted > counts.kills) faults.push(`${counts.unnoted} commits are unaccounted for after ${counts.kills} kills`)
  if (generationIn(join(folder, 'ring.json')) < (notes.at(-1)?.generation ?? 1)) faults.push('the last commit is not in the file')
  const left = readdirSync(folder).filter((name) => name.endsWith('.tmp'))
  if (left.length > 1) faults.push(`${left.length} temporary files are left`)
}

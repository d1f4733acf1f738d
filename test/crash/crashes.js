import { mkdtempSync, rmSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Witness } from './witness.js'

/** A fresh folder after so many crashes: the history in the file grows with each rotation. */
const EPOCH = 100
/** Milliseconds: the longest life of a server, and the longest wait of an aimed kill. */
const LONGEST = 500
const AIM = 4

const pause = (/** @type {number} */ length) => new Promise((resolve) => setTimeout(resolve, length))

/**
 * Kills servers with SIGKILL, half of them at a random moment of their start or life, half while they write the file.
 * @param {{ dist: string, count: number, untilFault?: boolean, isConfined?: boolean }} order
 */
export async function crash({ dist, count, untilFault = false, isConfined = false }) {
  const sum = { starts: 0, tokens: 0, keys: 0, rotations: 0, refused: 0, recorded: 0, crashes: 0, aimed: 0 }
  /** @type {string[]} */
  const faults = []
  while (sum.crashes < count && !(untilFault && faults.length > 0)) {
    const folder = mkdtempSync(join(tmpdir(), 'jwksd-crash-'))
    try {
      const witness = new Witness({ dist, folder, isConfined })
      for (let left = Math.min(EPOCH, count - sum.crashes); left > 0 && witness.faults.length === 0; left -= 1) {
        const isAimed = left % 2 === 0
        await crashOnce(witness, folder, isAimed)
        sum.crashes += 1
        if (isAimed) sum.aimed += 1
      }
      if (witness.faults.length === 0) await endInOrder(witness)
      faults.push(...witness.faults)
      for (const name of /** @type {const} */ (['starts', 'tokens', 'keys', 'rotations', 'refused', 'recorded'])) sum[name] += witness.counts[name]
    } finally {
      rmSync(folder, { recursive: true })
    }
  }
  return { ...sum, faults }
}

/** @param {Witness} witness @param {string} folder @param {boolean} isAimed */
async function crashOnce(witness, folder, isAimed) {
  const { child, exited, served } = witness.start()
  const life = Math.random() * LONGEST
  if (!isAimed) setTimeout(() => child.kill('SIGKILL'), life)
  const server = await served
  if (server !== undefined) {
    // A kill may fall into the inspection too: what could not be asked for is asked of the next server.
    await witness.inspect(server).catch(() => {})
    const using = witness.use(server)
    if (isAimed) await pause(life / 2).then(() => whileWriting(folder)).then(() => child.kill('SIGKILL'))
    await using
  }
  await exited
}

/** Resolves within milliseconds of a write in the folder. @param {string} folder */
async function whileWriting(folder) {
  await new Promise((resolve) => {
    const watcher = watch(folder, (_change, name) => {
      if (name?.startsWith('ring.json') !== true) return
      watcher.close()
      resolve(undefined)
    })
    setTimeout(() => watcher.close(), LONGEST).unref()
    setTimeout(resolve, LONGEST)
  })
  if (Math.random() < 0.5) await pause(Math.random() * AIM)
}

/** @param {Witness} witness */
async function endInOrder(witness) {
  const { child, exited, served } = witness.start()
  const server = await served
  if (server === undefined) return
  await witness.inspect(server)
  child.kill('SIGTERM')
  await exited
  witness.checkAudit()
}

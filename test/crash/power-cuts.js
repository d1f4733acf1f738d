import { setTimeout as pause } from 'node:timers/promises'
import { Disk } from './mount.js'
import { Witness } from './witness.js'

/** Milliseconds that a server lives at most before the power fails. */
const LONGEST = 700

/**
 * Cuts the power of servers at random moments: whatever was not synced is gone.
 * @param {{ dist: string, count: number, untilFault?: boolean, isAudited?: boolean, isConfined?: boolean, kind?: import('./mount.js').Kind }} order
 */
export async function cutPower({ dist, count, untilFault = false, isAudited = true, isConfined = false, kind = 'ext4' }) {
  const disk = new Disk('32M', kind)
  const witness = new Witness({ dist, folder: disk.folder, isAudited, isConfined })
  try {
    let cuts = 0
    for (; cuts < count && !(untilFault && witness.faults.length > 0); cuts += 1) {
      const server = await witness.start().served
      if (server === undefined) break
      await witness.inspect(server).catch((error) => witness.faults.push(error.message))
      const using = witness.use(server)
      await pause(50 + Math.random() * LONGEST)
      server.child.kill('SIGKILL')
      await server.exited
      disk.cutPower()
      await using
    }
    const last = await witness.start().served
    if (last !== undefined) {
      await witness.inspect(last)
      last.child.kill('SIGTERM')
      await last.exited
      if (isAudited) witness.checkAudit()
    }
    return { ...witness.counts, cuts, faults: witness.faults }
  } finally {
    await witness.stop()
    disk.remove()
  }
}

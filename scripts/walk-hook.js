import { writeFileSync } from 'node:fs'
import { Session } from 'node:inspector/promises'

/**
 * Loaded into a server with `--import`: SIGUSR2 begins to count which functions run, the next SIGUSR2 writes the URLs of
 * the files that ran to the file that WALK_FILE names.
 */

const session = new Session()
session.connect()
await session.post('Profiler.enable')
let isCounting = false
process.on('SIGUSR2', async () => {
  if (!isCounting) {
    isCounting = true
    await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: false })
    process.stdout.write('{"event":"walk.counting"}\n')
    return
  }
  const { result } = await session.post('Profiler.takePreciseCoverage')
  const ran = result.filter(({ functions }) => functions.some(({ ranges }) => (ranges[0]?.count ?? 0) > 0))
  writeFileSync(process.env['WALK_FILE'] ?? '/dev/stdout', JSON.stringify(ran.map(({ url }) => url)))
  process.stdout.write('{"event":"walk.counted"}\n')
})

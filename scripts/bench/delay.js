import { appendFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Loaded into a server: writes, each second, the 99th percentile of what its event loop was late, in ms, to $DELAY_LOG. */

const RESOLUTION = 1
const late = monitorEventLoopDelay({ resolution: RESOLUTION })
late.enable()
setInterval(() => {
  appendFileSync(String(process.env['DELAY_LOG']), `${late.percentile(99) / 1e6 - RESOLUTION}\n`)
  late.reset()
}, 1000).unref()

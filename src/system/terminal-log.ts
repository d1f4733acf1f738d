import type { Emit } from '../core/event.ts'
import { leveled, type LogDeps } from './log.ts'

/** One short line for each event, for a person at a terminal. */
export function terminalLog(deps: LogDeps): Emit {
  return leveled(deps, (level, time, { name, ...fields }) => {
    const details = Object.entries(fields).map(([member, value]) => `${member}=${String(value)}`)
    return [time.slice(11, 19), ...(level === 'info' ? [] : [level]), name, ...details].join('  ')
  })
}

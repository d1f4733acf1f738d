import { after, seconds } from '../core/time.ts'
import { stampOf, type Watch } from './watch.ts'

/** Believes every stamp, as if this process had set it: for rules that run in simulated time. */
export const believing: Watch = (key) => {
  const stamp = stampOf(key)
  if (stamp === undefined) return undefined
  return { from: stamp, ahead: seconds(0), age: seconds(0), seenFor: (length) => after(stamp, length) }
}

import { systemSays } from '../core/errno.ts'
import { seconds } from '../core/time.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { systemElapsed } from '../system/clock.ts'
import { pause } from '../system/pause.ts'

const CALL_SECONDS = 7
/** Before the next server is asked: if all refuse at once, nothing spins. */
const BREATH_SECONDS = seconds(0.03)

/** Asks one server after the other, the one that answered last first. Rejects with `StoreUnavailable`. */
export type Rounds<Server> = <Value>(ask: (server: Server) => Promise<Value>) => Promise<Value>

/**
 * Servers that answer alike: one that does not answer is passed over for the next one, with the very same bytes. After
 * seven seconds the call is given up, and whether it had an effect is unknown. `StoreUnavailable` ends it at once: no
 * other server would answer otherwise.
 */
export function roundsOf<Server>(servers: readonly Server[], name: string): Rounds<Server> {
  let first = 0
  return async (ask) => {
    const until = systemElapsed() + CALL_SECONDS
    // Each call goes round by itself: calls that fail together would otherwise step over the servers that answer.
    for (let at = first; ; at = (at + 1) % servers.length) {
      try {
        const answer = await ask(servers[at]!)
        first = at
        return answer
      } catch (error) {
        if (error instanceof StoreUnavailable) throw error
        if (systemElapsed() >= until) throw new StoreUnavailable(`${name} does not answer: ${reasonOf(error)}`)
      }
      await pause(BREATH_SECONDS)
    }
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error && !('code' in error) ? error.message : systemSays(error)
}

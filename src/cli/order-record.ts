import type { Config } from '../config/config.ts'
import type { Event } from '../core/event.ts'
import { ok, type Result } from '../core/result.ts'
import type { OpenAudit } from '../stores/open-audit.ts'
import { systemClock } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'

/** An order that a command carries out in the store itself. */
export type Ordered = Omit<Extract<Event, { readonly name: 'operator.ordered' }>, 'name'>

const MAX_REASON_LENGTH = 256

/** What is wrong with the reason of an order, as a sentence; undefined if nothing is. */
export function reasonFault(reason: string): string | undefined {
  if (reason.length <= MAX_REASON_LENGTH) return undefined
  return `--reason has ${reason.length} characters but must have at most ${MAX_REASON_LENGTH}`
}

/** Opens the audit log of servers that do not run; the failure is a sentence. Undefined without a file. */
export async function openStopped(config: Config): Promise<Result<OpenAudit | undefined, string>> {
  if (config.audit === undefined || config.audit === '-') return ok(undefined)
  const { openAudit } = await import('../stores/open-audit.ts')
  const system = { now: systemClock, randomBytes: systemRandom, emit: () => {}, signer: () => undefined }
  return await openAudit(config.audit, config, system)
}

/** Records an order before it is carried out, and closes the log; prints why not. */
export async function isRecorded({ log }: OpenAudit, order: Ordered, path = ''): Promise<boolean> {
  await log.start(undefined)
  log.record({ name: 'operator.ordered', ...order })
  const isWritten = await log.written()
  await log.close()
  if (!isWritten) refuse(EXIT.unavailable, `Cannot write the audit log ${path}`)
  return isWritten
}

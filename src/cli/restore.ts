import { resolve } from 'node:path'
import { instant, timestamp } from '../core/time.ts'
import { KeyringFault } from '../keyring/fault.ts'
import type { Policy } from '../keyring/policy.ts'
import { activeOf, type Restored, type Ring } from '../keyring/ring.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { loadKeks } from '../stores/keks.ts'
import { restoreRing } from '../stores/restore.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'
import { AS_FLAG, type Command } from './command.ts'
import { operatorName } from './operator-name.ts'
import { isRecorded, openStopped, reasonFault } from './order-record.ts'

/** `jwksd restore BACKUP`: puts a copy of the ring back without forgetting what happened since. */
export const restore: Command = {
  words: ['BACKUP'],
  flags: [
    { name: 'reason', value: 'TEXT', meaning: 'why; required, written to the ring and the audit log' },
    { name: 'force', value: '', meaning: 'sign at once, although caches may lack the key that signs' },
    AS_FLAG,
  ],
  meaning: 'Put BACKUP, a copy of the ring, back into --store while no server runs: the newer of both rings counts, ' +
    'without any key that either of them, --audit or --witness names as revoked. Used identifiers beside either count.',
  example: 'jwksd restore old.json --store file:ring.json --kek-file kek --reason lost',
  run: async ({ config, own, words: [backup = ''] }) => {
    const { as, force, reason } = own
    if (reason === undefined) return refuse(EXIT.config, '--reason is not set. Its text goes into the audit log')
    const fault = reasonFault(reason)
    if (fault !== undefined) return refuse(EXIT.config, fault)
    if (!config.store.startsWith('file:')) {
      const way = 'Name the file:PATH of the server; for etcd or Kubernetes, restore theirs by their own tools'
      return refuse(EXIT.config, `--store is ${config.store}. ${way}`)
    }
    const keks = await loadKeks(config, systemRandom)
    if (!keks.ok) return refuse(EXIT.config, keks.error)
    const audit = await openStopped(config)
    if (!audit.ok) return refuse(EXIT.config, `${audit.error}. Stop the server, and restore again`)
    const isForced = force !== undefined
    const order = { action: 'restore', forced: isForced, reason, by: operatorName(as) }
    const record = async (target: string): Promise<boolean> =>
      audit.value === undefined || await isRecorded(audit.value, { ...order, target }, config.audit)
    try {
      const given = { backup: resolve(backup), isForced, reason, keks: keks.value, audit: audit.value, record }
      const ring = await restoreRing(config, given)
      if (!ring.ok) return refuse(EXIT.config, ring.error)
      process.stdout.write(reportOf(ring.value, config.policy(ring.value.marks)))
    } catch (error) {
      if (error instanceof StoreUnavailable) return refuse(EXIT.unavailable, `Cannot restore: ${error.message}`)
      if (!(error instanceof KeyringFault)) throw error
      refuse(EXIT.config, `Cannot restore: ${error.message} (${error.code})`)
    }
  },
}

function waitOf(restored: Restored | undefined): string {
  if (restored === undefined || restored.signsAt === restored.at) {
    return 'Keys sign at once: a verifier whose copy of the key set lacks one refuses its tokens until it fetches.'
  }
  const time = timestamp(instant(Math.ceil(restored.signsAt))).replace('.000Z', 'Z')
  return `Nothing is signed before ${time}: every cache has the key set by then.`
}

/** What is in force now, and what is missing. */
function reportOf({ generation, keys, history, restored }: Ring, { algs }: Policy): string {
  const revoked = history.filter(({ why }) => why === 'revoked').length
  const lacking = algs.filter((alg) => activeOf(keys, alg) === undefined)
  const counts = `${keys.length} keys, and ${revoked} that were revoked`
  const none = `No key signs for ${lacking.join(', ')}: the next start makes one, which waits its lead\n`
  return `Restored as ring ${generation}: ${counts}. Start the server.\n` +
    `${waitOf(restored)}\n${lacking.length > 0 ? none : ''}`
}

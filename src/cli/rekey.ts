import type { Config } from '../config/config.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { rekey as sealAnew } from '../keyring/rekey.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { loadKeks } from '../stores/keks.ts'
import { openStores } from '../stores/open.ts'
import { systemClock, systemElapsed } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'
import { askServer } from './admin-client.ts'
import { AS_FLAG, type Command } from './command.ts'
import { operatorName } from './operator-name.ts'
import { isRecorded as recorded, openStopped, reasonFault } from './order-record.ts'

/** `jwksd rekey`: encrypts everything in the store anew under the first key-encryption key. */
export const rekey: Command = {
  words: [],
  flags: [{ name: 'reason', value: 'TEXT', meaning: 'why; written to the audit log' }, AS_FLAG],
  meaning: 'Encrypt everything in --store anew under the first key-encryption key, also while servers run. The order ' +
    'is recorded first: by the server at --admin, or at --audit if no server runs.',
  example: 'jwksd rekey --store file:ring.json --kek-file new.kek,old.kek',
  run: ({ config, own: { as, reason = '' } }) => rekeyStore(config, { reason, by: operatorName(as) }),
}

/** Who gave the order, and why. */
interface Given {
  readonly reason: string
  readonly by: string
}

/** Records the order before it is carried out, where that can be; prints why not. */
async function isRecorded(config: Config, given: Given): Promise<boolean> {
  if (config.admin !== undefined) return await askServer(config, { path: '/rekey', body: given }) !== undefined
  const opened = await openStopped(config)
  if (!opened.ok) refuse(EXIT.config, `${opened.error}. While a server runs, name its socket: --admin unix:PATH`)
  if (!opened.ok) return false
  const order = { action: 'rekey', target: 'store', forced: false, ...given }
  return opened.value === undefined || await recorded(opened.value, order, config.audit)
}

async function rekeyStore(config: Config, given: Given): Promise<void> {
  if (config.store === 'memory:') return refuse(EXIT.config, '--store is memory:. Name the store of the server')
  const fault = reasonFault(given.reason)
  if (fault !== undefined) return refuse(EXIT.config, fault)
  const keks = await loadKeks(config, systemRandom)
  if (!keks.ok) return refuse(EXIT.config, keks.error)
  try {
    const { ring: store } = await openStores(config, { randomBytes: systemRandom })
    if (!await isRecorded(config, given)) return
    const count = await sealAnew({
      store, keks: keks.value, now: systemClock, elapsed: systemElapsed, randomBytes: systemRandom,
    })
    if (count === undefined) return refuse(EXIT.refused, `There are no keys in ${config.store}. Check the path`)
    process.stdout.write(`Private keys encrypted under ${keks.value[0].id}: ${count}\n`)
    if (config.admin !== undefined || config.audit !== undefined) return
    process.stderr.write('jwksd: No audit log records this: neither --admin nor --audit is set\n')
  } catch (error) {
    const cannot = `Cannot use the keys in ${config.store}: `
    if (error instanceof StoreUnavailable) return refuse(EXIT.unavailable, `${cannot}${error.message}`)
    if (!(error instanceof KeyringFault)) throw error
    refuse(EXIT.config, `${cannot}${error.message} (${error.code})`)
  }
}

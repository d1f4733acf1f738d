import type { Config } from '../config/config.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { rekey as sealAnew } from '../keyring/rekey.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { loadKeks } from '../stores/keks.ts'
import { openStore } from '../stores/open.ts'
import { systemClock, systemElapsed } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'
import type { Command } from './command.ts'

/** `jwksd rekey`: encrypts everything in the store anew under the first key-encryption key. */
export const rekey: Command = {
  words: [],
  flags: [],
  meaning: 'Encrypt everything in --store anew under the first key-encryption key, also while servers run.',
  example: 'jwksd rekey --store file:ring.json --kek-file new.kek,old.kek',
  run: ({ config }) => rekeyStore(config),
}

async function rekeyStore(config: Config): Promise<void> {
  if (config.store === 'memory:') return refuse(EXIT.config, '--store is memory:. Name the store of the server')
  const keks = await loadKeks(config, systemRandom)
  if (!keks.ok) return refuse(EXIT.config, keks.error)
  try {
    const store = await openStore(config, systemRandom)
    const count = await sealAnew({
      store, keks: keks.value, now: systemClock, elapsed: systemElapsed, randomBytes: systemRandom,
    })
    if (count === undefined) return refuse(EXIT.refused, `There are no keys in ${config.store}. Check the path`)
    process.stdout.write(`Private keys encrypted under ${keks.value[0].id}: ${count}\n`)
  } catch (error) {
    const cannot = `Cannot use the keys in ${config.store}: `
    if (error instanceof StoreUnavailable) return refuse(EXIT.unavailable, `${cannot}${error.message}`)
    if (!(error instanceof KeyringFault)) throw error
    refuse(EXIT.config, `${cannot}${error.message} (${error.code})`)
  }
}

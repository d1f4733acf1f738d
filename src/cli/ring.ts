import { refusalOf } from '../config/promise.ts'
import { refusalLines } from '../config/refusal.ts'
import { KeyringFault } from '../keyring/fault.ts'
import { Keyring } from '../keyring/keyring.ts'
import { StoreUnavailable } from '../keyring/store.ts'
import { loadKeks } from '../stores/keks.ts'
import { openStores } from '../stores/open.ts'
import { systemClock, systemElapsed } from '../system/clock.ts'
import { EXIT, refuse } from '../system/exit.ts'
import { systemRandom } from '../system/random.ts'
import type { Command } from './command.ts'

const SYSTEM = { now: systemClock, elapsed: systemElapsed, randomBytes: systemRandom, emit: () => {} }

/** `jwksd ring create`: makes the first ring in a store of several machines, which no server does by itself. */
export const ring: Command = {
  words: ['create'],
  flags: [],
  meaning: 'Make the ring in an empty --store. Servers on etcd or Kubernetes never do: they cannot ' +
    'tell an empty store from one that was wiped.',
  example: 'jwksd ring create --store etcds://etcd.example/jwksd --kek-file ring.kek',
  run: async ({ config }) => {
    if (config.store === 'memory:') return refuse(EXIT.config, '--store is memory:. Name the store of the servers')
    const refusal = await refusalOf(config, process)
    if (refusal !== undefined) return refuse(EXIT.config, ...refusalLines(refusal))
    const keks = await loadKeks(config, systemRandom)
    if (!keks.ok) return refuse(EXIT.config, keks.error)
    try {
      const { ring: store } = await openStores(config, { randomBytes: systemRandom, mayCreate: true })
      if (await store.load() !== undefined) return refuse(EXIT.refused, `There is a ring in ${config.store} already`)
      const made = await Keyring.open({ ...SYSTEM, store, keks: keks.value, policy: config.policy })
      if (!made.ok) return refuse(EXIT.config, made.error.message)
      const { keys } = made.value.lastSeen().ring
      process.stdout.write(`Made a ring in ${config.store}: ${keys.map(({ jwk }) => jwk.kid).join(', ')}\n`)
    } catch (error) {
      if (!(error instanceof StoreUnavailable || error instanceof KeyringFault)) throw error
      const code = error instanceof KeyringFault ? EXIT.config : EXIT.unavailable
      refuse(code, `Cannot make a ring in ${config.store}: ${error.message}`)
    }
  },
}

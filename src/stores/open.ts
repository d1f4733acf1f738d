import { resolve } from 'node:path'
import type { AuditLog } from '../audit/log.ts'
import type { Config } from '../config/config.ts'
import type { RandomBytes } from '../core/random.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import type { Signer } from '../jose/signer.ts'
import type { RingStore } from '../keyring/store.ts'

/** The store of a configuration. */
export async function openStore({ store, allowShared }: Config, randomBytes: RandomBytes): Promise<RingStore> {
  if (store === 'memory:') return (await import('./memory.ts')).memoryStore()
  const { fileStore } = await import('./file.ts')
  return fileStore({ path: resolve(store.slice('file:'.length)), allowShared, randomBytes })
}

/** The audit log of a configuration, if it has one; the failure is a sentence for the operator. */
export async function openAudit(
  { audit }: Config,
  { now, emit }: System,
  signer: () => Signer | undefined,
): Promise<Result<AuditLog, string> | undefined> {
  if (audit === undefined) return undefined
  const { AuditLog } = await import('../audit/log.ts')
  const { openLineFile } = await import('./line-file.ts')
  try {
    const file = await openLineFile(resolve(audit.path))
    return ok(new AuditLog({ file, now, tell: emit, signer }))
  } catch (error) {
    return fail(`Cannot use the audit log ${audit.path}: ${(error as Error).message}`)
  }
}

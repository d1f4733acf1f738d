import { resolve } from 'node:path'
import { AuditLog } from '../audit/log.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import type { Signer } from '../jose/signer.ts'
import { openLineFile } from './line-file.ts'

/** Opens the audit log in a file; the failure is a sentence for the operator. */
export async function openAudit(
  path: string,
  { now, emit }: System,
  signer: () => Signer | undefined,
): Promise<Result<AuditLog, string>> {
  try {
    const file = await openLineFile(resolve(path))
    return ok(new AuditLog({ file, now, emit, signer }))
  } catch (error) {
    return fail(`Cannot use the audit log ${path}: ${(error as Error).message}`)
  }
}

import type { Config } from '../config/config.ts'
import type { Emit } from '../core/event.ts'
import { ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import type { Anchor } from '../keyring/deps.ts'
import type { Snapshot } from '../keyring/snapshot.ts'
import { anchorIn } from '../stores/heads.ts'
import type { Recorder } from './part.ts'

/** What is written down about a ring besides the ring. */
export interface Records {
  readonly audit: Recorder | undefined
  readonly anchor: Anchor
  /** Emits an event, and records it. */
  readonly emit: Emit
}

/** Opens the audit log and the witness of a configuration; the failure is a sentence for the operator. */
export async function openRecords(
  config: Config,
  system: System,
  lastSeen: () => Snapshot | undefined,
): Promise<Result<Records, string>> {
  const signer = () => lastSeen()?.signers.get(undefined)
  const witness = config.witness === undefined ? undefined
    : await (await import('../stores/witness.ts')).openWitness(config.witness, system)
  if (witness?.ok === false) return witness
  const audit = config.audit === undefined ? undefined
    : await (await import('../stores/open-audit.ts')).openAudit(config.audit, config, { ...system, signer })
  if (audit?.ok === false) return audit
  const emit: Emit = (event) => {
    system.emit(event)
    audit?.value.log.record(event)
  }
  const anchor = anchorIn(config, { audit: audit?.value, witness: witness?.value, emit })
  return ok({ audit: audit?.value.log, anchor, emit })
}

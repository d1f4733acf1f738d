import { constants } from 'node:fs'
import { resolve } from 'node:path'
import { AuditLog } from '../audit/log.ts'
import type { LineFile } from '../audit/file.ts'
import type { Config } from '../config/config.ts'
import { encodeBase64url } from '../core/encoding.ts'
import { fail, ok, type Result } from '../core/result.ts'
import type { System } from '../core/system.ts'
import type { Signer } from '../jose/signer.ts'
import { openPrivate } from '../system/private-file.ts'

const { O_APPEND, O_CREAT, O_RDWR } = constants
const CHAIN_BYTES = 16
const MEBIBYTE = 1024 * 1024
const STDOUT = 1

/** What an audit log needs of the world. */
export interface AuditSystem extends Pick<System, 'now' | 'emit' | 'randomBytes'> {
  readonly signer: () => Signer | undefined
}

/** An audit log, and its file. */
export interface OpenAudit {
  readonly log: AuditLog
  readonly file: LineFile
}

/** Opens the audit log in a file or on standard output; the failure is a sentence for the operator. */
export async function openAudit(
  path: string,
  config: Config,
  { now, emit, randomBytes, signer }: AuditSystem,
): Promise<Result<OpenAudit, string>> {
  try {
    const { auditSize, auditAge } = config
    const file = await open(path, config)
    const maxBytes = file.place === undefined ? undefined : auditSize * MEBIBYTE
    const newChain = (): string => encodeBase64url(randomBytes(CHAIN_BYTES))
    const log = new AuditLog({ file, now, emit, signer, newChain, maxBytes, maxAge: auditAge })
    return ok({ log, file })
  } catch (error) {
    return fail(`Cannot use the audit log ${path}: ${(error as Error).message}`)
  }
}

async function open(path: string, { allowShared, workers }: Config): Promise<LineFile> {
  if (path === '-') return (await import('./line-pipe.ts')).openLinePipe(STDOUT)
  const rules = { othersMay: 'read', allowShared, followsLinks: false, makes: true, mayBeDevice: true } as const
  const opened = await openPrivate(path, rules, O_RDWR | O_APPEND | O_CREAT)
  if (!opened.ok) throw new Error(opened.error.problem)
  await opened.value.close()
  return await (await import('./line-file.ts')).openLineFile(resolve(path), workers)
}

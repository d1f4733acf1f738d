import { constants, type Stats } from 'node:fs'
import { open } from 'node:fs/promises'
import { systemSays } from '../core/errno.ts'
import { fail, ok, type Result } from '../core/result.ts'

/** Who may reach a file, and what it may be. */
export interface FileRules {
  /** What users other than the owner may do with the file. */
  readonly othersMay: 'nothing' | 'read'
  /** Whether `--allow-shared-files` lifts the rules about owner and mode. */
  readonly allowShared: boolean
  /** Whether the path may be a symbolic link, as in a mounted Kubernetes secret. */
  readonly followsLinks: boolean
  readonly maxBytes: number
}

/** Why a file was not read. */
export interface FileFault {
  readonly code: 'unreadable' | 'damaged'
  /** What is wrong with the file, then what to do. */
  readonly problem: string
  /** The error of the system, if it reported one. */
  readonly cause?: unknown
}

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants
const FORBIDDEN_MODE = { nothing: 0o077, read: 0o022 }
const ROOT = 0
const MAX_SECRET_BYTES = 4096

/** Reads a whole file, once kind, owner, mode and size of the open file are as they must be. */
export async function readPrivate(path: string, rules: FileRules): Promise<Result<Buffer, FileFault>> {
  try {
    // Without O_NONBLOCK, opening a pipe waits for its writer.
    const file = await open(path, O_RDONLY | O_NONBLOCK | (rules.followsLinks ? 0 : O_NOFOLLOW))
    try {
      const status = await file.stat()
      const problem = problemOf(status, rules)
      if (problem !== undefined) return fail({ code: 'unreadable', problem })
      if (status.size <= rules.maxBytes) return ok(await file.readFile())
      return fail({ code: 'damaged', problem: `it is larger than ${rules.maxBytes} bytes` })
    } finally {
      await file.close()
    }
  } catch (error) {
    return fail({ code: 'unreadable', problem: systemSays(error), cause: error })
  }
}

/** Reads a small file that only its owner may reach, or a link to one; the failure is a sentence for the operator. */
export async function readSecret(path: string, allowShared: boolean): Promise<Result<Buffer, string>> {
  const rules = { othersMay: 'nothing', allowShared, followsLinks: true, maxBytes: MAX_SECRET_BYTES } as const
  const read = await readPrivate(path, rules)
  if (read.ok) return read
  const { problem, cause } = read.error
  return fail(`Cannot ${cause === undefined ? 'trust' : 'read'} ${path}: ${problem}`)
}

function problemOf(status: Stats, { othersMay, allowShared }: FileRules): string | undefined {
  if (!status.isFile()) return 'it is not a regular file'
  if (allowShared) return undefined
  const verb = othersMay === 'read' ? 'write' : 'reach'
  const isShared = (status.mode & FORBIDDEN_MODE[othersMay]) !== 0
  if (isShared) return `group or others can ${verb} it. Run chmod 600 on it, or set --allow-shared-files`
  const user = process.geteuid?.() ?? ROOT
  // Root runs commands on the files of the server's user.
  if (user === ROOT || status.uid === user || status.uid === ROOT) return undefined
  return `user ${status.uid} owns it. Give it to user ${user}, or set --allow-shared-files`
}

import type { Emit } from '../core/event.ts'

/** Who may reach a file, and what it may be. */
export interface FileRules {
  /** What users other than the owner may do with the file. */
  readonly othersMay: 'nothing' | 'read'
  /** Whether `--allow-shared-files` lifts the rules about owner, mode and folders. */
  readonly allowShared: boolean
  /** Whether the path may be a symbolic link, as in a mounted Kubernetes secret. */
  readonly followsLinks: boolean
  /** Whether we make or replace the file: then nobody else may make files in its folder. */
  readonly makes?: boolean
  /** Whether a command of root may use the file of any user, such as the one of a server. */
  readonly isManaged?: boolean
  /** Whether our file gets mode 0600 again when a group of ours could write it; this hears of it. */
  readonly restores?: Emit | undefined
  readonly mayBeDevice?: boolean
}

/** What a file that is read whole must be. */
export interface ReadRules extends FileRules {
  readonly maxBytes: number
}

/** Why a file was not opened. */
export interface FileFault {
  readonly code: 'unreadable' | 'damaged'
  /** What is wrong with the file, then what to do. */
  readonly problem: string
  /** The error of the system, if it reported one. */
  readonly cause?: unknown
}

/** The bits of a mode that are more than users other than the owner may do. */
export const FORBIDDEN_MODE = { nothing: 0o077, read: 0o022 } as const

import { AS_FLAG, type CommandFlag } from './command.ts'

/** The flags of `jwksd keys import`. */
export const IMPORT_FLAGS: readonly CommandFlag[] = [
  { name: 'kid', value: 'KID', meaning: 'import: the name under which verifiers know the key' },
  { name: 'published-since', value: 'TIME', meaning: 'import: since when the other issuer publishes the key' },
  { name: 'old-max-age', value: 'DURATION', meaning: 'import: how long caches keep the key set of that issuer' },
  { name: 'old-max-ttl', value: 'DURATION', meaning: 'import: the longest lifetime of a token of that issuer' },
  { name: 'public', value: '', meaning: 'import: FILE has the public half alone; it verifies until (2) is over' },
  { name: 'reason', value: 'TEXT', meaning: 'import: why; written to the audit log' },
  AS_FLAG,
]

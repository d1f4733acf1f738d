import type { Event } from '../src/core/event.ts'
import type { EXIT } from '../src/system/exit.ts'

/** What the made tables say beyond what src says. */

/** The options that the README shows. */
export const MOST_USED_OPTIONS: ReadonlySet<string> = new Set([
  'host', 'port', 'issuer', 'alg', 'preset', 'store', 'kek-file', 'clients', 'admin', 'audit',
])

/** What each exit code means. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  refused: 'The answer is no: `probe` found a hole, `audit verify` found a change, a command could not do its work.',
  unavailable: 'Something is out of reach or in use: the port, the store, the socket of operators, the API of a probe.',
  software: 'The server met an error that nobody expected. The log has `server.fault`; please report it.',
  output: 'A command cannot write its output: the disk is full, for example. An order is carried out all the same.',
  config: 'The configuration, a file that it names, or the store cannot be used. A restart does not help.',
}

/** What each event means, and what to do. */
export const EVENT_MEANINGS: Readonly<Record<Event['name'], string>> = {
  'policy.proved': 'The configuration keeps the promise; one event for each inequality.',
  'store.volatile': 'The keys live in memory and die with the process. Set `--store` unless this is a test.',
  'store.created': 'The store was empty and has its first keys now. If it should not have been empty, stop and look.',
  'store.mode_restored': 'A group could reach the key store (`mode`), as Kubernetes\' `fsGroup` makes it when it mounts a volume. It has mode 0600 again.',
  'store.failed': 'The store cannot be read or written. Keys and tokens go on for a while; mend the store (`detail`).',
  'store.recovered': 'The store works again.',
  'stamps.ahead': 'A stored time lies further ahead than clocks may differ: this clock is behind, or another was ahead.',
  'stamps.passed': 'No stored time lies ahead of the clock any more.',
  'key.created': 'A new key was made; it waits for its publication.',
  'key.published': 'The key is in the key set; its lead starts.',
  'key.promoted': 'The key signs from now on.',
  'key.retired': 'The key signs no more; its private half has left the ring; it stays published for the retention.',
  'key.removed': 'The key left the key set.',
  'key.revoked': 'An operator took the key out of the key set.',
  'token.minted': 'A token was made. `subject` is the SHA-256 of `jti.sub`, so that no subject lies open.',
  'rollback.accepted': 'An operator accepted an older ring, or a log that the ring does not know. Nothing signs for a while.',
  'witness.failed': 'The witness cannot be written. A later start may not notice an older copy of the store.',
  'ring.served': 'A ring came into force here: its number, and the version of its document.',
  'token.revoked': 'A client took a token back.',
  'tokens.revoked': 'A client revoked so many tokens that all of its tokens until now are revoked.',
  'client.refused': 'A client failed to authenticate. `unknown` stands for a name that is not registered; `reason` is the check that failed.',
  'clients.loaded': 'The clients file is in force.',
  'clients.failed': 'The clients file cannot be used; the former clients stay in force. Correct the file (`detail`).',
  'request.refused': 'A client that authenticated is refused: `detail` says what it was told.',
  'jwks.dropped': 'A key of a client or a trusted issuer cannot be used: `member` of the key at `place` is at fault.',
  'jwks.failed': 'The keys of a client or a trusted issuer cannot be fetched. Its known keys are used for a day.',
  'operator.ordered': 'An operator ordered this (rotate, revoke, rekey); it is recorded before it is carried out, so `operator.refused` may follow. `by` is the name that the command claims.',
  'operator.refused': 'An order was refused.',
  'config.loaded': 'The settings in force; secrets are left out.',
  'config.unknown': 'This variable looks like one of this server but names no option: it has no effect. Correct it.',
  'log.dropped': 'Nobody read standard output for a while, so that so many lines were not written. Find the slow reader.',
  'keys.mixed': 'Some verifiers refuse the whole key set for keys of `algs`. Set `--separate-set`.',
  'keys.unsealed': 'Anyone who can read the store can sign. Set `--kek-file`, or accept it.',
  'audit.failed': 'The audit log is not written, or its file was `moved` (also: deleted) or `truncated`, or a write `stalled`. With `--audit-required` no token leaves until that ends; after a move send SIGHUP.',
  'audit.begun': 'There was no audit log to continue: a new chain begins.',
  'audit.segment': 'A new file continues the audit log from record `from` on.',
  'audit.folded': 'So many more events of the kind `folded` came within a minute; only the first ten have a record.',
  'audit.recovered': 'The audit log is written again; `lost` records are missing.',
  'audit.torn': 'A crash cut the last line of the audit log; it was removed.',
  'audit.unclosed': 'The audit log ended without a checkpoint: a crash, or somebody wrote to it. Verify it.',
  'audit.checkpoint': 'The active key signed the audit log up to `seq`. Keep `seq` and `head` elsewhere.',
  'certificate.loaded': 'The certificate for TLS is in force; it expires at `expires`.',
  'certificate.failed': 'For a minute the files of certificate and key have not fitted each other, or cannot be used. The former certificate stays in force; mend them (`detail`).',
  'certificate.expires': 'The certificate for TLS expires in so many `days`, and was not renewed. Find out why.',
  'proxies.untrusted': 'Every client on the socket at `address` counts as one: failures of one make others wait. Set `--trusted-proxies unix`.',
  'auth.open': '`--open-auth` is set: anyone who reaches the address, or the issuer, gets any token.',
  'worker.ended': 'A worker died and is replaced.',
  'workers.single': 'One process serves, since this store cannot be shared.',
  'threads.single': 'One thread signs and makes keys, so signing waits for key generation. Raise `UV_THREADPOOL_SIZE`.',
  'server.listening': 'The server answers at `url`.',
  'server.stopping': 'A signal came; open requests are answered first.',
  'server.stopped': 'The server has ended in order.',
  'server.fault': 'An error that nobody expected; the request got 500. Please report it.',
}

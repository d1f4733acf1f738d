import { audit } from './audit.ts'
import { check } from './check.ts'
import { client } from './client.ts'
import type { Command } from './command.ts'
import { completion } from './completion.ts'
import { health } from './health.ts'
import { init } from './init.ts'
import { kek } from './kek.ts'
import { keys } from './keys.ts'
import { probe } from './probe.ts'
import { rekey } from './rekey.ts'
import { restore } from './restore.ts'
import { revoke } from './revoke.ts'
import { ring } from './ring.ts'
import { rotate } from './rotate.ts'
import { serve } from './serve.ts'
import { simulate } from './simulate.ts'
import { token } from './token.ts'

/** Every command by its name, in the order of help. */
export const COMMANDS: ReadonlyMap<string, Command> = new Map(Object.entries({
  serve, check, health, init, keys, rotate, revoke, kek, ring, rekey, restore, client, audit, probe, simulate, token,
  completion,
}))

#!/usr/bin/env node
import { namesFile, parseConfig } from './config/config.ts'
import { startsServer } from './config/flags.ts'
import { EXIT, refuse } from './system/exit.ts'

/** The entry: a server loads nothing of the other commands. */

const args = process.argv.slice(2)
const { env } = process

if (startsServer(args)) {
  const inFile = namesFile({ args, env }) ? (await import('./config/file.ts')).readConfigFile : () => []
  const parsed = parseConfig({ args, env, inFile })
  if (parsed.ok) await (await import('./serve/serve.ts')).serve(parsed.value)
  else refuse(EXIT.config, ...parsed.error.map((await import('./config/refusal.ts')).faultText))
} else {
  await (await import('./cli/main.ts')).main({ args, env, inFile: (await import('./config/file.ts')).readConfigFile })
}

#!/usr/bin/env node
import { parseConfig } from './config/config.ts'
import { startsServer } from './config/flags.ts'
import { EXIT, refuse } from './system/exit.ts'
import { readPlain } from './system/plain-file.ts'

/** The entry: a server loads nothing of the other commands. */

const args = process.argv.slice(2)
const sources = { args, env: process.env, readFile: readPlain }

if (startsServer(args)) {
  const parsed = parseConfig(sources)
  if (parsed.ok) await (await import('./serve/serve.ts')).serve(parsed.value)
  else refuse(EXIT.config, ...parsed.error.map((await import('./config/refusal.ts')).faultText))
} else {
  await (await import('./cli/main.ts')).main(sources)
}
